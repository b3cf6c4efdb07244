"""An independent client with strict deserialisers finds nothing to complain of.

hikari shares no code with discord.py. It comes by both doors: the plain HTTP port, and TLS through
the proxy, where the names and the certificates are Discord's.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import hikari
import pytest
from hikari.impl import HTTPSettings, ProxySettings

from bot.sandbox import Sandbox

VIDEO = bytes(range(256)) * 64

Settings = Callable[[Sandbox], dict[str, object]]


def by_plain_http(sandbox: Sandbox) -> dict[str, object]:
    return {"rest_url": f"{sandbox.http_url}/api/v10"}


def by_the_proxy(sandbox: Sandbox) -> dict[str, object]:
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    return {
        "proxy_settings": ProxySettings(url=sandbox.proxy_url),
        "http_settings": HTTPSettings(ssl=context),
    }


@pytest.fixture(params=[by_plain_http, by_the_proxy], ids=lambda door: door.__name__)
async def client(
    request: pytest.FixtureRequest, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[hikari.GatewayBot]:
    """Return a started bot with a command; in the end it has warned of nothing and left nothing."""
    caplog.set_level(logging.INFO)
    before = asyncio.all_tasks()
    settings: Settings = request.param
    async with started(sandbox, settings(sandbox)) as bot:
        yield bot
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING
    ]
    assert warnings == []
    assert any(record.name.startswith("hikari") for record in caplog.records), "it does log"
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert [task for task in left if not _serves(task)] == []


def _serves(task: asyncio.Task[object]) -> bool:
    """Tell the sandbox's own connections from what the client may have left."""
    return "aiohttp/web_protocol.py" in repr(task) or "proxy" in repr(task)


@asynccontextmanager
async def started(
    sandbox: Sandbox, settings: dict[str, object]
) -> AsyncGenerator[hikari.GatewayBot]:
    bot = hikari.GatewayBot(
        sandbox.token,
        banner=None,
        logs=None,
        suppress_optimization_warning=True,
        intents=hikari.Intents.GUILDS,
        **settings,  # pyright: ignore[reportArgumentType] -- one of the two doors
    )
    bot.subscribe(hikari.InteractionCreateEvent, answer)
    await bot.start(check_for_updates=False)
    try:
        application = await bot.rest.fetch_application()
        command = bot.rest.slash_command_builder("video", "Make a video").add_option(
            hikari.CommandOption(
                type=hikari.OptionType.STRING, name="prompt", description="x", is_required=True
            )
        )
        await bot.rest.set_application_commands(application, [command])
        yield bot
    finally:
        await bot.close()


async def answer(event: hikari.InteractionCreateEvent) -> None:
    """Defer and upload; a button's press changes its message."""
    match event.interaction:
        case hikari.CommandInteraction() as used:
            await used.create_initial_response(hikari.ResponseType.DEFERRED_MESSAGE_CREATE)
            row = used.app.rest.build_message_action_row().add_interactive_button(
                hikari.ButtonStyle.PRIMARY, "again", label="Again"
            )
            options = used.options or []
            await used.edit_initial_response(
                f"Of {options[0].value}",
                attachment=hikari.Bytes(VIDEO, "video.mp4"),
                component=row,
                user_mentions=False,
            )
        case hikari.ComponentInteraction() as pressed:
            kind = hikari.ResponseType.MESSAGE_UPDATE
            await pressed.create_initial_response(kind, "Pressed.", components=[])
        case _:
            raise AssertionError(event.interaction)


async def test_hikari_defers_uploads_and_is_pressed(
    sandbox: Sandbox, client: hikari.GatewayBot
) -> None:
    assert client.get_me() is not None
    assert {str(id_) for id_ in client.cache.get_guilds_view()} == set(sandbox.world.guilds)
    used = await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"a red circle"')
    message = await used.wait_answer()
    assert message.text.startswith("Of a red circle")
    assert message.attachments[0].content == VIDEO
    read = await client.rest.fetch_message(int(sandbox.channel.id), int(message.id))
    url = read.attachments[0].url
    async with (
        aiohttp.ClientSession(connector=sandbox.connector()) as session,
        session.get(url) as response,
    ):
        assert await response.read() == VIDEO
    pressed = await sandbox.press(sandbox.ana, message, "again")
    assert (await pressed.wait_answer()).content == "Pressed."


async def test_hikari_resumes_and_misses_nothing(
    sandbox: Sandbox, client: hikari.GatewayBot
) -> None:
    resumed = asyncio.ensure_future(client.wait_for(hikari.ShardResumedEvent, timeout=20))
    await sandbox.drop_gateway()
    used = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    await resumed
    assert (await used.wait_answer()).attachments[0].content == VIDEO
