"""A backend that behaves: it takes jobs, counts what it would bill, and can be told to fail."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from jobs.errors import FlipbookError, ProviderError, RenderCancelledError, RequestError
from jobs.model import Health, Job, Letter, Progress, Submission
from jobs.ports import Rendering
from jobs.prompts import write_prompt
from jobs.request import ModelDefaults, ModelInfo, ProviderName, ResolvedRequest

SHAPES = ModelInfo(
    id="shapes",
    provider=ProviderName.LOCAL,
    title="Shapes",
    defaults=ModelDefaults(width=128, height=128, frames=16, fps=8, steps=12, guidance_scale=4.0),
    min_side=128,
    max_side=256,
)


class FakeProvider:
    """The `Provider` port over a list of prepared answers.

    Attributes:
        offers: The models that it can render now.
        submit_errors: Raised by the next submits, first come first; then they succeed.
        watch_errors: Raised by the next watches, after the progress.
        told: What it says of a finished video.
        fetch_errors: Raised in the middle of the next downloads, first come first.
        bill_micros: What it says that it bills for a submit.
        submitted: The job ids that were accepted, once for each bill.
        tokens: The attempt token of each submit that was tried.
        go: Renders wait for it; set at first.
        may_submit: Submits wait for it; set at first.
        watching: Jobs being watched.
        state_of_health: What `health` says.
        is_ready: `until_ready` waits for it; set at first.
        letters: Those that it was asked to heal a job with.
        heal_errors: Raised by the next heals, first come first.
        healed: What a letter about a job proves.
        looked_at: The job ids that it was told to look at now.
    """

    def __init__(
        self,
        *,
        video: bytes = b"",
        name: ProviderName = ProviderName.LOCAL,
        is_paid: bool = False,
        slots: int = 1,
    ) -> None:
        self._name = name
        self._is_paid = is_paid
        self._slots = slots
        self.video = video
        self.offers = [SHAPES.model_copy(update={"provider": name})]
        self.submit_errors: list[ProviderError | RequestError] = []
        self.watch_errors: list[ProviderError] = []
        self.fetch_errors: list[FlipbookError] = []
        self.bill_micros: int | None = None
        self.submitted: list[str] = []
        self.tokens: list[str] = []
        self.fetched: list[str] = []
        self.told: dict[str, object] = {"fps": 8}
        self.go = asyncio.Event()
        self.go.set()
        self.may_submit = asyncio.Event()
        self.may_submit.set()
        self.watching: set[str] = set()
        self.tried: set[str] = set()
        self.rendering: set[str] = set()
        self.changed = asyncio.Condition()
        self.state_of_health = Health()
        self.is_ready = asyncio.Event()
        self.is_ready.set()
        self.letters: list[Letter] = []
        self.heal_errors: list[ProviderError] = []
        self.healed: dict[str, Submission] = {}
        self.looked_at: list[str] = []
        self._cancelled: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.most_at_once = 0

    @property
    def name(self) -> ProviderName:
        return self._name

    @property
    def is_paid(self) -> bool:
        return self._is_paid

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def health(self) -> Health:
        return self.state_of_health

    async def until_ready(self) -> None:
        await self.is_ready.wait()

    async def heal(self, job: Job, letter: Letter) -> Submission | None:
        self.letters.append(letter)
        if self.heal_errors:
            raise self.heal_errors.pop(0)
        return self.healed.get(job.id)

    def look_now(self, job: Job) -> None:
        self.looked_at.append(job.id)

    def models(self) -> Sequence[ModelInfo]:
        return self.offers

    def faults(self) -> Mapping[str, str]:
        return {}

    async def try_out(self) -> str:
        return "a fake"

    def loras(self) -> Sequence[str]:
        return ["sketch"]

    def embeddings(self) -> Sequence[str]:
        return ["badhands"]

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        return ["This backend takes no scheduler."] if request.scheduler else []

    async def submit(self, job: Job, *, token: str, image: Path | None) -> Submission:
        del image
        self.tokens.append(token)
        self.tried.add(job.id)
        await self._notify()
        await self.may_submit.wait()
        if self.submit_errors:
            raise self.submit_errors.pop(0)
        self.submitted.append(job.id)
        self.rendering.add(job.id)
        self._cancelled.pop(job.id, None)
        return Submission(
            provider_job_id=f"{job.id}-{len(self.submitted)}",
            endpoint="fake",
            sent={"prompt": write_prompt(job.request.segments)},
            effective={"steps": job.request.steps},
            price_micros=self.bill_micros,
        )

    async def watch(self, job: Job) -> AsyncIterator[Progress]:
        self.watching.add(job.id)
        self.most_at_once = max(self.most_at_once, len(self.watching))
        await self._notify()
        try:
            yield Progress(done=1, total=2)
            await self._until_go(job)
            yield Progress(done=2, total=2)
            if self.watch_errors:
                raise self.watch_errors.pop(0)
        finally:
            self.watching.discard(job.id)
            self.rendering.discard(job.id)

    async def _until_go(self, job: Job) -> None:
        waits = [
            asyncio.ensure_future(self.go.wait()),
            asyncio.ensure_future(self._cancelled[job.id].wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._cancelled[job.id].is_set():
            raise RenderCancelledError("cancelled")

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until_tried(self, job: Job) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: job.id in self.tried)

    async def until_watching(self, job: Job) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: job.id in self.watching)

    @asynccontextmanager
    async def fetch(self, job: Job) -> AsyncGenerator[Rendering]:
        self.fetched.append(job.id)

        async def chunks() -> AsyncIterator[bytes]:
            if self.fetch_errors:
                yield self.video[:10]
                raise self.fetch_errors.pop(0)
            yield self.video

        yield Rendering(chunks=chunks(), effective=self.told, versions={"fake": "1"})

    async def cancel(self, job: Job) -> None:
        if job.id in self.rendering:
            self._cancelled[job.id].set()
