"""One worker process as the bot sees it: started, listened to, watched, and never left behind."""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress

from jobs.errors import UnavailableError
from jobs.ports import Clock
from providers.local.pulse import Patience, Pulse
from providers.local.renders import Render
from providers.local.wire import (
    Advanced,
    CancelOrder,
    Ending,
    Ready,
    RenderOrder,
    read_event,
    write_line,
)

logger = logging.getLogger(__name__)

LONGEST_LINE = 4 * 1024**2  # bytes; sixteen long prompts come back in `effective`


class WorkerProcess:
    """A running worker; `live` has to run for as long as it does."""

    def __init__(self, process: Process, *, device: str, clock: Clock, patience: Patience) -> None:
        self.device = device
        self._process = process
        self._clock = clock
        self._patience = patience
        self._render: Render | None = None
        self._is_ready = False
        self._about = ""
        self._started = asyncio.Event()
        self._is_closing = False
        self._heard_at = clock.now()
        self._pulse = Pulse(patience, self._heard_at)

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        device: str,
        clock: Clock,
        patience: Patience,
    ) -> "WorkerProcess":
        """Start a process; it takes orders at once and works on them when it is ready.

        Raises:
            UnavailableError: The operating system refused.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=dict(env),
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is for the bot, which then ends its workers
            )
        except OSError as error:
            raise UnavailableError("The local engine could not be started.") from error
        logger.info(
            "Worker %d started on %s", process.pid, device, extra={"action": "worker_started"}
        )
        return cls(process, device=device, clock=clock, patience=patience)

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        """The process is gone."""
        return self._process.returncode is not None

    @property
    def is_alive(self) -> bool:
        """It runs and may be given orders."""
        return not self.has_exited and not self._is_closing

    @property
    def is_free(self) -> bool:
        """It has nothing to do."""
        return self._render is None

    async def until_ready(self) -> str:
        """Wait until it takes orders, and return what it runs on.

        Raises:
            UnavailableError: It ended before that.
        """
        await self._started.wait()
        if not self._is_ready:
            raise UnavailableError("The local engine's worker ended before it was ready.")
        return self._about

    async def give(self, render: Render, order: RenderOrder) -> None:
        """Give it a render; only while it is free.

        Raises:
            UnavailableError: It is gone.
        """
        self._render, self._heard_at = render, self._clock.now()
        self._pulse = Pulse(self._patience, self._heard_at)
        try:
            await self._send(order)
        except UnavailableError:
            self._render = None
            raise

    async def cancel(self, render: Render) -> None:
        """Ask it to stop a render; one it no longer works on is left alone."""
        if self._render is render:
            with suppress(UnavailableError):
                await self._send(CancelOrder(id=render.id))

    async def live(self) -> None:
        """Listen and watch until the process has ended, and reap it."""
        try:
            async with asyncio.TaskGroup() as group:
                self._task(group, self._forward_log(), "log")
                guard = self._task(group, self._guard(), "guard")
                await self._listen()
                guard.cancel()
        except Exception:  # the outer edge: a worker that cannot be understood is ended
            logger.exception("Worker %d failed", self.pid, extra={"action": "worker_failed"})
        finally:
            self._kill()
            self._started.set()
            await asyncio.shield(self._reap())

    async def stop(self) -> None:
        """Close its stdin, which ends it; kill it if that takes too long."""
        self.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.stop_s):
                await self._process.wait()
        self._kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.kill_s):
                await self._process.wait()
        if not self.has_exited:
            logger.error("Worker %d cannot be ended", self.pid, extra={"action": "worker_stuck"})

    def close(self) -> None:
        """End it by closing its stdin."""
        self._is_closing = True
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def _send(self, order: RenderOrder | CancelOrder) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
        try:
            self._process.stdin.write(write_line(order))
            await self._process.stdin.drain()
        except OSError as error:
            raise UnavailableError("The local engine is restarting.") from error

    async def _listen(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        while line := await self._process.stdout.readline():
            try:
                event = read_event(line)
            except ValueError:
                logger.exception("Worker %d: not an event: %r", self.pid, line[:200])
                continue
            self._heard_at = self._clock.now()
            if isinstance(event, Ready):
                self._is_ready = True
                self._pulse = Pulse(self._patience, self._heard_at)
                self._about = f"{event.device}, torch {event.versions.get('torch', '?')}"
                self._started.set()
                logger.info("Worker %d is ready", self.pid, extra={"action": "worker_ready"})
            elif self._render is not None and event.id == self._render.id:
                self._take(self._render, event)

    def _take(self, render: Render, event: Advanced | Ending) -> None:
        render.tell(event)
        if isinstance(event, Advanced):
            self._pulse.hear(event.stage, self._heard_at)
        else:
            self._render = None

    async def _forward_log(self) -> None:
        assert self._process.stderr is not None  # noqa: S101 - it was opened as a pipe
        while line := await self._process.stderr.readline():
            text = line.decode(errors="replace").rstrip()
            if text:
                logger.info("Worker %d: %s", self.pid, text, extra={"action": "worker_log"})

    async def _guard(self) -> None:
        """Kill the process when it is silent for too long; close it when it is idle."""
        while not self.has_exited:
            await self._clock.sleep(self._patience.look_s)
            silent_s = (self._clock.now() - self._heard_at).total_seconds()
            is_waiting = self._is_ready and self._render is None
            if self._is_closing:
                self._kill()  # it had one look's time to end by itself
            elif is_waiting and 0 < self._patience.idle_s <= silent_s:
                logger.info("Worker %d is idle", self.pid, extra={"action": "worker_idle"})
                self.close()
            elif not is_waiting and silent_s >= self._limit_s():
                logger.error("Worker %d is silent", self.pid, extra={"action": "worker_silent"})
                self._kill()
                self._lose("The local engine's device does not answer.", is_hung=self._is_ready)

    def _limit_s(self) -> float:
        return self._pulse.limit_s if self._is_ready else self._patience.start_s

    def _kill(self) -> None:
        """End it and whatever it has started: they are a group of their own."""
        self._is_closing = True
        if not self.has_exited:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _lose(self, reason: str, *, is_hung: bool = False) -> None:
        """Give its render up, also if the process stays: a driver may hold it for ever."""
        render, self._render = self._render, None
        if render is not None:
            render.lose(reason, is_hung=is_hung)

    async def _reap(self) -> None:
        code = await self._process.wait()
        logger.info("Worker %d ended with %d", self.pid, code, extra={"action": "worker_ended"})
        self._lose("The local engine stopped in the middle of the video.")

    def _task(
        self, group: asyncio.TaskGroup, work: Coroutine[None, None, None], name: str
    ) -> asyncio.Task[None]:
        return group.create_task(work, name=f"{name} of worker {self.pid}")
