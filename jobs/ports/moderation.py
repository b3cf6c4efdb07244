"""What moderators need: quotas, policy, settings, cases, and the audit of their acts."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol

from jobs.model import (
    Job,
    JobId,
    Requester,
)
from jobs.moderation.acts import Act, ActKind, PastAct
from jobs.moderation.cases import Case, CaseState, Draft, Reached, Verdict, Way
from jobs.moderation.guilds import Block, GuildSettings, News
from jobs.moderation.policy import PolicyRule
from jobs.moderation.refusals import Refusal
from jobs.quota.books import Bonus, Drift, Unit
from jobs.quota.statements import Entry, Statement, Terms
from jobs.quota.tiers import Rule, Setting, Target


class QuotaStore(Protocol):
    """The books: limits, extras, buckets and the append-only ledger.

    What changes anything takes the act that does it and writes it into the audit.
    """

    async def terms_of(self, requester: Requester, *, now: datetime) -> Terms:
        """Return what holds for a member who asks now."""
        ...

    async def statement(self, requester: Requester, *, now: datetime) -> Statement:
        """Return a member's limits with what is left of them."""
        ...

    async def history(self, requester: Requester, *, limit: int) -> Sequence[Entry]:
        """Return what moved a member's books, newest first."""
        ...

    async def rules(self, guild_id: int) -> Sequence[Rule]:
        """Return all limits that are set in a server: the server, everyone, roles, members."""
        ...

    async def set_rule(self, rule: Rule, *, act: Act) -> None:
        """Set a limit; what waits in the queue takes its turns by it from now on."""
        ...

    async def clear_rules(
        self, target: Target, setting: Setting | None, *, act: Act
    ) -> Sequence[Rule]:
        """Remove one limit of a target, or all of them; return what was there.

        Nothing goes into the audit if there was nothing.
        """
        ...

    async def grant(
        self,
        requester: Requester,
        unit: Unit,
        amount: int,
        *,
        expires_at: datetime | None,
        act: Act,
    ) -> Bonus:
        """Give a member an extra."""
        ...

    async def revoke(self, requester: Requester, *, act: Act) -> Sequence[Bonus]:
        """Take what is left of a member's extras back; return them as they were."""
        ...

    async def reset(
        self, requester: Requester, setting: Setting | None, *, act: Act
    ) -> Mapping[Unit, int]:
        """Give back what a member has used in a span, or in all spans that run now.

        What is reserved stays so, and the server's books stay as they are.

        Returns:
            What was given back, in each unit's smallest amount.
        """
        ...

    async def audit(self) -> Sequence[Drift]:
        """Compare buckets, ledger and open reservations; an empty answer is a balanced book."""
        ...


class PolicyStore(Protocol):
    """What servers' prompts may not hold."""

    async def all_rules(self) -> Sequence[PolicyRule]:
        """Return the rules of every server, oldest first."""
        ...

    async def add_rules(
        self, rules: Sequence[PolicyRule], *, act: Act, told: Mapping[str, str]
    ) -> Sequence[PolicyRule]:
        """Keep rules, each over one of the same text, and return them with their numbers.

        Args:
            rules: Of the act's server.
            act: Stands for all of them.
            told: What the audit says of them, by name, in words.
        """
        ...

    async def remove_rule(self, guild_id: int, number: int, *, act: Act) -> PolicyRule | None:
        """Remove a rule and return it; None if the server has none of that number."""
        ...


class GuildStore(Protocol):
    """What managers set for their servers, whom moderators keep out, and news for log channels."""

    async def all_settings(self) -> Sequence[GuildSettings]:
        """Return the settings of every server that has any."""
        ...

    async def save_settings(self, settings: GuildSettings, *, act: Act) -> None:
        """Write a server's settings."""
        ...

    async def block(self, block: Block, *, act: Act) -> None:
        """Keep a member out, or change why and until when."""
        ...

    async def unblock(self, guild_id: int, user_id: int, *, act: Act) -> Block | None:
        """Let a member in again; None if nobody kept them out."""
        ...

    async def blocks(self, guild_id: int, *, now: datetime) -> Sequence[Block]:
        """Return the blocks of a server that have not ended, newest first."""
        ...

    async def add_news(self, guild_id: int, key: str, text: str, *, at: datetime) -> bool:
        """Keep news for a server's log channel; False if it has none, or knows that key."""
        ...

    async def unsent_news(self, *, limit: int) -> Sequence[News]:
        """Return of each server the first news that its log channel has not seen, oldest first."""
        ...

    async def mark_sent(self, news: News, *, now: datetime) -> None:
        """Note that news were posted, or that there is nowhere to post them any more."""
        ...


