"""What moderators decide about quotas, and what members ask about theirs.

Every call is held to the server of the one who makes it, and each change is an act: who, what, to
whom, when, and why.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.errors import RequestError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.acts import Act, ActKind
from jobs.ports import Catalogue, Clock, JobStore, QuotaStore
from jobs.quota.amounts import parse_amount, parse_duration, parse_value
from jobs.quota.books import Bonus, Unit
from jobs.quota.statements import Entry, Statement
from jobs.quota.tiers import ALLOWANCES, LISTS, Kind, Rule, Setting, Target, Value
from jobs.states import JobState
from jobs.text import cut, plain, safe

HISTORY_LENGTH = 15
MAX_REASON_CHARS = 200
COUNTED = 200  # open jobs of one member; more are not told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything about one member's quota at a moment.

    Attributes:
        member: Who it is about.
        running: Their videos that are being made or posted.
        undecided: Their videos that wait for a moderator, or for a provider's word.
        at: The moment.
        currency: What money is counted in.
    """

    member: Requester
    statement: Statement
    running: int
    at: datetime
    currency: str = ""
    undecided: int = 0


class Allowances:
    """The way into the books for commands."""

    def __init__(
        self,
        *,
        quotas: QuotaStore,
        jobs: JobStore,
        catalogue: Catalogue,
        notices: Notices,
        clock: Clock,
        currency: str = "",
    ) -> None:
        self._quotas = quotas
        self._jobs = jobs
        self._catalogue = catalogue
        self._notices = notices
        self._clock = clock
        self.currency = currency

    async def account(self, member: Requester) -> Account:
        """Return everything about a member's quota."""
        now = self._clock.now()
        statement = await self._quotas.statement(member, now=now)
        jobs = await self._jobs.list_jobs(
            guild_id=member.guild_id, user_id=member.user_id, is_open=True, limit=COUNTED
        )
        undecided = sum(job.state is JobState.UNCONFIRMED for job in jobs)
        queued = sum(job.state is JobState.QUEUED for job in jobs)
        return Account(
            member=member,
            statement=statement,
            running=len(jobs) - queued - undecided,
            at=now,
            currency=self.currency,
            undecided=undecided,
        )

    async def history(self, member: Requester) -> Sequence[Entry]:
        """Return what last moved a member's books, newest first."""
        return await self._quotas.history(member, limit=HISTORY_LENGTH)

    async def rules(self, guild_id: int) -> Sequence[Rule]:
        """Return all limits of a server."""
        return await self._quotas.rules(guild_id)

    async def set(
        self, target: Target, setting: Setting, text: str, *, by: Requester, reason: str = ""
    ) -> Rule:
        """Set a limit.

        Args:
            target: For whom, in the server of `by`.
            setting: What is limited.
            text: The limit in people's words.
            by: The moderator.
            reason: Why.

        Raises:
            RequestError: The text is no value of this limit, or names what there is not.
        """
        value = parse_value(setting, text, self.currency)
        if setting in LISTS:
            check_names(setting, value, self.names(setting))
        rule = Rule(target=target, setting=setting, value=value)
        await self._quotas.set_rule(rule, act=self._act(ActKind.QUOTA_SET, target, by, reason))
        self._notices.news_added()
        return rule

    async def clear(
        self, target: Target, setting: Setting | None, *, by: Requester, reason: str = ""
    ) -> Sequence[Rule]:
        """Remove one limit of a target, or all of them; return what was there."""
        act = self._act(ActKind.QUOTA_CLEAR, target, by, reason)
        removed = await self._quotas.clear_rules(target, setting, act=act)
        self._notices.news_added()
        return removed

    async def grant(
        self,
        user_id: int,
        unit: Unit,
        text: str,
        *,
        by: Requester,
        expires: str = "",
        reason: str = "",
    ) -> Bonus:
        """Give a member an extra.

        Args:
            user_id: A member of the server of `by`.
            unit: Of what.
            text: How much, in people's words.
            by: The moderator.
            expires: How long it lasts, as in `7d`; empty is until it is used up.
            reason: Why.

        Raises:
            RequestError: The amount or the time cannot be read.
        """
        amount = parse_amount(unit, text, self.currency)
        expires_at = self._clock.now() + parse_duration(expires) if expires.strip() else None
        act = self._act(ActKind.QUOTA_GRANT, of_member(user_id), by, reason)
        member = Requester(user_id=user_id, guild_id=by.guild_id)
        bonus = await self._quotas.grant(member, unit, amount, expires_at=expires_at, act=act)
        self._notices.news_added()
        return bonus

    async def revoke(self, user_id: int, *, by: Requester, reason: str = "") -> Sequence[Bonus]:
        """Take what is left of a member's extras back; return them as they were."""
        act = self._act(ActKind.QUOTA_CLEAR, of_member(user_id), by, reason)
        member = Requester(user_id=user_id, guild_id=by.guild_id)
        taken = await self._quotas.revoke(member, act=act)
        self._notices.news_added()
        return taken

    async def reset(
        self, user_id: int, setting: Setting | None, *, by: Requester, reason: str = ""
    ) -> Mapping[Unit, int]:
        """Give back what a member has used of one allowance, or of all that run now.

        Raises:
            RequestError: The limit is none that is used up over time.
        """
        if setting is not None and setting not in ALLOWANCES:
            message = f"`limit`: {setting.label} is not used up, so there is nothing to reset."
            raise RequestError(message, field="limit")
        act = self._act(ActKind.QUOTA_RESET, of_member(user_id), by, reason)
        member = Requester(user_id=user_id, guild_id=by.guild_id)
        given = await self._quotas.reset(member, setting, act=act)
        self._notices.news_added()
        return given

    def names(self, setting: Setting) -> Sequence[str]:
        """Return what a list can hold here; nothing for limits that are no lists."""
        providers = self._catalogue.providers()
        match setting:
            case Setting.PROVIDERS:
                return [one.name.value for one in providers]
            case Setting.MODELS:
                models = [model.id for one in providers for model in one.models()]
                return list(dict.fromkeys(models))
            case _:
                return []

    def _act(self, kind: ActKind, target: Target, by: Requester, reason: str) -> Act:
        return Act(
            guild_id=by.guild_id,
            actor_id=by.user_id,
            kind=kind,
            target=str(target),
            at=self._clock.now(),
            reason=cut(plain(reason), MAX_REASON_CHARS),
        )


def of_member(user_id: int) -> Target:
    """Return the target that is one member."""
    return Target(kind=Kind.MEMBER, id=user_id)


def check_names(setting: Setting, value: Value, known: Sequence[str]) -> None:
    """Let a list pass that holds only what there is.

    Raises:
        RequestError: It names something else; the message suggests what may be meant.
    """
    asked = value if isinstance(value, frozenset) else frozenset[str]()
    for name in sorted(asked - {*known}):
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:3]
        remedy = f"try {', '.join(near)}" if near else "there is none to name at the moment"
        message = f"`amount`: there is no {safe(name, 60)} among the {setting.label} here; {remedy}"
        raise RequestError(f"{message}.", field="amount")
