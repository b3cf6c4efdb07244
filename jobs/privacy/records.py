"""What is stored about a person or a server, for those who count it, export it or delete it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jobs.model import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """A person, in one server or everywhere.

    Attributes:
        guild_id: The server; None is everywhere.
    """

    user_id: int
    guild_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A deletion that was asked for."""

    whose: Whose
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """How much is stored about a person.

    Attributes:
        videos: Jobs that have ended, whatever came of them.
        open_videos: Jobs that wait or are being made.
        files: Videos on the disk.
        file_bytes: Their size in sum.
        images: Init images of theirs, each once.
        bookings: Lines in the books.
        limits: Limits that are theirs alone.
        extras: Extras that they were given.
        blocks: Servers that keep them out now.
        cases: Reports and appeals, by them or about them.
        refused_prompts: Prompts of theirs that were refused just now.
        passes: Prompts of theirs that an appeal let through.
        done_to: Acts of moderators that name them.
        done_by: Acts of their own as a moderator or manager.
        servers: In how many servers anything of theirs is.
        oldest: When the oldest of their videos was asked for.
    """

    videos: int = 0
    open_videos: int = 0
    files: int = 0
    file_bytes: int = 0
    images: int = 0
    bookings: int = 0
    limits: int = 0
    extras: int = 0
    blocks: int = 0
    cases: int = 0
    refused_prompts: int = 0
    passes: int = 0
    done_to: int = 0
    done_by: int = 0
    servers: int = 0
    oldest: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing is stored."""
        counts = (self.videos, self.open_videos, self.bookings, self.limits, self.extras)
        cases = (self.blocks, self.cases, self.refused_prompts, self.passes)
        return not any((*counts, *cases, self.done_to, self.done_by))


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What lies on the disk of a job whose row is gone.

    Attributes:
        file: The video's name; empty if there was none.
        image: The id of its init image; empty if it had none.
    """

    job_id: JobId
    file: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job with everything that is stored about it, to be taken along.

    Attributes:
        number: The order of arrival; pages are read by it.
        content: Its row and what hangs on it, as JSON takes it.
        receipt: What made the video; None if nothing did.
        file: The video's name below the videos folder; empty if there is none.
        link: The posted message; empty if there is none.
    """

    number: int
    id: JobId
    content: Mapping[str, object]
    receipt: Mapping[str, object] | None = None
    file: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """Everything about a person that hangs on no single job: rows by what they are."""

    rows: Mapping[str, Sequence[Mapping[str, object]]] = field(
        default_factory=dict[str, Sequence[Mapping[str, object]]]
    )
