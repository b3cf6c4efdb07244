"""The things that the subject is about: a job, who asked for it, what came of it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Self

from pydantic import BaseModel

from jobs.request import ResolvedRequest, VideoRequest
from jobs.states import JobState

JobId = NewType("JobId", str)


class Origin(StrEnum):
    """The door a job came through; each has its own delivery."""

    DISCORD = "discord"
    API = "api"
    CLI = "cli"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who asked. Ids are Discord snowflakes; all are 0 for a job of the command line.

    Attributes:
        role_ids: The member's roles when they asked.
        key_id: The API key that asked; then the others are 0.
    """

    user_id: int = 0
    guild_id: int = 0
    role_ids: tuple[int, ...] = ()
    key_id: int = 0

    @property
    def party(self) -> str:
        """Whose turns they share: those of their server, or of their API key."""
        return f"key:{self.key_id}" if self.key_id else f"guild:{self.guild_id}"


class ApiAddress(BaseModel, frozen=True):
    """What a job of the HTTP door needs beyond its request, to be answered in its protocol.

    Attributes:
        protocol: `modelslab` or `novita`: in whose shape it was asked and is answered.
        echo: What the answers repeat of what was asked, in the protocol's own names.
        webhook: Where its end is told; None is nowhere.
        track_id: Sent along with that.
        width: Pixels that were asked for; the video is scaled to them if the model cannot.
        height: The same.
        base: The scheme and host that it was asked at; links for its webhook begin with them.
        safety_checker: The model has a safety checker, and it is to look at the video, also where
            the operator switched it off.
    """

    protocol: str
    echo: dict[str, object] = {}
    webhook: str | None = None
    track_id: str | None = None
    width: int | None = None
    height: int | None = None
    base: str = ""
    safety_checker: bool = False


class Address(BaseModel, frozen=True):
    """Where the answer goes; stored with the job, so a restarted bot finds the way.

    Attributes:
        channel_id: The channel of the card and of the result.
        card_id: The interaction's response message, once it is known.
        application_id: With `token`, the interaction's webhook.
        token: The interaction's token; a secret, erased when the job ends.
        token_expires_at: When Discord stops accepting `token` (15 minutes).
        upload_limit: Bytes that one attachment may have in that channel.
        path: The file to write, for jobs of the command line.
        api: For jobs of the HTTP door.
    """

    channel_id: int = 0
    card_id: int | None = None
    application_id: int = 0
    token: str | None = None
    token_expires_at: datetime | None = None
    upload_limit: int | None = None
    path: str | None = None
    api: ApiAddress | None = None

    def evolve(self, **changes: object) -> Self:
        """Return a copy with other values."""
        return self.model_copy(update=changes)