class CaseStore(Protocol):
    """What members bring before moderators, and the videos that these remove."""

    async def open(self, draft: Draft) -> Case:
        """Bring a case; the log channel is told of it in the same transaction.

        Raises:
            NotAllowedError: The member has brought it before.
            QuotaExceededError: Too many of theirs wait.
        """
        ...

    async def case(self, guild_id: int, number: int) -> Case:
        """Return a case of a server.

        Raises:
            NotFoundError: There is none of that number.
        """
        ...

    async def open_cases(self, guild_id: int, *, limit: int) -> Sequence[Case]:
        """Return a server's cases that wait for a decision, oldest first."""
        ...

    async def decide(self, number: int, state: CaseState, *, act: Act) -> Verdict:
        """Accept or deny a case, and do what follows from it, unless it was decided before.

        Raises:
            NotFoundError: There is none of that number.
        """
        ...

    async def remove(self, job_id: JobId, *, act: Act) -> Job:
        """Note that a video goes; one that was removed before stays as it is, without an act.

        Raises:
            NotFoundError: There is no such job in the server.
        """
        ...

    async def to_take_down(self, *, limit: int) -> Sequence[Job]:
        """Return removed jobs whose message or file may still be there, oldest removal first."""
        ...

    async def mark_taken_down(self, job: Job) -> None:
        """Note that nothing of a removed video is left."""
        ...


class OutcomeStore(Protocol):
    """Outcomes of cases on their way to whoever brought them."""

    async def cases_of(self, guild_id: int, user_id: int, *, limit: int) -> Sequence[Case]:
        """Return what a member brought in a server, newest first."""
        ...

    async def wish_dm(self, guild_id: int, number: int, user_id: int, *, wants_dm: bool) -> Case:
        """Note whether a member wants to be told of their case by a direct message.

        Raises:
            NotFoundError: They have brought none of that number.
        """
        ...

    async def to_tell(self, *, now: datetime, limit: int) -> Sequence[Case]:
        """Return decided cases whose outcome may reach somebody now, oldest decision first."""
        ...

    async def give_up(self, case: Case, way: Way) -> None:
        """Note that an outcome reaches nobody on a way; it can be looked up as before."""
        ...

    async def untold(self, guild_id: int, user_id: int) -> Sequence[Case]:
        """Return a member's decided cases whose outcome they have not read."""
        ...

    async def mark_told(self, cases: Sequence[Case], *, now: datetime) -> None:
        """Note that outcomes were read."""
        ...


class AppealStore(Protocol):
    """Refused prompts that can be appealed, and what accepted appeals let through."""

    async def keep(self, refusal: Refusal) -> int:
        """Keep a refusal and return its number; the same prompt keeps its own."""
        ...

    async def refusal(self, number: int, *, now: datetime) -> Refusal | None:
        """Return a refusal; None if there is none any more."""
        ...

    async def lifted(
        self, guild_id: int, user_id: int, digest: str, *, now: datetime
    ) -> AbstractSet[str]:
        """Return the names of the rules that are put aside for a member's prompt."""
        ...


class AuditLog(Protocol):
    """What moderators did. It is only ever read here: each act is written by what it does."""

    async def acts(  # noqa: PLR0913 - each narrows the list by itself
        self,
        guild_id: int,
        *,
        limit: int,
        before: int | None = None,
        kind: ActKind | None = None,
        target: str | None = None,
        actor_id: int | None = None,
        member_id: int | None = None,
    ) -> Sequence[PastAct]:
        """Return a server's acts, newest first.

        Args:
            guild_id: The server; no other's acts are ever returned.
            limit: At most so many.
            before: Only acts with a smaller number, to page on.
            kind: Only of this kind.
            target: Only to this one, as in `Act.target`.
            actor_id: Only by this one.
            member_id: Only to this member, or to a video of theirs.
        """
        ...


class GuildLog(Protocol):
    """The way to a server's log channel."""

    async def post(self, news: News) -> bool:
        """Post news, once however often this is called; False if it may work later.

        A channel that is gone, or takes nothing from us, is no reason to try again.
        """
        ...


class MemberPost(Protocol):
    """The ways to somebody who brought a case."""

    async def tell(self, case: Case, way: Way) -> Reached:
        """Tell the outcome of a case on one way; never raises for trouble of Discord's."""
        ...


class Postings(Protocol):
    """What was posted of jobs."""

    async def delete(self, job: Job) -> bool:
        """Delete a job's result from its channel; False if it may work later."""
        ...
