"""`make demo` and `make sandbox`: the real bot as a process of its own, against the sandbox.

The bot is started as anybody would start it, `python -m bot run`; only DISCORD_PROXY,
SSL_CERT_FILE and a made-up token tell it where Discord is. Who renders is said as well: the local
engine, or a hosted provider under the settings of whoever starts the demo.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bot.sandbox import Message, Sandbox, SandboxError, traffic_log
from bot.settings import Settings, child_environment, hosted_environment
from jobs.errors import FlipbookError
from jobs.request import ProviderName

START_S = 90.0  # with a GPU, torch is asked for it from a cold disk
VIDEO_S = 300.0
STOP_S = 20.0
LAST_WORDS = 2000
LOCAL_ONLY = {"FLIPBOOK_DEFAULT_PROVIDER": "local", "LOCAL_ENABLED": "on"}
ENDS = ("Done", "No video", "Made, but", "Cancelled")

T = TypeVar("T")


class Playground:
    """A sandbox with the bot in it."""

    def __init__(self, sandbox: Sandbox, bot: Process, log: Path) -> None:
        self.sandbox = sandbox
        self._bot = bot
        self._log = log

    async def while_alive(self, wanted: Coroutine[object, object, T]) -> T:
        """Wait for something, unless the bot ends first.

        Raises:
            FlipbookError: The bot ended; its last words are in the message.
        """
        waiting = asyncio.ensure_future(wanted)
        ended = asyncio.ensure_future(self._bot.wait())
        try:
            await asyncio.wait([waiting, ended], return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
        except SandboxError as error:
            raise FlipbookError(str(error)) from error
        finally:
            waiting.cancel()
            ended.cancel()
        words = (await asyncio.to_thread(self._log.read_text, errors="replace"))[-LAST_WORDS:]
        raise FlipbookError(f"the bot ended with {self._bot.returncode}; {self._log}:\n{words}")

    async def ready(self) -> None:
        """Wait until the bot is connected and its commands are known.

        Raises:
            FlipbookError: The bot ended, or is not ready in time.
        """
        await self.while_alive(self.sandbox.wait_ready(timeout_s=START_S))

    async def stop(self) -> None:
        """End the bot as an operator would; kill it only if that takes too long."""
        if self._bot.returncode is None:
            self._bot.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await self._bot.wait()
        except TimeoutError:
            self._bot.kill()
            await self._bot.wait()


def backend_environment(settings: Settings, provider: ProviderName) -> dict[str, str]:
    """Return the variables that let one backend render, and no other.

    Raises:
        SettingsError: A hosted provider has no key.
    """
    if provider is ProviderName.LOCAL:
        return LOCAL_ONLY
    hosted = hosted_environment(settings, provider)
    return {"FLIPBOOK_DEFAULT_PROVIDER": provider, "LOCAL_ENABLED": "off", **hosted}


async def demo(
    settings: Settings, *, prompt: str, seed: int, provider: ProviderName = ProviderName.LOCAL
) -> None:
    """Send one `/video`, print the posted message and the path of its file.

    Args:
        settings: The data folder, and the key and address of a hosted provider.
        prompt: What to show.
        seed: Repeats a video.
        provider: Who renders; a hosted one bills whoever has the key.

    Raises:
        FlipbookError: The bot ended, or refused.
    """
    backend = backend_environment(settings, provider)
    folder = settings.data_dir / "demo"
    if provider is not ProviderName.LOCAL:
        folder /= provider  # jobs of a backend that is off would never end
    async with open_playground(folder, backend=backend) as playground:
        await playground.ready()
        sandbox = playground.sandbox
        line = f'/video prompt:"{prompt}" seed:{seed}'
        print(f"{sandbox.ana.name} in #{sandbox.channel.name}: {line}\n", flush=True)
        asked = await sandbox.slash(sandbox.ana, sandbox.channel, line)
        card = await playground.while_alive(asked.wait_answer())
        posted = await playground.while_alive(_result(sandbox, card))
        file = posted.attachments[0]
        path = folder / file.filename
        await asyncio.to_thread(path.write_bytes, file.content)  # where the reader can open it
        print(f"{sandbox.render(posted)}\n\n{path}")


async def keep_open(settings: Settings, *, port: int = 0) -> None:
    """Run bot and chat page until SIGTERM or SIGINT, or until the bot ends.

    Args:
        settings: Its data folder holds the sandbox's own, `demo`.
        port: Where the chat page is; 0 is any free port.

    Raises:
        FlipbookError: The port is taken, or the bot ended.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_playground(settings.data_dir / "demo", http_port=port) as playground:
        print(f"The chat page: {playground.sandbox.http_url}", flush=True)
        print("Flipbook starts.", flush=True)
        if await _comes_first(playground.ready(), stop):
            print("Flipbook is there. Ctrl-C ends it.", flush=True)
            await playground.while_alive(stop.wait())


