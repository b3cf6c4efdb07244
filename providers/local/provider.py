"""The local engine as a backend: orders go to worker processes, videos come back as files.

There is one worker for each device. It is started by the first order that needs it, replaced
when it ends, and ended with the bot, however the bot ends.
"""

import asyncio
import os
import secrets
import shutil
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from jobs.errors import InterruptedRenderError, RenderFailedError
from jobs.model import Health, Job, JobId, Letter, Progress, Submission
from jobs.ports import Clock, Rendering
from jobs.request import ModelInfo, ProviderName, ResolvedRequest
from providers.local.capabilities import check_scheduler, warnings_for
from providers.local.compiled import cache_environment, check_compiler, shrink
from providers.local.devices import check_fp8, find_devices
from providers.local.levers import AUTO, FP8, is_anything_compiled
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.hashes import ModelHashes
from providers.local.library.roots import EMBEDDED, ModelRoots
from providers.local.library.vocabulary import unknown_words_warning
from providers.local.process import WorkerProcess
from providers.local.pulse import Patience
from providers.local.renders import Render
from providers.local.wire import RenderOrder
from providers.local.wording import trigger_warnings, with_triggers
from providers.local.workers import Workers

CHUNK = 1024**2  # bytes
ENDPOINT = "local"
WORKER_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",  # what is not in the models folder is not there
    "TOKENIZERS_PARALLELISM": "false",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # same seed, same video (cuBLAS docs)
}


