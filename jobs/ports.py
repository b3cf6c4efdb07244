"""What the subject needs from the outside, as protocols.

Storage, providers, cogs and the HTTP front door implement these; `bot.app` brings them
together. Nobody but the runner sees more than one of them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from jobs.fairness import LaneDrift
from jobs.model import (
    Artifact,
    Health,
    Job,
    JobId,
    Letter,
    MediaInfo,
    Outcome,
    Progress,
    Receipt,
    Requester,
    Standing,
    Submission,
)
from jobs.quota import Charge, Drift, Settlement, Tier
from jobs.request import ModelInfo, ProviderName, ResolvedRequest


class Clock(Protocol):
    """The only source of time and the only way to wait."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock decides when that is over."""
        ...


class JobStore(Protocol):
    """The table of jobs, their events and the ledger that is written with them.

    Every method is one transaction. A write is fenced by the attempt of the job it was
    given and raises `StaleAttemptError` if the row has moved on.
    """

    async def enqueue(self, job: Job, charges: Sequence[Charge]) -> tuple[Job, bool]:
        """Reserve `charges` and insert `job`; a known origin key gives the old job and False.

        Raises:
            QuotaExceededError: A charge does not fit its limit; nothing is written.
        """
        ...

    async def get(self, job_id: JobId) -> Job:
        """Return one job.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    async def claim(
        self, backend: str, *, token: str, now: datetime, lease_until: datetime
    ) -> Job | None:
        """Take the next due job of a backend by turns: `submitting`, an attempt higher, `token`."""
        ...

    async def adopt(self, job: Job, *, lease_until: datetime) -> Job:
        """Take over a job whose holder is gone: same state, one attempt higher."""
        ...

    async def save(
        self,
        before: Job,
        after: Job,
        *,
        now: datetime,
        settle: Settlement | None = None,
        note: Mapping[str, object] | None = None,
    ) -> Job:
        """Write `after` over `before`, append the event, settle the books: all or nothing.

        A `cancel_requested` that others wrote meanwhile is kept; `note` goes into the event.

        Raises:
            StaleAttemptError: The row is not at the attempt and state of `before`.
        """
        ...

    async def renew(self, job: Job, *, lease_until: datetime) -> bool:
        """Prolong the lease and say whether a cancel was requested meanwhile."""
        ...

    async def request_cancel(self, job_id: JobId, *, now: datetime, by: str) -> Job:
        """End a queued job at once, mark an active one; a final one stays as it is."""
        ...

    async def orphans(self, *, now: datetime) -> Sequence[Job]:
        """Return active jobs whose lease has run out."""
        ...

    async def abandon_leases(self) -> int:
        """End every lease at once; only for a start, when nobody else can hold one."""
        ...

    async def ahead_of(self, job: Job) -> tuple[int, int]:
        """Return how many unfinished renders come before `job` at its backend, and their cost."""
        ...

    async def recount(self) -> Sequence[LaneDrift]:
        """Count the lanes anew from the jobs, repair what differs, and return it."""
        ...

    async def list_jobs(
        self, *, guild_id: int | None = None, user_id: int | None = None, is_open: bool, limit: int
    ) -> Sequence[Job]:
        """Return open jobs oldest first, or ended ones newest first."""
        ...

    async def queued_at(self, backend: str) -> Sequence[Job]:
        """Return all that waits in a backend's queue, put off or not, oldest first."""
        ...

    async def made_as(self, backend: str, provider_job_id: str) -> JobId | None:
        """Return the job that a backend made under an id of its own, if we know of one."""
        ...

    async def endpoints(self, backend: str) -> Sequence[str]:
        """Return where a backend's open jobs were submitted, each place once."""
        ...

    async def unconfirmed(self, guild_id: int, *, limit: int) -> Sequence[Job]:
        """Return a server's jobs whose paid submit was never answered, oldest first."""
        ...

    async def stale_cards(self, *, limit: int) -> Sequence[Job]:
        """Return ended jobs whose card was not brought to their last state yet."""
        ...

    async def mark_card(self, job: Job) -> None:
        """Note that the card of `job` shows its state."""
        ...

    async def rates(
        self, backend: str, *, limit: int = 50, like: int | None = None
    ) -> Sequence[float]:
        """Return seconds per unit of cost of the newest finished renders, sorted.

        With `like`, only of those that cost between half and double of it.
        """
        ...


class QuotaStore(Protocol):
    """The books: tiers, buckets and the append-only ledger."""

    async def tier_of(self, requester: Requester) -> Tier:
        """Return the tier that applies to a member."""
        ...

    async def audit(self) -> Sequence[Drift]:
        """Compare buckets, ledger and open reservations; an empty answer is a balanced book."""
        ...


class Inbox(Protocol):
    """The webhooks that came in, kept until the runner has looked at them."""

    async def receive(
        self, provider: str, token: str, body: bytes, *, now: datetime
    ) -> JobId | None:
        """Keep a webhook, once however often it comes; None if no attempt had this token.

        A letter that nobody asked for is not kept, so strangers cannot fill the disk.
        """
        ...

    async def unread(self, *, limit: int) -> Sequence[Letter]:
        """Return the letters that nobody has looked at, oldest first."""
        ...

    async def mark_read(self, letter: Letter, *, now: datetime) -> None:
        """Note that a letter needs no further look."""
        ...