async def _comes_first(wanted: Coroutine[object, object, None], stop: asyncio.Event) -> bool:
    """Wait for something or for `stop`, and tell whether it came."""
    waiting, stopped = asyncio.ensure_future(wanted), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            waiting.result()
        return waiting.done()
    finally:
        waiting.cancel()
        stopped.cancel()


@asynccontextmanager
async def open_playground(
    folder: Path, *, http_port: int = 0, backend: Mapping[str, str] = LOCAL_ONLY
) -> AsyncGenerator[Playground]:
    """Open the sandbox, start the bot in it, and end both.

    Args:
        folder: Keeps the bot's data, its log, the sandbox's CA, and what the two said to each
            other in `traffic.jsonl`.
        http_port: Where the chat page is; 0 is any free port.
        backend: The variables that say who renders.

    Raises:
        FlipbookError: The port is taken, or something was waited for in vain.
    """
    folder = await asyncio.to_thread(_own_folder, folder)
    try:
        with traffic_log(folder / "traffic.jsonl") as observer:
            async with (
                Sandbox.open(
                    folder / "sandbox", http_port=http_port, observers=(observer,)
                ) as sandbox,
                _bot_in(sandbox, folder, backend) as playground,
            ):
                yield playground
    except SandboxError as error:
        raise FlipbookError(str(error)) from error


@asynccontextmanager
async def _bot_in(
    sandbox: Sandbox, folder: Path, backend: Mapping[str, str]
) -> AsyncGenerator[Playground]:
    log = folder / "bot.log"
    environment = {
        **sandbox.environment(),
        "FLIPBOOK_DATA_DIR": str(folder),
        "FLIPBOOK_HTTP_PORT": "0",
        **backend,
    }
    playground = Playground(sandbox, await _start_bot(environment, log), log)
    try:
        yield playground
    finally:
        await playground.stop()


def _own_folder(folder: Path) -> Path:
    """Make a folder, and its parents, that nobody else can look into; what is there stays."""
    for path in (folder.parent.parent, folder.parent, folder):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder.resolve()


async def _start_bot(environment: dict[str, str], log: Path) -> Process:
    """Start the bot in a folder without a `.env`: the operator's own settings are not for here."""
    source = str(Path(__file__).parents[1])
    inherited = child_environment({**environment, "PYTHONPATH": source})
    for name in ("DISCORD_DEV_GUILD", "FLIPBOOK_PUBLIC_URL"):
        inherited.pop(name, None)
    with log.open("wb") as output:
        command = (sys.executable, "-m", "bot", "run")
        return await asyncio.create_subprocess_exec(
            *command,
            env=inherited,
            cwd=log.parent,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C goes to us; we end the bot with SIGTERM
        )


async def _result(sandbox: Sandbox, card: Message) -> Message:
    """Wait until a card says how its job ended; return the video that replied to it.

    Raises:
        FlipbookError: There is none; the message is what the card says.
    """
    await sandbox.wait_for(lambda: any(word in card.text for word in ENDS), timeout_s=VIDEO_S)
    for message in sandbox.channel.messages.values():
        if message.reference is card and message.attachments:
            return message
    raise FlipbookError(sandbox.render(card))
