"""What a member is told about their quota: each limit, what is left of it, and who set it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobs.model import JobId
from jobs.moderation.guilds import Block
from jobs.quota.books import Bonus, Unit
from jobs.quota.tiers import Rule, Setting, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for somebody who asks for a video now."""

    tier: Tier
    server: Tier
    block: Block | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """One allowance and what became of it in the span that runs now.

    Attributes:
        rule: The limit and who set it; None is unlimited.
        used: In the unit's smallest amount.
        reserved: Held for jobs that have not ended.
        resets_at: When it begins anew.
    """

    setting: Setting
    rule: Rule | None
    used: int
    reserved: int
    resets_at: datetime

    @property
    def left(self) -> int | None:
        """What may still be asked for; None is unlimited."""
        if self.rule is None or not isinstance(self.rule.value, int):
            return None
        return max(0, self.rule.value - self.used - self.reserved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Everything about one member's quota.

    Attributes:
        terms: The limits, and a block if there is one.
        balances: All nine allowances, limited or not, in the order of `ALLOWANCES`.
        server: The allowances of the whole server that have a limit.
        bonuses: Extras that have something left, those that expire first in front.
        waiting: Their videos in the queue.
    """

    terms: Terms
    balances: Sequence[Balance]
    server: Sequence[Balance]
    bonuses: Sequence[Bonus]
    waiting: int


class EntryKind(StrEnum):
    """What a line of the history tells."""

    HELD = "held"  # the job has not ended
    USED = "used"
    GIVEN_BACK = "given back"
    RESET = "reset"  # by a moderator
    GRANTED = "granted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a member's history: a job, or something that a moderator did.

    Attributes:
        at: When it last moved.
        amounts: In each unit's smallest amount; of a reset what was given back.
        job_id: The job, if it is one.
    """

    at: datetime
    kind: EntryKind
    amounts: tuple[tuple[Unit, int], ...]
    job_id: JobId | None = None