class ValueStore(Protocol):
    """Single durable values, such as the hash of the commands last synced."""

    async def get_value(self, name: str) -> str | None:
        """Return a value, or None if it was never set."""
        ...

    async def set_value(self, name: str, value: str) -> None:
        """Set a value."""
        ...


class ArtifactStore(Protocol):
    """Videos and init images on our disk."""

    async def receive(self, job: Job, chunks: AsyncIterator[bytes]) -> Path:
        """Stream a backend's file to a `.part` beside its place, under a byte cap.

        Raises:
            MediaError: It is larger than any video of ours can be.
            StorageFullError: The disk is full.
        """
        ...

    async def keep(self, job: Job, part: Path, info: MediaInfo) -> Artifact:
        """Hash, fsync and rename a finished `.part`."""
        ...

    def path(self, artifact: Artifact) -> Path:
        """Return where a kept video lies."""
        ...

    async def keep_image(self, content: bytes) -> str:
        """Store a checked init image and return its id, the sha256 of its bytes."""
        ...

    def image_path(self, image_id: str) -> Path:
        """Return where a kept init image lies."""
        ...

    async def discard(self, job: Job) -> None:
        """Remove a job's unfinished parts, if there are any."""
        ...


class Media(Protocol):
    """Looks into and rewrites media, in a child process with limits."""

    async def check_image(self, content: bytes) -> bytes:
        """Decode an init image within limits and return it as plain RGB PNG.

        Raises:
            RequestError: It is no image, or one that is too large to decode.
        """
        ...

    async def probe(self, path: Path) -> MediaInfo:
        """Decode a video to its end.

        Raises:
            MediaError: It is no video that decodes.
        """
        ...

    async def tag(self, path: Path, receipt: Receipt) -> None:
        """Write the receipt into the file: JSON in `comment`, and named tags; pixels stay."""
        ...

    async def fit(self, path: Path, limit: int) -> Path:
        """Write a smaller copy of at most `limit` bytes beside `path`.

        Raises:
            MediaError: It cannot be made that small.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A finished render, ready to be taken over."""

    chunks: AsyncIterator[bytes]
    effective: Mapping[str, object]
    versions: Mapping[str, str]


class Provider(Protocol):
    """A backend that renders: hosted, or a GPU of one's own."""

    @property
    def name(self) -> ProviderName:
        """Return its name, which is also its queue's."""
        ...

    @property
    def is_paid(self) -> bool:
        """A submit may cost money, so it is made at most once."""
        ...

    @property
    def slots(self) -> int:
        """Return how many renders it takes at once."""
        ...

    @property
    def health(self) -> Health:
        """Return whether it can be given work, from memory."""
        ...

    async def until_ready(self) -> None:
        """Wait until a submit may be made: its rate limit and its health allow it."""
        ...

    def models(self) -> Sequence[ModelInfo]:
        """Return what it can render now, from memory; the default model first."""
        ...

    def faults(self) -> Mapping[str, str]:
        """Return the models that it has and cannot use, each with a sentence that says why."""
        ...

    async def try_out(self) -> str:
        """Start what a render needs and return what it runs on, in a few words.

        Raises:
            ProviderError: It cannot render now.
        """
        ...

    def loras(self) -> Sequence[str]:
        """Return the LoRA ids it has, from memory."""
        ...

    def embeddings(self) -> Sequence[str]:
        """Return the textual inversions it has, from memory."""
        ...

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        """Return a sentence for each option that it cannot honour; from memory.

        Raises:
            RequestError: An option makes no sense here at all.
        """
        ...

    async def submit(self, job: Job, *, token: str, image: Path | None) -> Submission:
        """Start a render.

        Raises:
            BusyError: It takes nothing on just now.
            UnavailableError: Nothing was sent.
            RefusedError: It said no.
            UnconfirmedError: It was sent and the answer was lost.
        """
        ...

    async def heal(self, job: Job, letter: Letter) -> Submission | None:
        """Find the lost submit that a letter speaks of, by asking the backend itself.

        Returns:
            What the lost answer would have said, or None if the letter proves nothing.

        Raises:
            ProviderError: It cannot be asked now.
        """
        ...

    def look_now(self, job: Job) -> None:
        """Look at a job that is being watched at once, without waiting for its next turn."""
        ...

    def watch(self, job: Job) -> AsyncIterator[Progress]:
        """Yield progress until the video is ready, then end.

        Raises:
            RenderFailedError: It failed.
            InterruptedRenderError: An unpaid render was lost.
            RenderCancelledError: It was cancelled.
        """
        ...

    def fetch(self, job: Job) -> AbstractAsyncContextManager[Rendering]:
        """Open the finished video; leaving the context frees what the backend held for it."""
        ...

    async def cancel(self, job: Job) -> None:
        """Ask the backend to stop; a backend that cannot does nothing."""
        ...


class Catalogue(Protocol):
    """What all backends together can render; from memory, so autocomplete may ask it."""

    def providers(self) -> Sequence[Provider]:
        """Return the backends that are on; the default one first."""
        ...

    def provider(self, name: str) -> Provider:
        """Return a backend.

        Raises:
            RequestError: It is unknown or off.
        """
        ...


class Delivery(Protocol):
    """A door's way back: the card while the job runs, the result at its end."""

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        """Bring the job's card up to date; a lost card is no error."""
        ...

    async def deliver(self, job: Job, file: Path) -> Outcome:
        """Post the result, once, however often this is called for a job."""
        ...
