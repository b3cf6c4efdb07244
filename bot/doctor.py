"""`python -m bot doctor`: do the hosted providers work with these settings? It spends nothing.

For each one: does it answer, does it take the key, what can the account render with, and do its
webhooks arrive? The last is proved by Novita's test mode, towards a receiver of our own in the
place of the bot; while the bot runs, only the way to it is tried. What was not proved is noted.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import TypeAdapter

from bot.backends import base_of, hosted_providers, open_api
from bot.check import some_of
from bot.findings import Finding, tell
from bot.settings import Settings
from bot.web.server import open_front_door
from jobs.errors import BusyError, ProviderError, RefusedError, SettingsError, UnavailableError
from jobs.request import ProviderName
from providers.hosted.api import Api, HookTester, Shelf
from providers.http import Http

ANY_OBJECT = TypeAdapter(dict[str, object])
HOOK_WAIT_S = 30.0  # Novita tries for five seconds, and again


async def doctor(
    settings: Settings, *, only: ProviderName | None = None, hook_wait_s: float = HOOK_WAIT_S
) -> bool:
    """Probe the hosted providers that have a key; print what was found; say whether all is well.

    Args:
        settings: Keys, base URLs, and where webhooks should arrive.
        only: Probe this one, which then has to have a key.
        hook_wait_s: Seconds until a webhook counts as lost.
    """
    names = hosted_providers(settings) if only is None else [only]
    return await tell(_findings(settings, names, hook_wait_s), secrets=settings.secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What stands where the bot would, while it does not run.

    Attributes:
        token: The last part of its address; only what comes there counts.
        mark: What `/healthz` says, to be known by.
        arrived: Set by the first webhook.
    """

    token: str = field(default_factory=lambda: secrets.token_hex(16))
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def open(self, host: str, port: int) -> AsyncGenerator[None]:
        """Take webhooks.

        Raises:
            SettingsError: The port is taken, as it is while the bot runs.
        """
        routes = [
            web.post(f"/hooks/{{provider}}/{self.token}", self._take),
            web.get("/healthz", self._answer),
        ]
        async with open_front_door(host, port, routes):
            yield

    async def _take(self, _: web.Request) -> web.Response:
        self.arrived.set()
        return web.Response(text="ok")

    async def _answer(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "doctor": self.mark})


async def _findings(
    settings: Settings, names: Sequence[ProviderName], hook_wait_s: float
) -> AsyncGenerator[Finding]:
    if not names:
        yield Finding(
            name="providers: a hosted one has a key",
            problem="none has; set MODELSLAB_API_KEY or NOVITA_API_KEY",
        )
    models: dict[ProviderName, str] = {}
    for name in names:
        findings, shelf = await _probe(settings, name)
        for finding in findings:
            yield finding
        if shelf.models:
            models[name] = shelf.models[0].id
    if models:
        async for finding in _probe_hooks(settings, models, hook_wait_s):
            yield finding


# The account


async def _probe(settings: Settings, name: ProviderName) -> tuple[Sequence[Finding], Shelf]:
    """Ask for the models, which is free and needs the key."""
    try:
        async with open_api(settings, name) as (api, _):
            is_set_up = Finding(name=f"{name}: is set up for {api.endpoint}")
            try:
                shelf = await api.shelf()
            except ProviderError as error:
                return [is_set_up, *_refusal(name, error)], Shelf()
    except SettingsError as error:
        return [Finding(name=f"{name}: is set up", problem=str(error))], Shelf()
    return [is_set_up, *_stock(name, shelf)], shelf


def _refusal(name: ProviderName, error: ProviderError) -> Sequence[Finding]:
    """Say how far the question for the models came."""
    why = f"{error.user_message} {error.detail}".strip()
    answers = f"{name}: answers"
    match error:
        case BusyError():
            busy = Finding(name=f"{name}: takes no questions just now ({why})", is_open=True)
            return [Finding(name=answers), busy]
        case UnavailableError():
            return [Finding(name=answers, problem=why)]
        case RefusedError():
            return [Finding(name=answers), Finding(name=f"{name}: takes the key", problem=why)]
        case _:
            return [Finding(name=f"{name}: gives an answer that can be read", problem=why)]