class LocalProvider:
    """The `Provider` of this machine's own devices; open it with `async with`.

    Args:
        models_dir: Holds the operator's models, LoRAs and embeddings; only read.
        scratch_dir: Holds finished videos until they are fetched; emptied at the start.
        devices: `auto`, `cpu`, or numbers of GPUs.
        clock: Measures how long a worker is silent.
        python: The interpreter that has torch.
        env: The environment of the workers.
        embedded_dir: Holds those that come with Flipbook, whose ids win; only read.
        idle_unload_s: Ends a worker that had nothing to do for so long; 0 is never.
        patience: How long a worker may be silent.
        checks_safety: A model's safety checker looks at its videos; if not, then only where the
            caller of the HTTP door asks for it.
        speed: What makes it faster, as `levers.parse` returns it.
        compiled_dir: Keeps what workers compiled; None leaves that to torch.
    """

    def __init__(  # noqa: PLR0913 - each a setting of its own
        self,
        *,
        models_dir: Path,
        scratch_dir: Path,
        devices: Sequence[str],
        clock: Clock,
        python: str = sys.executable,
        env: Mapping[str, str],
        embedded_dir: Path = EMBEDDED,
        idle_unload_s: float = 0.0,
        patience: Patience | None = None,
        checks_safety: bool = True,
        speed: Sequence[str] = (AUTO,),
        compiled_dir: Path | None = None,
    ) -> None:
        self._checks_safety = checks_safety
        self._scratch = scratch_dir.absolute()
        self._asked_devices = devices
        self._speed = tuple(speed)
        self._compiled = compiled_dir.absolute() if compiled_dir is not None else None
        self._python = python
        path = os.pathsep.join(entry for entry in sys.path if entry)
        cache = cache_environment(self._compiled) if self._compiled else {}
        self._env = {**cache, **env, **WORKER_ENVIRONMENT, "PYTHONPATH": path}
        roots = ModelRoots(own=models_dir.absolute(), embedded=embedded_dir.absolute())
        self._catalogue = ModelCatalogue(roots, clock=clock)
        self._hashes = ModelHashes(self._catalogue)
        self._workers = Workers(
            command=(
                python,
                "-m",
                "providers.local.engine.worker",
                "--scratch",
                str(self._scratch),
                *(f"--speed={name}" for name in speed),
            ),
            env=self._env,
            clock=clock,
            patience=replace(patience or Patience(), idle_s=idle_unload_s),
        )
        self._renders: dict[str, Render] = {}
        self._hung: set[JobId] = set()
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.prepare()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def prepare(self) -> None:
        """Find the devices, empty the scratch folder, look at the models.

        Raises:
            SettingsError: A GPU is asked for that is not there, or what it is to do cannot be.
        """
        asked = self._asked_devices
        devices = await find_devices(asked, python=self._python, env=self._env)
        if FP8 in self._speed:
            await check_fp8(devices, python=self._python, env=self._env)
        if is_anything_compiled(self._speed):
            check_compiler(self._env)
        self._workers.devices = devices
        await asyncio.to_thread(_empty, self._scratch)
        if self._compiled is not None:
            await asyncio.to_thread(shrink, self._compiled)
        await asyncio.to_thread(self._catalogue.models)  # the first look reads every config

    async def close(self) -> None:
        """End all workers; what they were working on is lost."""
        await self._hashes.close()
        await self._workers.close()

    @property
    def name(self) -> ProviderName:
        """Return its name."""
        return ProviderName.LOCAL

    @property
    def is_paid(self) -> bool:
        """A render here costs nothing but time and may be repeated."""
        return False

    @property
    def slots(self) -> int:
        """Return how many devices render at once."""
        return max(1, len(self._workers.devices))

    @property
    def worker_pids(self) -> Sequence[int]:
        """Return the processes that run now."""
        return self._workers.pids

    @property
    def health(self) -> Health:
        """Return that all is well: a worker that is not there is started when it is needed."""
        return Health()

    async def until_ready(self) -> None:
        """Return at once: a worker that is free takes the next job."""

    def models(self) -> Sequence[ModelInfo]:
        """Return the models that are whole; the embedded one first."""
        return self._catalogue.models()

    def faults(self) -> Mapping[str, str]:
        """Return the models that are broken, each with a sentence that says how."""
        return self._catalogue.faults()

    async def try_out(self) -> str:
        """Start a worker and return what it runs on.

        Raises:
            UnavailableError: None can be started.
        """
        async with self._starting:
            worker = await self._workers.free()
        return await worker.until_ready()

    def loras(self) -> Sequence[str]:
        """Return the LoRA files."""
        return self._catalogue.loras()

    def embeddings(self) -> Sequence[str]:
        """Return the textual inversions."""
        return self._catalogue.embeddings()

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        """Return a sentence for each option that will not act, and for words that will not.

        Raises:
            RequestError: Something named is not here or broken, or the scheduler cannot work.
        """
        entry, model = self._catalogue.require(request.model)
        check_scheduler(request)
        self._catalogue.locate(request)
        is_embedded = self._catalogue.is_embedded(entry)
        strange = unknown_words_warning(request, model, is_embedded=is_embedded)
        return [
            *warnings_for(request),
            *self._catalogue.warnings(request),
            *self._trigger_warnings(request, model),
            *([strange] if strange else []),
        ]

    async def submit(self, job: Job, *, token: str, image: Path | None) -> Submission:
        """Give the job to a free worker.

        Raises:
            RequestError: What it names has gone or broken since it was asked.
            UnavailableError: Every worker is busy, or none can be started.
        """
        self.check(job.request)
        is_checked = self._checks_safety or wants_checker(job)
        files = self._catalogue.locate(job.request, image=image, is_checked=is_checked)
        render = Render(
            render_id=f"{job.id}-{secrets.token_hex(8)}",
            job_id=job.id,
            scratch=self._scratch,
            model_hash=self._hashes.begin(job.request.model),
        )
        order = RenderOrder(id=render.id, request=self._triggered(job.request), files=files)
        await self._forget(job)
        async with self._starting:
            worker = await self._workers.free()
            await self._give(worker, render, order)
        return Submission(
            provider_job_id=render.id,
            endpoint=ENDPOINT,
            sent=job.request.model_dump(mode="json", exclude_none=True),
            effective={
                "seed": job.request.seed,
                "device": worker.device,
                "safety_checker": files.checker is not None,
            },
        )

    async def watch(self, job: Job) -> AsyncIterator[Progress]:
        """Yield progress until the video is ready; whoever leaves early ends the render.

        Raises:
            RenderFailedError: It failed, or its device hung as it had done before.
            FlaggedError: Its model's safety checker flagged it.
            InterruptedRenderError: Its worker is gone, or it is not a render of this process.
            RenderCancelledError: It was cancelled.
        """
        render = self._render_of(job)
        try:
            async for progress in render.follow():
                yield progress
        except InterruptedRenderError as error:
            await self._give_up(render)
            if self._has_hung_again(render):
                message = "The local engine hung twice on this video, so it was given up."
                raise RenderFailedError(message) from error
            raise
        except BaseException:
            await self._give_up(render)
            self._hung.discard(job.id)
            raise
        self._hung.discard(job.id)

    @asynccontextmanager
    async def fetch(self, job: Job) -> AsyncGenerator[Rendering]:
        """Open the finished video; leaving removes it.

        What was really used names the `model_hash`, which may have to be waited for; where the
        files changed in the meantime, it does not.

        Raises:
            InterruptedRenderError: It is not there any more.
        """
        render = self._render_of(job)
        done = render.result()
        path = Path(done.path)
        try:
            with _open(path) as file:
                digest = await asyncio.shield(render.model_hash)
                known = {"model_hash": digest} if digest else {}
                effective = {**done.effective, **known}
                yield Rendering(chunks=_chunks(file), effective=effective, versions=done.versions)
        finally:
            self._renders.pop(done.id, None)
            await asyncio.to_thread(render.remove)

    async def heal(self, job: Job, letter: Letter) -> Submission | None:
        """Return None: nothing is lost between this process and its worker."""
        del job, letter

    def look_now(self, job: Job) -> None:
        """Do nothing: a worker tells its news by itself."""
        del job

    async def cancel(self, job: Job) -> None:
        """Stop the job's render within a step; one that is not here is left alone."""
        for render in list(self._renders.values()):
            if render.job_id == job.id:
                await self._workers.cancel(render)

    async def _give(self, worker: WorkerProcess, render: Render, order: RenderOrder) -> None:
        self._renders[render.id] = render
        try:
            await worker.give(render, order)
        except BaseException:
            await self._give_up(render)
            raise

    def _trigger_warnings(self, request: ResolvedRequest, model: ModelInfo) -> Sequence[str]:
        known = self._catalogue.registry().loras
        loras = [lora.id for lora in request.loras if lora.strength and lora.id in known]
        words = {name: known[name].trigger_words for name in loras}
        return trigger_warnings(request.segments, model.trigger_words, loras=words)

    def _triggered(self, request: ResolvedRequest) -> ResolvedRequest:
        """Return what is really rendered: its prompts have the model's trigger words."""
        _, model = self._catalogue.require(request.model)
        segments = with_triggers(request.segments, model.trigger_words)
        return request.model_copy(update={"segments": segments})

    async def _give_up(self, render: Render) -> None:
        """Forget a render that nobody will fetch, its video with it, and end it if it runs."""
        self._renders.pop(render.id, None)
        render.discard()
        if not render.has_ended:
            await asyncio.shield(self._workers.cancel(render))

    def _has_hung_again(self, render: Render) -> bool:
        """Say whether a job hung for the second time, and remember the first."""
        is_known = render.job_id in self._hung
        if render.is_hung:
            self._hung ^= {render.job_id}
        return render.is_hung and is_known

    def _render_of(self, job: Job) -> Render:
        render = self._renders.get(job.provider_job_id or "")
        if render is None:
            raise InterruptedRenderError("The render was lost when Flipbook was restarted.")
        return render

    async def _forget(self, job: Job) -> None:
        """Drop what earlier attempts at a job left."""
        for render in list(self._renders.values()):
            if render.job_id == job.id:
                await self._give_up(render)


def wants_checker(job: Job) -> bool:
    """Say whether whoever asked at the HTTP door wants a safety checker to look."""
    return job.address.api is not None and job.address.api.safety_checker


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InterruptedRenderError("The finished video is gone from the disk.") from error


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk
