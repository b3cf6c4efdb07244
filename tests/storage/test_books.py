"""The books against a model, with crashes in between: Hypothesis looks for a way to cook them.

That the search would find something is shown too: each broken variant of the code, one that a
hurried change could make, is caught by the very same machine.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from jobs.errors import QuotaExceededError, StorageError
from jobs.model import JobId
from jobs.quota.books import Charge, Settlement, Unit
from jobs.quota.tiers import Setting
from storage.jobs import SqliteJobStore
from storage.quota import books
from storage.quota.books import reserve, settle
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, make_act, make_job, make_rule
from tests.storage.bookkeeper import SEARCH, Books

TestBooks = Books.TestCase
TestBooks.settings = SEARCH


Reserve = Callable[..., None]
honest_reserve, honest_settle = reserve, settle


def off_by_one(
    connection: sqlite3.Connection, job_id: JobId, charges: list[Charge], *, at: datetime
) -> None:
    """Let one more in than the limit says."""
    loose = [
        replace(charge, limits=tuple(replace(one, limit=one.limit + 1) for one in charge.limits))
        for charge in charges
    ]
    honest_reserve(connection, job_id, loose, at=at)


def no_guard(
    connection: sqlite3.Connection, job_id: JobId, charges: list[Charge], *, at: datetime
) -> None:
    """Book without looking at any limit."""
    honest_reserve(connection, job_id, [replace(charge, limits=()) for charge in charges], at=at)


def first_limit_only(
    connection: sqlite3.Connection, job_id: JobId, charges: list[Charge], *, at: datetime
) -> None:
    """Check the day, and forget the week and the month."""
    short = [replace(charge, limits=charge.limits[:1]) for charge in charges]
    honest_reserve(connection, job_id, short, at=at)


def members_only(
    connection: sqlite3.Connection, job_id: JobId, charges: list[Charge], *, at: datetime
) -> None:
    """Forget the server's side."""
    own = [charge for charge in charges if charge.account != "guild:1"]
    honest_reserve(connection, job_id, own, at=at)


def commits_in_between(
    connection: sqlite3.Connection, job_id: JobId, charges: list[Charge], *, at: datetime
) -> None:
    """Write each charge in a transaction of its own."""
    for charge in charges:
        honest_reserve(connection, job_id, [charge], at=at)
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")


def ignores_reserved(
    connection: sqlite3.Connection, account: str, unit: Unit, span: Any
) -> tuple[int, int]:
    """Count only what is used already, so that many who wait share one unit."""
    used, _ = books_taken_in(connection, account, unit, span)
    return used, 0


def refund_keeps_reserved(
    connection: sqlite3.Connection, job_id: JobId, settlement: Settlement, **rest: Any
) -> None:
    """Close a released reservation without giving it back."""
    if settlement is Settlement.COMMIT:
        honest_settle(connection, job_id, settlement, **rest)
        return
    connection.execute(
        "UPDATE reservation SET state = 'release' WHERE job_id = ? AND state = 'open'", (job_id,)
    )


def settles_always(
    connection: sqlite3.Connection, job_id: JobId, settlement: Settlement, **rest: Any
) -> None:
    """Settle by what was ever reserved, open or not."""
    honest_settle(connection, job_id, settlement, **rest)
    for row in connection.execute(
        "SELECT account, window, unit, amount FROM reservation WHERE job_id = ?", (job_id,)
    ).fetchall():
        connection.execute(
            "UPDATE bucket SET used = used + ? WHERE account = ? AND window = ? AND unit = ?",
            (row["amount"], row["account"], row["window"], row["unit"]),
        )


books_taken_in = books.taken_in

BROKEN = {
    "off by one": ("reserve", off_by_one),
    "no guard": ("reserve", no_guard),
    "one window only": ("reserve", first_limit_only),
    "one side only": ("reserve", members_only),
    "no transaction": ("reserve", commits_in_between),
    "ignores what is reserved": ("taken_in", ignores_reserved),
    "a refund keeps it reserved": ("settle", refund_keeps_reserved),
    "settles what is settled": ("settle", settles_always),
}


@contextmanager
def broken(name: str, variant: Callable[..., Any]) -> Generator[None]:
    honest = getattr(books, name)
    setattr(books, name, variant)
    try:
        yield
    finally:
        setattr(books, name, honest)


@pytest.mark.slow
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_variant_of_the_books_is_caught(fault: str) -> None:
    name, variant = BROKEN[fault]
    # Whichever trips first: a balance, a limit, or one of the guards in the file itself.
    search = settings(SEARCH, max_examples=400, phases=[Phase.generate], database=None)
    with broken(name, variant), pytest.raises((AssertionError, StorageError)):
        run_state_machine_as_test(Books, settings=search)


async def started(quotas: SqliteQuotaStore, ask: Callable[[], Awaitable[object]]) -> int:
    """Return how many of 20 asks at once are let in where 7 have room."""
    seven = make_rule(Setting.VIDEOS_PER_DAY, 7)
    await quotas.set_rule(seven, act=make_act())
    answers = await asyncio.gather(*(ask() for _ in range(20)), return_exceptions=True)
    return sum(not isinstance(answer, QuotaExceededError) for answer in answers)


async def test_of_many_asks_at_once_those_start_that_have_room(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    assert await started(quotas, lambda: store.enqueue(make_job())) == 7


async def test_a_variant_that_checks_first_and_acts_later_is_caught_by_the_same_crowd(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    async def check_then_act() -> None:
        found = await quotas.statement(make_job().requester, now=NOW)
        if found.balances[0].left == 0:
            raise QuotaExceededError
        await store.enqueue(make_job())

    with broken("reserve", no_guard):
        assert await started(quotas, check_then_act) > 7