def _stock(name: ProviderName, shelf: Shelf) -> Sequence[Finding]:
    ids = [model.id for model in shelf.models]
    extras = f"{len(shelf.loras)} LoRAs, {len(shelf.embeddings)} embeddings"
    return [
        Finding(name=f"{name}: answers"),
        Finding(name=f"{name}: takes the key"),
        Finding(
            name=f"{name}: {len(ids)} models: {some_of(ids)}; {extras}",
            problem=None if ids else "none can be used",
        ),
    ]


# Webhooks


async def _probe_hooks(
    settings: Settings, models: dict[ProviderName, str], hook_wait_s: float
) -> AsyncGenerator[Finding]:
    """Try the way in, from outside where a provider offers it."""
    if settings.public_url is None:
        yield Finding(
            name="webhooks: FLIPBOOK_PUBLIC_URL is not set, so videos are polled, and a submit "
            "whose answer is lost waits for a moderator",
            is_open=True,
        )
        return
    if settings.http_port == 0:
        problem = "it is 0, any free port, so FLIPBOOK_PUBLIC_URL cannot lead there"
        yield Finding(name="webhooks: FLIPBOOK_HTTP_PORT is a fixed one", problem=problem)
        return
    public_url, receiver = base_of(settings.public_url), Receiver()
    try:
        async with receiver.open(settings.http_host, settings.http_port):
            yield await _reach_receiver(public_url, receiver)
            for name, model in models.items():
                url = f"{public_url}/hooks/{name}/{receiver.token}"
                async with open_api(settings, name) as (api, _):
                    yield await _try_hook(api, url, model, receiver, hook_wait_s)
    except SettingsError:  # somebody is there: the running bot, if all is well
        yield await _reach_bot(public_url)
        yield Finding(
            name="webhooks: not tried from outside, because the port is in use; stop the bot and "
            "call doctor again to try that, too",
            is_open=True,
        )


async def _reach_receiver(public_url: str, receiver: Receiver) -> Finding:
    """Ask from here whether the public address leads to the receiver.

    It need not: many networks do not let their own machines in by their public address. A
    provider's own test says more.
    """
    health = await _health(public_url)
    if health.get("doctor") == receiver.mark:
        return Finding(name=f"webhooks: {public_url} leads here")
    return Finding(
        name=f"webhooks: {public_url} does not lead here from this machine; from outside it may",
        is_open=True,
    )


async def _reach_bot(public_url: str) -> Finding:
    is_bot = "checks" in await _health(public_url)
    return Finding(
        name=f"webhooks: {public_url}/healthz is answered by the running bot",
        problem=None if is_bot else "it is not, as seen from this machine",
    )


async def _health(public_url: str) -> Mapping[str, object]:
    """Return what `/healthz` says at the public address; nothing if nobody like us is there."""
    try:
        async with Http.open(own=[public_url]) as http:
            said = (await http.call("GET", f"{public_url}/healthz")).json()
    except ProviderError:
        return {}
    return ANY_OBJECT.validate_python(said) if isinstance(said, dict) else {}


async def _try_hook(api: Api, url: str, model: str, receiver: Receiver, wait_s: float) -> Finding:
    """Have a provider send a webhook of its test mode, if it has one, and wait for it."""
    if not isinstance(api, HookTester):
        return Finding(
            name=f"{api.name}: has no test mode, so whether its webhooks arrive was not tried",
            is_open=True,
        )
    claim = f"{api.name}: its test webhook arrives"
    try:
        await api.try_hook(url, model=model)
        async with asyncio.timeout(wait_s):
            await receiver.arrived.wait()
    except ProviderError as error:
        return Finding(name=claim, problem=f"{error.user_message} {error.detail}".strip())
    except TimeoutError:
        return Finding(name=claim, problem=f"none came within {wait_s:g} seconds")
    return Finding(name=claim)
