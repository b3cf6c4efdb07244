"""The worker processes of a bot: one for each device, started when needed, replaced when gone."""

import asyncio
from collections.abc import Mapping, Sequence

from jobs.errors import UnavailableError
from jobs.ports import Clock
from providers.local.process import WorkerProcess
from providers.local.pulse import Patience
from providers.local.renders import Render

BUSY_S = 5.0  # until it is worth asking again


class Workers:
    """All of them.

    Args:
        command: Starts one; `--device` and its name are added.
        env: Their environment.
        clock: Measures how long they are silent.
        patience: How long they may be.

    Attributes:
        devices: Those that may have one, in the order in which they get work.
    """

    def __init__(
        self, *, command: Sequence[str], env: Mapping[str, str], clock: Clock, patience: Patience
    ) -> None:
        self.devices: tuple[str, ...] = ()
        self._command = command
        self._env = env
        self._clock = clock
        self._patience = patience
        self._newest: dict[str, WorkerProcess] = {}
        self._lives: dict[WorkerProcess, asyncio.Task[None]] = {}

    @property
    def pids(self) -> Sequence[int]:
        """Return the processes that run now."""
        return [worker.pid for worker in self._lives if not worker.has_exited]

    async def free(self) -> WorkerProcess:
        """Return one that has nothing to do, started if its device has none.

        Raises:
            UnavailableError: There is none, or it cannot be started.
        """
        for device in self.devices:
            worker = self._newest.get(device)
            if worker is not None and worker.is_alive:
                if worker.is_free:
                    return worker
                continue
            if worker is None or await self._has_ended(worker):
                return await self._start(device)
        raise UnavailableError("The local engine is busy.", retry_after_s=BUSY_S)

    async def cancel(self, render: Render) -> None:
        """Stop a render, wherever it runs."""
        for worker in list(self._newest.values()):
            await worker.cancel(render)

    async def close(self) -> None:
        """End them all; what they were working on is lost."""
        lives = list(self._lives.items())
        await asyncio.gather(*(worker.stop() for worker, _ in lives))
        if lives:
            await asyncio.wait([life for _, life in lives], timeout=self._patience.kill_s)

    async def _has_ended(self, worker: WorkerProcess) -> bool:
        """Wait until a worker has given its memory back; one that its driver holds never does."""
        life = self._lives.get(worker)
        if life is not None:
            await asyncio.wait([life], timeout=self._patience.kill_s)
        return life is None or life.done()

    async def _start(self, device: str) -> WorkerProcess:
        worker = await WorkerProcess.start(
            [*self._command, "--device", device],
            env=self._env,
            device=device,
            clock=self._clock,
            patience=self._patience,
        )
        self._newest[device] = worker
        self._lives[worker] = asyncio.create_task(worker.live(), name=f"worker {worker.pid}")
        self._lives[worker].add_done_callback(lambda _: self._lives.pop(worker, None))
        return worker
