"""What is mounted on the HTTP server, in `run` and in `serve` alike, and what runs behind it.

The doors of both protocols share one gate, one counter, one shelf of files and one outbox.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from bot import __version__
from bot.app import Parts
from bot.backends import base_of
from bot.settings import Settings
from bot.web.buckets import Rate
from bot.web.callbacks import Callbacks
from bot.web.counter import Counter, known_models
from bot.web.delivery import ApiDelivery
from bot.web.docs import Docs
from bot.web.files import Files
from bot.web.gate import Bars, Gate
from bot.web.health import Check, health_routes
from bot.web.hooks import Hooks
from bot.web.modelslab.answers import callback_body as modelslab_body
from bot.web.modelslab.door import ModelsLabDoor
from bot.web.modelslab.images import InitImages
from bot.web.novita.answers import callback_body as novita_body
from bot.web.novita.routes import NovitaDoor
from bot.web.operations import the_service
from bot.web.signatures import Signer, read_secret
from jobs.aliases import Aliases
from jobs.errors import FlipbookError
from jobs.model import JobId, Progress
from providers.http import Http
from providers.local.library.aliases import AliasFile
from providers.posts import Posts
from storage.callbacks import SqliteOutbox
from storage.keys import SqliteKeyStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The way in for callers of the API, and the way back to them.

    Attributes:
        delivery: For the jobs that came through them.
        mounted: Their routes, and those of files and of webhooks that come in.
    """

    delivery: ApiDelivery
    mounted: Sequence[web.AbstractRouteDef]

    def routes(self, checks: Mapping[str, Check]) -> Sequence[web.AbstractRouteDef]:
        """Return all routes of the server, with what its health is made of."""
        return [*health_routes(checks), *self.mounted]


@asynccontextmanager
async def open_doors(parts: Parts) -> AsyncGenerator[Doors]:
    """Build the doors, and send webhooks while the context lasts.

    Raises:
        SettingsError: What is set for webhooks makes no sense.
        StorageError: The secret of the links can be neither read nor kept.
    """
    settings, clock = parts.settings, parts.clock
    signer = _signer(settings)
    async with AsyncExitStack() as stack:
        posts = await stack.enter_async_context(Posts.open(own=settings.webhook_allow))
        http = await stack.enter_async_context(Http.open(own=()))
        outbox = SqliteOutbox(parts.database)
        callbacks = Callbacks(outbox=outbox, posts=posts, clock=clock, signer=signer)
        files = await Files.open(
            parts.values, jobs=parts.jobs, artifacts=parts.artifacts, clock=clock
        )
        bodies = {"modelslab": modelslab_body, "novita": novita_body}
        delivery = ApiDelivery(teller=callbacks, bodies=bodies, links=files)
        entry = _Entry(parts, files=files, progress_of=delivery.progress_of)
        mounted = [
            *Hooks(inbox=parts.inbox, arrived=parts.notices.letter_arrived, clock=clock).routes(),
            *files.routes(),
            *entry.modelslab(InitImages(http=http)).routes(),
            *entry.novita(callbacks).routes(),
            *entry.docs().routes(),
        ]
        await stack.enter_async_context(_running(callbacks))
        yield Doors(delivery=delivery, mounted=mounted)


class _Entry:
    """What both protocols share, and their doors."""

    def __init__(
        self, parts: Parts, *, files: Files, progress_of: Callable[[JobId], Progress | None]
    ) -> None:
        keys = SqliteKeyStore(parts.database)
        names = AliasFile(parts.settings.models_dir, clock=parts.clock)
        self._parts = parts
        self._files = files
        self._gate = Gate(keys=keys, clock=parts.clock, bars=bars_of(parts.settings))
        self._counter = Counter(
            service=parts.service, jobs=parts.jobs, links=files, progress_of=progress_of
        )
        self._aliases = Aliases(
            names=names.names,
            models=lambda: {model.id for model in known_models(parts.catalogue)},
        )

    def docs(self) -> Docs:
        return Docs(gate=self._gate, service=the_service(__version__))

    def modelslab(self, images: InitImages) -> ModelsLabDoor:
        return ModelsLabDoor(
            gate=self._gate,
            counter=self._counter,
            links=self._files,
            aliases=self._aliases,
            images=images,
        )

    def novita(self, callbacks: Callbacks) -> NovitaDoor:
        return NovitaDoor(
            gate=self._gate,
            counter=self._counter,
            catalogue=self._parts.catalogue,
            aliases=self._aliases,
            send_event=callbacks.add,
            clock=self._parts.clock,
        )


def database_answers(parts: Parts) -> Check:
    """Return the check that the database can be read."""

    async def check() -> str | None:
        try:
            await parts.values.get_value("commands:global")
        except FlipbookError as error:
            return type(error).__name__
        return None

    return check


def bars_of(settings: Settings) -> Bars:
    """Return what the operator's settings hold requests to."""
    public_url = settings.public_url
    return Bars(
        key_rate=Rate(per_minute=settings.key_requests_per_minute),
        stranger_rate=Rate(per_minute=settings.stranger_requests_per_minute),
        public_url=None if public_url is None else base_of(public_url),
        proxies=settings.trusted_proxies,
    )


def _signer(settings: Settings) -> Signer:
    secret = settings.webhook_secret
    return Signer(None if secret is None else read_secret(secret.get_secret_value()))


@asynccontextmanager
async def _running(callbacks: Callbacks) -> AsyncGenerator[None]:
    sending = asyncio.create_task(callbacks.run(), name="webhooks")
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