class Receipt(BaseModel, frozen=True):
    """What made a video: stored, shown on the card, and embedded in the file.

    Attributes:
        job_id: The job that made it.
        asked: The request as it was asked, defaults left open.
        sent: What the backend was given.
        effective: What the backend says, or was measured, to have used.
        seed: The seed that was really used.
        provider: The backend.
        provider_job_id: The backend's own id of the job.
        model: The model's id.
        model_hash: sha256 over its weights, where they are on our disk.
        versions: Of Flipbook and of what rendered.
        timings_s: Seconds by stage: waited, rendered.
        cost: UNet calls x latent pixels x frames.
        price_micros: What it cost in millionths of `currency`, or None if no price is known.
        price_is_actual: The backend said so; otherwise the price is an estimate.
        currency: Three letters of ISO 4217.
        parent_job: The job that this one repeats.
    """

    job_id: str
    asked: dict[str, object] = {}
    sent: dict[str, object] = {}
    effective: dict[str, object] = {}
    seed: int
    provider: str
    provider_job_id: str | None = None
    model: str
    model_hash: str = ""
    versions: dict[str, str] = {}
    timings_s: dict[str, float] = {}
    cost: int = 0
    price_micros: int | None = None
    price_is_actual: bool = False
    currency: str = ""
    parent_job: str | None = None

    def evolve(self, **changes: object) -> Self:
        """Return a copy with other values."""
        return self.model_copy(update=changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A finished video on our disk."""

    name: str  # the file's name below the videos folder
    sha256: str
    size: int  # bytes
    width: int
    height: int
    frames: int
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job did not end as it should."""

    code: str  # stable, for machines and logs
    message: str  # one sentence for the asker
    is_ours: bool = True  # our fault costs the asker nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One asked video on its way; a change makes a copy.

    Attributes:
        id: Eight characters, short enough to type.
        origin_key: Unique per origin: the same request delivered twice is one job.
        request: Resolved; `asked` keeps what the asker left open.
        warnings: What the backend cannot honour, shown before the job was queued.
        attempt: Fences every write; a claim raises it.
        attempt_token: 128 bits, written before the submit and sent along with it.
        setbacks: Lost workers, absent backends, full disks; a restart of the bot is none.
        lease_until: Whoever works on the job renews this.
        due_at: Not claimed or delivered before.
        endpoint: Where it was submitted; a resumed job polls there.
        estimate_s: Expected render seconds at the time of asking, if any were measured.
        price_micros: Expected price in millionths of `currency`; None if no price is known.
        refused_by: The backends that turned it away; it is not sent to them again.
        held_until: It waits outside the queue for a moderator, and ends by itself then.
        held_for: What the moderator should look at.
        message_id: The posted result.
        started_at: When the backend accepted it.
        rendered_at: When the backend finished.
        removed_at: When a moderator removed the video; its file and message are gone then.
    """

    id: JobId
    origin: Origin
    origin_key: str
    requester: Requester
    address: Address
    asked: VideoRequest
    request: ResolvedRequest
    created_at: datetime
    state: JobState = JobState.QUEUED
    warnings: tuple[str, ...] = ()
    attempt: int = 0
    attempt_token: str | None = None
    setbacks: int = 0
    lease_until: datetime | None = None
    due_at: datetime | None = None
    provider_job_id: str | None = None
    endpoint: str | None = None
    estimate_s: float | None = None
    price_micros: int | None = None
    currency: str = ""
    refused_by: tuple[str, ...] = ()
    held_until: datetime | None = None
    held_for: str = ""
    cancel_requested: bool = False
    receipt: Receipt | None = None
    artifact: Artifact | None = None
    failure: Failure | None = None
    message_id: int | None = None
    parent_id: JobId | None = None
    started_at: datetime | None = None
    rendered_at: datetime | None = None
    ended_at: datetime | None = None
    removed_at: datetime | None = None

    @property
    def backend(self) -> str:
        """The queue that the job waits in: one for each provider."""
        return self.request.provider.value

    @property
    def is_held(self) -> bool:
        """It waits until a moderator has looked at its prompt."""
        return self.state is JobState.QUEUED and self.held_until is not None

    @property
    def file_name(self) -> str:
        """The posted file's name; it holds the id, so the result can be found again."""
        return f"flipbook-{self.id}.{self.request.format}"

    def evolve(self, **changes: object) -> "Job":
        """Return a copy with other values."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a backend is; only what it really said."""

    done: int = 0
    total: int = 0
    stage: str = "rendering"
    eta_s: float | None = None

    @property
    def fraction(self) -> float | None:
        """0 to 1, or None if the backend gives no numbers."""
        return min(1.0, self.done / self.total) if self.total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A job's place: how many are ahead, and the seconds until it is done, if known.

    Attributes:
        eta_s: At the usual pace: half of the newest renders were faster.
        slow_eta_s: At a slow pace: nine of ten were faster.
        is_late: Its render takes longer than 95 of 100 do.
    """

    ahead: int = 0
    eta_s: float | None = None
    slow_eta_s: float | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A backend's answer to a submit.

    Attributes:
        price_micros: What the backend says it billed, in millionths of the currency of the
            price table; None if it does not say.
    """

    provider_job_id: str
    endpoint: str
    sent: Mapping[str, object]
    effective: Mapping[str, object]
    price_micros: int | None = None


class HealthState(StrEnum):
    """Whether a backend can be given work."""

    OK = "ok"
    LOST = "lost"  # it cannot be reached just now
    OUT = "out"  # it refuses everyone, until its operator acts: a bad key, an empty balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a backend is, and why, in a sentence that members may read."""

    state: HealthState = HealthState.OK
    reason: str = ""
    lost_at: datetime | None = None  # since when nobody answers, if that is what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A webhook that came in: a hint that a backend has news, and nothing more.

    Attributes:
        number: The order of arrival.
        provider: The backend whose address it came to.
        token: The attempt token in that address.
        body: What was sent, at most 64 KiB; anybody who knows the token may have written it.
        job_id: The job that the token was drawn for.
        received_at: When it came.
    """

    number: int
    provider: str
    token: str
    body: bytes
    job_id: JobId
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What a probe found in a video file."""

    width: int
    height: int
    frames: int
    duration_s: float
    codec: str
    comment: str = ""  # the receipt's JSON, if the file carries one


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The result stands in the channel (or at its path, message id 0)."""

    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLarge:
    """The file was refused for its size; `limit` is what fits, in bytes."""

    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """There is nowhere to post the result any more."""

    reason: str
    is_ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not now; try again at `at`."""

    at: datetime
    reason: str


Outcome = Delivered | TooLarge | Gone | Later
