"""What a job meets on its way: a provider, the folder of its result, the door it goes out by."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

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
    Standing,
    Submission,
)
from jobs.request import ModelInfo, ProviderName, ResolvedRequest


class Clock(Protocol):
    """The only source of time and the only way to wait."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; a fake clock decides when that is over."""
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

    async def remove(self, job: Job) -> None:
        """Remove a job's video and all that was made of it; to do it twice changes nothing."""
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

    async def scale(self, path: Path, width: int, height: int) -> MediaInfo:
        """Bring a video to another size, in its place, and say what it is like now.

        Raises:
            MediaError: It is no video that decodes.
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
