"""`make demo` and `make sandbox`: the real bot as a process of its own, against the sandbox.

The bot is started as anybody would start it, `python -m bot run`; only DISCORD_PROXY,
SSL_CERT_FILE and a made-up token tell it where Discord is.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from bot.sandbox import Message, Sandbox
from bot.settings import Settings, child_environment
from jobs.errors import FlipbookError

START_S = 90.0  # the first start builds the placeholder model
VIDEO_S = 300.0
STOP_S = 20.0
LAST_WORDS = 2000

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
        finally:
            waiting.cancel()
            ended.cancel()
        words = (await asyncio.to_thread(self._log.read_text, errors="replace"))[-LAST_WORDS:]
        raise FlipbookError(f"the bot ended with {self._bot.returncode}; {self._log}:\n{words}")

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


async def demo(settings: Settings, *, prompt: str, seed: int) -> None:
    """Send one `/video`, print the posted message and the path of its file.

    Raises:
        FlipbookError: The bot ended, or refused.
    """
    folder = settings.data_dir / "demo"
    async with open_playground(folder) as playground:
        sandbox = playground.sandbox
        line = f'/video prompt:"{prompt}" seed:{seed}'
        print(f"{sandbox.ada.name} in #{sandbox.channel.name}: {line}\n", flush=True)
        await sandbox.slash(sandbox.ada, sandbox.channel, line)
        posted = await playground.while_alive(_first_video(sandbox))
        file = posted.attachments[0]
        path = folder / file.filename
        await asyncio.to_thread(path.write_bytes, file.content)
        print(f"{sandbox.render(posted)}\n\n{path}")


async def keep_open(settings: Settings) -> None:
    """Run bot and chat page until SIGTERM or SIGINT, or until the bot ends."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_playground(settings.data_dir / "demo") as playground:
        print(f"The chat page: {playground.sandbox.http_url}\nCtrl-C ends it.", flush=True)
        await playground.while_alive(stop.wait())


@asynccontextmanager
async def open_playground(folder: Path) -> AsyncGenerator[Playground]:
    """Open the sandbox, start the bot in it, and end both.

    Args:
        folder: Keeps the bot's data, its log and the sandbox's CA.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    log = folder / "bot.log"
    async with Sandbox.open(folder / "sandbox") as sandbox:
        environment = {
            **sandbox.environment(),
            "FLIPBOOK_DATA_DIR": str(folder),
            "FLIPBOOK_HTTP_PORT": "0",
            "FLIPBOOK_DEFAULT_PROVIDER": "local",
            "LOCAL_ENABLED": "on",
        }
        playground = Playground(sandbox, await _start_bot(environment, log), log)
        try:
            await playground.while_alive(sandbox.wait_ready(timeout_s=START_S))
            yield playground
        finally:
            await playground.stop()


async def _start_bot(environment: dict[str, str], log: Path) -> Process:
    with log.open("wb") as output:
        command = (sys.executable, "-m", "bot", "run")
        return await asyncio.create_subprocess_exec(
            *command,
            env=child_environment(environment),
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C goes to us; we end the bot with SIGTERM
        )


async def _first_video(sandbox: Sandbox) -> Message:
    def posted() -> Message | None:
        return next((m for m in sandbox.channel.messages.values() if m.attachments), None)

    def answer() -> Message | None:
        return next((m for m in sandbox.channel.messages.values() if not m.attachments), None)

    def card_says(word: str) -> bool:
        card = answer()
        return card is not None and word in card.text

    await sandbox.wait_for(lambda: card_says("Done") or card_says("No video"), timeout_s=VIDEO_S)
    found = posted()
    if found is None:
        card = answer()
        raise FlipbookError(card.text if card is not None else "nothing was answered")
    return found
