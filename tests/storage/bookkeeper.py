"""The books beside a model of them: a machine of Hypothesis that asks, settles, and dies."""

import asyncio
import sqlite3
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from typing_extensions import override

from jobs.errors import QuotaExceededError
from jobs.model import Job, JobId, Requester
from jobs.quota.admission import charges_for
from jobs.quota.books import Charge, Settlement, Unit
from jobs.quota.statements import Terms
from jobs.quota.tiers import ALLOWANCES, EVERYONE, SERVER, Setting, Tier
from jobs.quota.windows import span_of
from storage.database import Database
from storage.events import append_event
from storage.quota import bonuses, books
from storage.quota.books import audit
from storage.rows import INSERT_JOB, to_columns
from tests.factories import NOW, make_act, make_job, make_rule
from tests.fakes.quick_database import open_quickly

MEMBERS = [Requester(user_id=1, guild_id=1), Requester(user_id=2, guild_id=1)]

LIMITED = [Setting.VIDEOS_PER_DAY, Setting.VIDEOS_PER_WEEK, Setting.SECONDS_PER_MONTH]

Place = tuple[str, str, Unit]


class CrashError(Exception):
    """The process died here."""


class Crashing:
    """A connection that dies before its n-th statement."""

    def __init__(self, connection: sqlite3.Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def execute(self, *args: Any) -> sqlite3.Cursor:
        if self._left == 0:
            raise CrashError
        self._left -= 1
        return self._connection.execute(*args)


class Books(RuleBasedStateMachine):
    """Asks, settles, settles twice, lets days pass, changes limits, gives extras, and dies."""

    jobs: Bundle[JobId] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._database = self._runner.run(self._open())
        self._now = NOW
        self._limits: dict[Setting, int] = {
            Setting.VIDEOS_PER_DAY: 3,
            Setting.VIDEOS_PER_WEEK: 4,
        }
        self._budget: int | None = None
        self._given: dict[str, tuple[Requester, int]] = {}
        self._used = Counter[Place]()
        self._reserved = Counter[Place]()
        self._open_charges: dict[JobId, list[Charge]] = {}

    async def _open(self) -> Database:
        path = Path(self._folder.name) / "flipbook.db"
        return await self._stack.enter_async_context(open_quickly(path))

    @override
    def teardown(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()
        self._folder.cleanup()

    @property
    def terms(self) -> Terms:
        rules = {
            setting: make_rule(setting, value, EVERYONE) for setting, value in self._limits.items()
        }
        month = Setting.VIDEOS_PER_MONTH
        budget = {} if self._budget is None else {month: make_rule(month, self._budget, SERVER)}
        return Terms(tier=Tier(rules=rules), server=Tier(rules=budget))

    def ask(self, job: Job, *, dies_after: int | None = None) -> list[Charge]:
        """Admit a job as the store does, and return what it was charged."""

        def work(connection: sqlite3.Connection) -> list[Charge]:
            seen = connection if dies_after is None else dying(connection, dies_after)
            seen.execute(INSERT_JOB, to_columns(job))
            extras = bonuses.open_bonuses(seen, job.requester, now=self._now)
            charges = list(charges_for(job, self.terms, extras))
            books.reserve(seen, job.id, charges, at=self._now)
            append_event(seen, job, before=None, at=self._now, note={})
            if dies_after is not None:
                raise CrashError
            return charges

        return self._runner.run(self._database.write(work))

    def end(
        self,
        job_id: JobId,
        how: Settlement,
        *,
        costs: dict[Unit, int] | None = None,
        dies_after: int | None = None,
    ) -> None:
        def work(connection: sqlite3.Connection) -> None:
            seen = connection if dies_after is None else dying(connection, dies_after)
            books.settle(seen, job_id, how, at=self._now, costs=costs)
            if dies_after is not None:
                raise CrashError

        self._runner.run(self._database.write(work))

    def new_job(self, member: Requester, milliseconds: int) -> Job:
        job = make_job(user_id=member.user_id, guild_id=member.guild_id, created_at=self._now)
        frames = milliseconds // 125
        request = job.request.model_copy(update={"frames": frames, "fps": 8})
        return replace(job, request=request)

    def taken(self, account: str, setting: Setting) -> int:
        """Return what the model says an account took in the span that runs now."""
        unit, window = ALLOWANCES[setting]
        span = span_of(window, self._now)
        return sum(
            amount
            for counter in (self._used, self._reserved)
            for (whose, day, of), amount in counter.items()
            if whose == account and of is unit and f"day:{span.first}" <= day < f"day:{span.end}"
        )

    def left_of_extras(self, member: Requester) -> int:
        return sum(
            amount
            - self._used[account, "ever", Unit.VIDEOS]
            - self._reserved[account, "ever", Unit.VIDEOS]
            for account, (whose, amount) in self._given.items()
            if whose == member
        )

    def fits(self, job: Job) -> bool:
        member = job.requester
        account = f"guild:{member.guild_id}/user:{member.user_id}"
        is_paid_by_an_extra = self.left_of_extras(member) > 0
        for setting, most in self._limits.items():
            unit, _ = ALLOWANCES[setting]
            if unit is Unit.VIDEOS and is_paid_by_an_extra:
                continue
            amount = 1 if unit is Unit.VIDEOS else round(job.request.duration_s * 1000)
            if self.taken(account, setting) + amount > most:
                return False
        if self._budget is None:
            return True
        return self.taken("guild:1", Setting.VIDEOS_PER_MONTH) + 1 <= self._budget

    @rule(target=jobs, member=st.sampled_from(MEMBERS), frames=st.integers(8, 32))
    def asks(self, member: Requester, frames: int) -> Any:
        job = self.new_job(member, frames * 125)
        fits = self.fits(job)
        try:
            charges = self.ask(job)
        except QuotaExceededError:
            assert not fits, "there was room"
            return multiple()
        assert fits, "there was no room"
        self._open_charges[job.id] = charges
        for charge in charges:
            self._reserved[place_of(charge)] += charge.amount
        paid = sum(one.amount for one in charges if one.unit is Unit.VIDEOS)
        assert paid == 2, "one video for the member, or their extra, and one for the server"
        return job.id

    @rule(member=st.sampled_from(MEMBERS), statements=st.integers(0, 20))
    def dies_while_asking(self, member: Requester, statements: int) -> None:
        with pytest.raises((CrashError, QuotaExceededError)):
            self.ask(self.new_job(member, 1000), dies_after=statements)

    @rule(
        job_id=jobs,
        how=st.sampled_from(Settlement),
        costs=st.dictionaries(st.sampled_from(Unit), st.integers(0, 4000)),
    )
    def settles_perhaps_again(self, job_id: JobId, how: Settlement, costs: dict[Unit, int]) -> None:
        self.end(job_id, how, costs=costs)
        for charge in self._open_charges.pop(job_id, []):
            cost = min(charge.amount, costs.get(charge.unit, charge.amount))
            self._reserved[place_of(charge)] -= charge.amount
            self._used[place_of(charge)] += cost if how is Settlement.COMMIT else 0

    @rule(job_id=jobs, how=st.sampled_from(Settlement), statements=st.integers(0, 12))
    def dies_while_settling(self, job_id: JobId, how: Settlement, statements: int) -> None:
        with pytest.raises(CrashError):
            self.end(job_id, how, dies_after=statements)

    @rule(job_id=consumes(jobs))
    def forgets_about_a_job(self, job_id: JobId) -> None:
        """Leaves its reservation open for good."""

    @rule(days=st.integers(1, 8))
    def days_pass(self, days: int) -> None:
        self._now += timedelta(days=days)

    @rule(setting=st.sampled_from(LIMITED), most=st.none() | st.integers(0, 5))
    def a_moderator_changes_a_limit(self, setting: Setting, most: int | None) -> None:
        if most is None:
            self._limits.pop(setting, None)
        else:
            is_videos = ALLOWANCES[setting][0] is Unit.VIDEOS
            self._limits[setting] = most if is_videos else most * 2000

    @rule(most=st.none() | st.integers(0, 8))
    def a_manager_changes_the_budget(self, most: int | None) -> None:
        self._budget = most

    @rule(member=st.sampled_from(MEMBERS), amount=st.integers(1, 2))
    def a_moderator_gives_an_extra(self, member: Requester, amount: int) -> None:
        if not self._limits.keys() & {Setting.VIDEOS_PER_DAY, Setting.VIDEOS_PER_WEEK}:
            return  # then nothing would use it
        act = make_act(guild_id=1, at=self._now)
        extra = self._runner.run(
            self._database.write(
                lambda connection: bonuses.grant(
                    connection, member, Unit.VIDEOS, amount, expires_at=None, act=act
                )
            )
        )
        self._given[extra.account] = (member, amount)

    @invariant()
    def the_buckets_are_as_the_model_says(self) -> None:
        def look(connection: sqlite3.Connection) -> list[sqlite3.Row]:
            return connection.execute(
                "SELECT account, window, unit, used, reserved FROM bucket"
            ).fetchall()

        rows = self._runner.run(self._database.read(look))
        told = {(row["account"], row["window"], Unit(row["unit"])): row for row in rows}
        for place in told.keys() | self._used.keys() | self._reserved.keys():
            used, reserved = (told[place][3], told[place][4]) if place in told else (0, 0)
            assert (used, reserved) == (self._used[place], self._reserved[place])

    @invariant()
    def the_ledger_and_the_reservations_add_up(self) -> None:
        assert self._runner.run(self._database.read(audit)) == []


def dying(connection: sqlite3.Connection, statements: int) -> sqlite3.Connection:
    return cast("sqlite3.Connection", Crashing(connection, statements))


def place_of(charge: Charge) -> Place:
    return charge.account, charge.window, charge.unit


SEARCH = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
