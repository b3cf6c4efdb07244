import asyncio
import sqlite3

import pytest

from jobs.errors import QuotaExceededError, StorageError
from jobs.model import Requester
from jobs.quota import UNLIMITED, Charge, Drift, Settlement, Unit
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quotas import SqliteQuotaStore, settle
from tests.factories import NOW, make_charge, make_job


async def test_everybody_is_unlimited_so_far(quotas: SqliteQuotaStore) -> None:
    assert await quotas.tier_of(Requester(user_id=1, guild_id=2)) == UNLIMITED


@pytest.mark.parametrize(
    ("charge", "sentence"),
    [
        (
            make_charge(amount=1, limit=0),
            """This takes 1 video, and 0 of your 0 videos are left; \
it resets on 2026-11-22 at 00:00 UTC.""",
        ),
        (
            make_charge(unit=Unit.VIDEO_MS, amount=2500, limit=2000, window="day:2026-12-31"),
            """This takes 2.5 s of video, and 2 of your 2 s of video are left; \
it resets on 2027-01-01 at 00:00 UTC.""",
        ),
        (
            make_charge(unit=Unit.MONEY_MICROS, amount=1_500_000, limit=10, window="ever"),
            "This takes 1.50 of budget, and 0.00 of your 0.00 of budget are left.",
        ),
    ],
)
async def test_a_refusal_names_the_unit_what_is_left_and_when_it_resets(
    store: SqliteJobStore, charge: Charge, sentence: str
) -> None:
    with pytest.raises(QuotaExceededError) as caught:
        await store.enqueue(make_job(), [charge])
    assert caught.value.user_message == sentence


async def test_many_asks_at_once_never_go_over_the_limit(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    asks = [store.enqueue(make_job(), [make_charge(limit=7)]) for _ in range(20)]
    answers = await asyncio.gather(*asks, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, QuotaExceededError)]
    assert len(answers) - len(refused) == 7
    assert await quotas.audit() == []


async def test_a_limit_lowered_below_what_is_used_refuses_and_breaks_nothing(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await store.enqueue(make_job(), [make_charge(amount=5, limit=5)])
    with pytest.raises(QuotaExceededError, match="0 of your 2 videos"):
        await store.enqueue(make_job(), [make_charge(limit=2)])
    assert await quotas.audit() == []


async def test_a_refund_after_midnight_goes_back_to_the_day_it_came_from(
    store: SqliteJobStore, database: Database
) -> None:
    yesterday, today = make_charge(window="day:2026-11-20"), make_charge(window="day:2026-11-21")
    job, _ = await store.enqueue(make_job(), [yesterday])
    await store.enqueue(make_job(), [today])
    await store.request_cancel(job.id, now=NOW, by="test")

    def look(connection: sqlite3.Connection) -> list[tuple[str, int]]:
        rows = connection.execute("SELECT window, reserved FROM bucket ORDER BY window")
        return [(row["window"], row["reserved"]) for row in rows]

    assert await database.read(look) == [("day:2026-11-20", 0), ("day:2026-11-21", 1)]


@pytest.mark.parametrize("second", list(Settlement))
async def test_settling_twice_changes_nothing(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore, second: Settlement
) -> None:
    job, _ = await store.enqueue(make_job(), [make_charge(amount=3)])

    def look(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute("SELECT * FROM ledger")]

    await database.write(lambda c: settle(c, job.id, Settlement.COMMIT, at=NOW))
    before = await database.read(look)
    await database.write(lambda c: settle(c, job.id, second, at=NOW))
    assert await database.read(look) == before
    assert await quotas.audit() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET reserved_delta = 0",
        "DELETE FROM ledger",
        "UPDATE bucket SET reserved = -1",
        "UPDATE bucket SET used = -1",
        "UPDATE reservation SET amount = 0",
        "DELETE FROM reservation",
    ],
)
async def test_the_books_cannot_be_cooked(
    store: SqliteJobStore, database: Database, statement: str
) -> None:
    await store.enqueue(make_job(), [make_charge()])
    with pytest.raises(StorageError):
        await database.write(lambda connection: connection.execute(statement))


async def test_a_settled_reservation_cannot_be_opened_again(
    store: SqliteJobStore, database: Database
) -> None:
    job, _ = await store.enqueue(make_job(), [make_charge()])
    await store.request_cancel(job.id, now=NOW, by="test")
    with pytest.raises(StorageError, match="settles once"):
        await database.write(
            lambda connection: connection.execute("UPDATE reservation SET state = 'open'")
        )


@pytest.mark.parametrize(
    ("statement", "drifts"),
    [
        ("UPDATE bucket SET used = 4", [("used", 4, 0)]),
        ("UPDATE bucket SET reserved = 4", [("reserved", 4, 1)]),
        (
            """INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta,
            reserved_delta) VALUES (1, 'x', 'nobody', 'day:1', 'videos', 'reserve', 0, 2)""",
            [("reserved", 0, 2)],
        ),
    ],
)
async def test_an_audit_finds_what_does_not_add_up(
    store: SqliteJobStore,
    database: Database,
    quotas: SqliteQuotaStore,
    statement: str,
    drifts: list[tuple[str, int, int]],
) -> None:
    await store.enqueue(make_job(), [make_charge()])
    assert await quotas.audit() == []
    await database.write(lambda connection: connection.execute(statement))
    found: list[Drift] = list(await quotas.audit())
    assert [(drift.kind, drift.told, drift.counted) for drift in found] == drifts
