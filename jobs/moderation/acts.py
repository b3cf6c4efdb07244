"""What moderators and managers do, kept for good: who, what, to whom, before, after, and why.

An act is written in the transaction that does it, so neither is there without the other.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from jobs.model import Failure
from jobs.quota.tiers import Target
from jobs.text import cut, plain, safe

MAX_SENTENCE_CHARS = 1500  # of the 2,000 that a message takes
MAX_VALUE_CHARS = 200
MAX_REASON_CHARS = 300
# A member, a role, a channel or a time as Discord writes it; all else in a value is only text.
MENTION = re.compile(r"(<(?:@&?|#)\d{1,20}>|<t:-?\d{1,12}(?::[tTdDfFR])?>)")

BY_A_MODERATOR = Failure(code="moderated", message="A moderator cancelled this video.")


class ActKind(StrEnum):
    """What was done."""

    QUOTA_SET = "quota_set"
    QUOTA_CLEAR = "quota_clear"
    QUOTA_GRANT = "quota_grant"
    QUOTA_RESET = "quota_reset"
    JOB_CANCEL = "job_cancel"
    JOB_RETRY = "job_retry"
    JOB_RELEASE = "job_release"
    JOB_CHARGE = "job_charge"
    BLOCK_ADD = "block_add"
    BLOCK_REMOVE = "block_remove"
    SETTINGS = "settings"
    USAGE_EXPORT = "usage_export"
    POLICY_ADD = "policy_add"
    POLICY_REMOVE = "policy_remove"
    REVIEW_APPROVE = "review_approve"
    REVIEW_REFUSE = "review_refuse"
    CASE_ACCEPT = "case_accept"
    CASE_DENY = "case_deny"
    VIDEO_REMOVE = "video_remove"

    @property
    def label(self) -> str:
        """What people call it."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something about to be done.

    Attributes:
        guild_id: In which server.
        actor_id: Who does it; 0 is Flipbook itself, because something ended in Discord.
        kind: What.
        target: To whom or what: `member:5`, `role:6`, `everyone`, `server`, `job:k3m9x2ab`.
        at: When.
        reason: Why, in the actor's words; may be empty.
    """

    guild_id: int
    actor_id: int
    kind: ActKind
    target: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAct:
    """Something that was done.

    Attributes:
        number: Its place in the audit.
        act: What it was.
        before: What there was before, by name, in words; empty if there was nothing.
        after: What there was afterwards.
    """

    number: int
    act: Act
    before: Mapping[str, str] = field(default_factory=dict[str, str])
    after: Mapping[str, str] = field(default_factory=dict[str, str])


def why(reason: str) -> str:
    """Return a reason as it is kept: on one line, and no longer than anybody reads."""
    return cut(plain(reason), MAX_REASON_CHARS)


VERBS = {
    ActKind.QUOTA_SET: "set",  # followed by what, of whom
    ActKind.QUOTA_CLEAR: "cleared limits of",
    ActKind.QUOTA_GRANT: "changed the extras of",
    ActKind.QUOTA_RESET: "reset the quota of",
    ActKind.JOB_CANCEL: "cancelled",  # a job, or the videos of whom
    ActKind.JOB_RETRY: "sent once more",
    ActKind.JOB_RELEASE: "ended without a charge",
    ActKind.JOB_CHARGE: "ended and counted",
    ActKind.BLOCK_ADD: "blocked",
    ActKind.BLOCK_REMOVE: "let in again",
    ActKind.SETTINGS: "changed the settings of",
    ActKind.USAGE_EXPORT: "took along a list of the videos of",
    ActKind.POLICY_ADD: "added to the policy of",
    ActKind.POLICY_REMOVE: "removed from the policy of",
    ActKind.REVIEW_APPROVE: "approved the prompt of",
    ActKind.REVIEW_REFUSE: "refused the prompt of",
    ActKind.CASE_ACCEPT: "accepted",
    ActKind.CASE_DENY: "denied",
    ActKind.VIDEO_REMOVE: "removed the video of",
}


def sentence_of(past: PastAct) -> str:
    """Tell an act in a sentence, in Discord's markdown, for a server's log channel.

    What people wrote stands in it as they wrote it, and neither formats nor mentions.
    """
    act = past.act
    actor, verb, target = actor_words(act.actor_id), VERBS[act.kind], target_words(act.target)
    if act.kind is ActKind.JOB_CANCEL and not act.target.startswith("job:"):
        verb += " videos of"
    reason = f": {safe(act.reason, MAX_REASON_CHARS)}" if act.reason else ""
    if act.kind is ActKind.QUOTA_SET and (past.before or past.after):
        said = f"{actor} {verb} {'; '.join(change_lines(past, of=target))}"
    else:
        changes = "; ".join(change_lines(_but_its_reason(past)))
        said = f"{actor} {verb} {target}" + (f" ({changes})" if changes else "")
    return cut(said, MAX_SENTENCE_CHARS - len(reason)) + reason


def _but_its_reason(past: PastAct) -> PastAct:
    """Return an act without a reason among its changes that is told after them anyway."""
    is_told = "reason" not in past.before and past.after.get("reason") == past.act.reason
    after = {name: value for name, value in past.after.items() if name != "reason"}
    return dataclasses.replace(past, after=after) if is_told else past


def actor_words(actor_id: int) -> str:
    """Name who did something."""
    if actor_id < 0:
        return "Somebody whose data was deleted"
    return f"<@{actor_id}>" if actor_id else "Flipbook"


def target_words(target: str) -> str:
    """Name to whom or what something was done; Discord shows ids as names."""
    kind, _, name = target.partition(":")
    if kind == "job":
        return f"job `{name}`"
    if kind == "case":
        return f"case #{name}"
    if target == "member:0":
        return "somebody whose data was deleted"
    try:
        return Target.parse(target).mention
    except ValueError:  # written by a newer Flipbook
        return safe(target, MAX_VALUE_CHARS)


def change_lines(past: PastAct, *, of: str = "") -> list[str]:
    """Say what changed, one line for each name."""
    names = dict.fromkeys([*past.before, *past.after])  # each once, in order
    suffix = f" of {of}" if of else ""
    return [
        f"{name}{suffix}{_change(past.before.get(name), past.after.get(name))}" for name in names
    ]


def _change(before: str | None, after: str | None) -> str:
    match before, after:
        case None, str():
            return f": {value_words(after)}"
        case str(), None:
            return f": was {value_words(before)}"
        case str(), str() if before != after:
            return f" from {value_words(before)} to {value_words(after)}"
        case _:
            return f": {value_words(before or '')}"


def value_words(value: str) -> str:
    """Return a value of an act: mentions stay, and everything else is only text."""
    parts = [part for part in MENTION.split(value) if part]
    return "".join(part if MENTION.fullmatch(part) else _as_text(part) for part in parts)


def _as_text(text: str) -> str:
    is_plain = text.isascii() and all(one.isalnum() or one in " .," for one in text)
    return cut(text, MAX_VALUE_CHARS) if is_plain else safe(text, MAX_VALUE_CHARS)
