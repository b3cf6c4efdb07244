"""What members bring before a server's moderators: reports of videos, and appeals.

A case has a number of its server's own, is decided once, and its outcome is told to whoever
brought it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobs.model import Job, JobId
from jobs.text import safe

MAX_OPEN_REPORTS = 3  # of one member in one server
MAX_ABOUT_CHARS = 600
MAX_REASON_CHARS = 300


class CaseKind(StrEnum):
    """What is asked for."""

    REPORT = "report"  # that a video goes
    APPEAL = "appeal"  # that a block ends


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A case before it has a number.

    Attributes:
        guild_id: In which server.
        user_id: Who brings it.
        member_id: Whom it is about: who asked for the video, or whoever appeals.
        cause: What it is about: `job:ID` or `block:TIME`.
        about: The prompt of the video, or why the member is blocked.
        link: Where the video stands; may be empty.
        reason: Why it is brought, in the member's own words.
    """

    kind: CaseKind
    guild_id: int
    user_id: int
    member_id: int
    cause: str
    about: str
    reason: str
    opened_at: datetime
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was brought before the moderators, and what they made of it.

    Attributes:
        number: Its place in the server's own count.
        decided_by: The moderator.
    """

    number: int
    draft: Draft
    state: CaseState = CaseState.OPEN
    decided_by: int | None = None
    decided_at: datetime | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return f"case #{self.number}"

    @property
    def job_id(self) -> JobId | None:
        """The reported video, if it is about one."""
        kind, _, name = self.draft.cause.partition(":")
        return JobId(name) if kind == "job" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a case.

    Attributes:
        is_new: False if somebody else had decided before.
    """

    case: Case
    is_new: bool


def job_cause(job_id: JobId) -> str:
    """Return the cause of a report."""
    return f"job:{job_id}"


def block_cause(blocked_at: datetime) -> str:
    """Return the cause of an appeal against a block; a new block is a new cause."""
    return f"block:{blocked_at.timestamp():.6f}"


def link_of(job: Job) -> str:
    """Return the address of the message that shows a video; empty if none does."""
    if not job.message_id:
        return ""
    place = f"{job.requester.guild_id}/{job.address.channel_id}/{job.message_id}"
    return f"https://discord.com/channels/{place}"


def case_lines(case: Case) -> Sequence[str]:
    """Tell moderators a case, in Discord's markdown; what members wrote is only text."""
    draft = case.draft
    return [
        f"**Case #{case.number}** · {_headline(draft)}",
        f"Why: {safe(draft.reason, MAX_REASON_CHARS)}",
        _about(case),
        *([draft.link] if draft.link and case.state is not CaseState.ACCEPTED else []),
        *([verdict_line(case)] if case.state is not CaseState.OPEN else []),
    ]


def verdict_line(case: Case) -> str:
    """Say how a case was decided, by whom, and when."""
    when = "" if case.decided_at is None else f" <t:{int(case.decided_at.timestamp())}:R>"
    what = _done(case) if case.state is CaseState.ACCEPTED else "Nothing changes."
    return f"**{case.state.value.capitalize()}** by <@{case.decided_by}>{when}. {what}"


def outcome_sentence(case: Case) -> str:
    """Tell whoever brought a case what became of it; not who decided."""
    is_accepted = case.state is CaseState.ACCEPTED
    if case.draft.kind is CaseKind.REPORT:
        what = "the video was removed" if is_accepted else "a moderator saw it, and it stays"
        return f"Your report (case #{case.number}) is decided: {what}."
    what = "you may make videos here again" if is_accepted else "you stay blocked"
    return f"Your appeal (case #{case.number}) is decided: {what}."


def _headline(draft: Draft) -> str:
    if draft.kind is CaseKind.REPORT:
        return f"<@{draft.user_id}> reports a video of <@{draft.member_id}>"
    return f"<@{draft.user_id}> appeals a block"


def _about(case: Case) -> str:
    about = safe(case.draft.about, MAX_ABOUT_CHARS)
    return f"Blocked for: {about}" if case.job_id is None else f"Job `{case.job_id}`: {about}"


def _done(case: Case) -> str:
    is_report = case.draft.kind is CaseKind.REPORT
    return "The video is removed." if is_report else "The member may make videos again."
