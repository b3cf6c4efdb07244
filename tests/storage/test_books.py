"""The books against a model, with crashes in between: Hypothesis looks for a way to cook them."""

import asyncio
import sqlite3
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)
from typing_extensions import override

from jobs.errors import QuotaExceededError
from jobs.model import JobId
from jobs.quota import Charge, Settlement, Unit
from storage.database import Database
from storage.events import append_event
from storage.quotas import audit, reserve, settle
from storage.rows import INSERT_JOB, to_columns
from tests.factories import NOW, make_job

ACCOUNTS = ["guild:1/user:1", "guild:1/user:2"]
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
    """Reserves, settles, settles twice, lets days pass and limits change, and dies half-way."""

    jobs: Bundle[JobId] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._database = self._runner.run(self._open())
        self._day = 1
        self._limit: int | None = 5
        self._used = Counter[Place]()
        self._reserved = Counter[Place]()
        self._open_charges: dict[JobId, list[Charge]] = {}

    async def _open(self) -> Database:
        path = Path(self._folder.name) / "flipbook.db"
        return await self._stack.enter_async_context(Database.open(path))

    @override
    def teardown(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()
        self._folder.cleanup()

    def charges(self, account: str, amounts: list[int]) -> list[Charge]:
        units = (Unit.VIDEO_MS, Unit.VIDEOS)
        return [
            Charge(
                account=account,
                window=f"day:2026-11-{self._day:02}",
                unit=unit,
                amount=amount,
                limit=self._limit,
            )
            for unit, amount in zip(units, amounts, strict=True)
        ]

    def ask(self, charges: list[Charge], *, dies_after: int | None = None) -> JobId:
        job = make_job()

        def work(connection: sqlite3.Connection) -> None:
            used = connection if dies_after is None else dying(connection, dies_after)
            used.execute(INSERT_JOB, to_columns(job))
            reserve(used, job.id, charges, at=NOW)
            append_event(used, job, before=None, at=NOW, note={})
            if dies_after is not None:
                raise CrashError

        self._runner.run(self._database.write(work))
        return job.id

    def end(
        self,
        job_id: JobId,
        how: Settlement,
        *,
        costs: dict[Unit, int] | None = None,
        dies_after: int | None = None,
    ) -> None:
        def work(connection: sqlite3.Connection) -> None:
            used = connection if dies_after is None else dying(connection, dies_after)
            settle(used, job_id, how, at=NOW, costs=costs)
            if dies_after is not None:
                raise CrashError

        self._runner.run(self._database.write(work))

    def fits(self, charge: Charge) -> bool:
        place = place_of(charge)
        taken = self._used[place] + self._reserved[place]
        return charge.limit is None or taken + charge.amount <= charge.limit

    @rule(
        target=jobs,
        account=st.sampled_from(ACCOUNTS),
        amounts=st.lists(st.integers(0, 3), min_size=2, max_size=2),
    )
    def reserves(self, account: str, amounts: list[int]) -> Any:
        charges = self.charges(account, amounts)
        if not all(self.fits(charge) for charge in charges):
            with pytest.raises(QuotaExceededError):
                self.ask(charges)
            return multiple()
        job_id = self.ask(charges)
        self._open_charges[job_id] = charges
        for charge in charges:
            self._reserved[place_of(charge)] += charge.amount
        return job_id

    @rule(account=st.sampled_from(ACCOUNTS), statements=st.integers(0, 9))
    def dies_while_reserving(self, account: str, statements: int) -> None:
        with pytest.raises((CrashError, QuotaExceededError)):
            self.ask(self.charges(account, [1, 1]), dies_after=statements)

    @rule(
        job_id=jobs,
        how=st.sampled_from(Settlement),
        costs=st.dictionaries(st.sampled_from(Unit), st.integers(0, 4)),
    )
    def settles_perhaps_again(self, job_id: JobId, how: Settlement, costs: dict[Unit, int]) -> None:
        self.end(job_id, how, costs=costs)
        for charge in self._open_charges.pop(job_id, []):
            cost = min(charge.amount, costs.get(charge.unit, charge.amount))
            self._reserved[place_of(charge)] -= charge.amount
            self._used[place_of(charge)] += cost if how is Settlement.COMMIT else 0

    @rule(job_id=jobs, how=st.sampled_from(Settlement), statements=st.integers(0, 8))
    def dies_while_settling(self, job_id: JobId, how: Settlement, statements: int) -> None:
        with pytest.raises(CrashError):
            self.end(job_id, how, dies_after=statements)

    @rule(job_id=consumes(jobs))
    def forgets_about_a_job(self, job_id: JobId) -> None:
        """Leaves its reservation open for good."""

    @rule()
    def midnight_strikes(self) -> None:
        self._day = self._day % 28 + 1

    @rule(limit=st.none() | st.integers(0, 8))
    def a_moderator_changes_the_limit(self, limit: int | None) -> None:
        self._limit = limit

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


TestBooks = Books.TestCase
TestBooks.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
