"""What members bring before a server's moderators: reports of videos, and appeals.

A case has a number of its server's own, is decided once, and its outcome is told to whoever
brought it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from jobs.errors import RequestError
from jobs.model import Job, JobId
from jobs.moderation.acts import why
from jobs.text import safe

MAX_OPEN_REPORTS = 3  # of one member in one server
MAX_OPEN_APPEALS = 3  # the same, of refused prompts
MAX_ABOUT_CHARS = 600
MAX_APPEALED_CHARS = 1200  # of a prompt: whoever accepts it sees all of it on the card
MAX_REASON_CHARS = 300
MAX_RULE_CHARS = 80
SHOWN_RULES = 3
PASSES_FOR = timedelta(days=7)  # a prompt whose appeal was accepted


class CaseKind(StrEnum):
    """What is asked for."""

    REPORT = "report"  # that a video goes
    APPEAL = "appeal"  # that a block ends, or that a refused prompt passes


class Matter(StrEnum):
    """What a case is about."""

    VIDEO = "job"
    BLOCK = "block"
    PROMPT = "prompt"


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DENIED = "denied"


class Way(StrEnum):
    """How an outcome can reach whoever brought a case, beside what they look up."""

    REPLY = "reply"  # to the interaction that brought it
    DM = "dm"


class Reached(StrEnum):
    """What came of a try to tell somebody."""

    YES = "yes"
    LATER = "later"  # there was trouble that passes
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyToken:
    """Lets an interaction be answered once more, so that only its member sees it."""

    value: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A case before it has a number.

    Attributes:
        guild_id: In which server.
        user_id: Who brings it.
        member_id: Whom it is about: who asked for the video, or whoever appeals.
        cause: What it is about: `job:ID`, `block:TIME` or `prompt:DIGEST:DIGEST of its rules`.
        about: The prompt of the video, why the member is blocked, or the prompt that was refused.
        link: Where the video stands; may be empty.
        reason: Why it is brought, in the member's own words.
        rules: The names of the rules that refused the prompt.
        reply: The way back to the interaction that brought it.
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
    rules: tuple[str, ...] = ()
    reply: ReplyToken | None = None

    @property
    def matter(self) -> Matter:
        """What it is about."""
        return Matter(self.cause.partition(":")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was brought before the moderators, and what they made of it.

    Attributes:
        number: Its place in the server's own count.
        decided_by: The moderator.
        wants_dm: Whoever brought it wants to be told by a direct message.
    """

    number: int
    draft: Draft
    state: CaseState = CaseState.OPEN
    decided_by: int | None = None
    decided_at: datetime | None = None
    wants_dm: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return f"case #{self.number}"

    @property
    def job_id(self) -> JobId | None:
        """The reported video, if it is about one."""
        kind, _, name = self.draft.cause.partition(":")
        return JobId(name) if kind == Matter.VIDEO else None

    @property
    def prompt_digest(self) -> str:
        """What stands for the prompt that was refused; empty if it is not about one."""
        kind, _, digests = self.draft.cause.partition(":")
        return digests.partition(":")[0] if kind == Matter.PROMPT else ""


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


def prompt_cause(digest: str, rules_digest: str) -> str:
    """Return the cause of an appeal against a refusal; other rules make it another one."""
    return f"prompt:{digest}:{rules_digest}"


def reason_of(text: str) -> str:
    """Read why a case is brought.

    Raises:
        RequestError: It says nothing.
    """
    reason = why(text)
    if not reason:
        raise RequestError("Say why; the moderators read it.", field="reason")
    return reason


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
        *_about(case),
        *([draft.link] if draft.link and case.state is not CaseState.ACCEPTED else []),
        *([verdict_line(case)] if case.state is not CaseState.OPEN else []),
    ]


def verdict_line(case: Case) -> str:
    """Say how a case was decided, by whom, and when."""
    when = "" if case.decided_at is None else f" <t:{int(case.decided_at.timestamp())}:R>"
    what = DONE[case.draft.matter] if case.state is CaseState.ACCEPTED else "Nothing changes."
    return f"**{case.state.value.capitalize()}** by <@{case.decided_by}>{when}. {what}"


DONE = {
    Matter.VIDEO: "The video is removed.",
    Matter.BLOCK: "The member may make videos again.",
    Matter.PROMPT: "The member may send this prompt for 7 days.",
}
BROUGHT = {
    Matter.VIDEO: "Your report",
    Matter.BLOCK: "Your appeal against a block",
    Matter.PROMPT: "Your appeal against a refused prompt",
}
OUTCOMES = {
    (Matter.VIDEO, CaseState.ACCEPTED): "the video was removed",
    (Matter.VIDEO, CaseState.DENIED): "a moderator saw it, and it stays",
    (Matter.BLOCK, CaseState.ACCEPTED): "you may make videos here again",
    (Matter.BLOCK, CaseState.DENIED): "you stay blocked",
    (Matter.PROMPT, CaseState.ACCEPTED): "send the prompt once more; it passes here until",
    (Matter.PROMPT, CaseState.DENIED): "the prompt stays refused",
}


def outcome_sentence(case: Case) -> str:
    """Tell whoever brought a case what became of it; not who decided."""
    matter = case.draft.matter
    outcome = OUTCOMES[matter, case.state]
    if matter is Matter.PROMPT and case.state is CaseState.ACCEPTED and case.decided_at:
        outcome += f" <t:{int((case.decided_at + PASSES_FOR).timestamp())}:f>"
    return f"{BROUGHT[matter]} (case #{case.number}) is decided: {outcome}."


def _headline(draft: Draft) -> str:
    match draft.matter:
        case Matter.VIDEO:
            return f"<@{draft.user_id}> reports a video of <@{draft.member_id}>"
        case Matter.BLOCK:
            return f"<@{draft.user_id}> appeals a block"
        case Matter.PROMPT:
            return f"<@{draft.user_id}> appeals a refused prompt"


def _about(case: Case) -> Sequence[str]:
    about = case.draft.about
    match case.draft.matter:
        case Matter.VIDEO:
            return [f"Job `{case.job_id}`: {safe(about, MAX_ABOUT_CHARS)}"]
        case Matter.BLOCK:
            return [f"Blocked for: {safe(about, MAX_ABOUT_CHARS)}"]
        case Matter.PROMPT:
            whole = safe(about, 3 * MAX_APPEALED_CHARS)  # escaping makes it longer
            return [f"Prompt: {whole}", f"-# Refused by: {_rules(case.draft.rules)}"]


def _rules(names: Sequence[str]) -> str:
    shown = [safe(name, MAX_RULE_CHARS) for name in names[:SHOWN_RULES]]
    more = len(names) - SHOWN_RULES
    return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])
