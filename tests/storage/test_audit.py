"""The audit: what moderators did can be read, narrowed down and paged, and never be changed."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from jobs.errors import StorageError
from jobs.moderation.acts import Act, ActKind, PastAct
from storage.database import Database
from storage.moderation.audit import SqliteAuditLog, append_act
from tests.factories import NOW, after

HERE, ELSEWHERE = 10, 20
SET = Act(
    guild_id=HERE,
    actor_id=1,
    kind=ActKind.QUOTA_SET,
    target="role:6",
    at=NOW,
    reason="too *many*",
)
CANCEL = replace(SET, kind=ActKind.JOB_CANCEL, target="job:k3m9x2ab", actor_id=2, reason="")


@pytest.fixture
def audit(database: Database) -> SqliteAuditLog:
    return SqliteAuditLog(database)


async def write(
    database: Database,
    *acts: Act,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> None:
    def work(connection: sqlite3.Connection) -> None:
        for act in acts:
            append_act(connection, act, before=before or {}, after=after or {})

    await database.write(work)


def numbers(acts: Iterable[PastAct]) -> list[int]:
    return [past.number for past in acts]


async def test_an_act_is_read_as_it_was_written(database: Database, audit: SqliteAuditLog) -> None:
    before, changed = {"videos per day": "unlimited"}, {"videos per day": "20 videos"}
    await write(database, SET, before=before, after=changed)
    assert await audit.acts(HERE, limit=10) == [
        PastAct(number=1, act=SET, before=before, after=changed)
    ]


async def test_the_newest_acts_come_first_and_older_ones_by_number(
    database: Database, audit: SqliteAuditLog
) -> None:
    await write(database, *(replace(SET, at=after(n)) for n in range(7)))
    assert numbers(await audit.acts(HERE, limit=3)) == [7, 6, 5]
    assert numbers(await audit.acts(HERE, limit=3, before=5)) == [4, 3, 2]
    assert numbers(await audit.acts(HERE, limit=3, before=1)) == []


async def test_acts_are_narrowed_down_by_kind_target_and_actor(
    database: Database, audit: SqliteAuditLog
) -> None:
    await write(database, SET, CANCEL, replace(SET, target="everyone"))
    assert numbers(await audit.acts(HERE, limit=9, kind=ActKind.JOB_CANCEL)) == [2]
    assert numbers(await audit.acts(HERE, limit=9, target="role:6")) == [1]
    assert numbers(await audit.acts(HERE, limit=9, actor_id=1)) == [3, 1]
    assert numbers(await audit.acts(HERE, limit=9, actor_id=2, target="role:6")) == []
    both = await audit.acts(HERE, limit=9, kind=ActKind.QUOTA_SET, target="everyone")
    assert numbers(both) == [3]


async def test_a_member_is_found_as_a_target_and_as_the_one_whose_video_it_was(
    database: Database, audit: SqliteAuditLog
) -> None:
    await write(database, replace(SET, target="member:5"), replace(SET, target="member:55"))
    await write(database, CANCEL, after={"member": "<@5>"})
    await write(database, CANCEL, after={"member": "<@55>"})
    assert numbers(await audit.acts(HERE, limit=9, member_id=5)) == [3, 1]


async def test_no_other_servers_acts_are_returned(
    database: Database, audit: SqliteAuditLog
) -> None:
    await write(database, SET, replace(SET, guild_id=ELSEWHERE))
    assert numbers(await audit.acts(HERE, limit=9)) == [1]
    assert numbers(await audit.acts(ELSEWHERE, limit=9, target="role:6")) == [2]
    assert await audit.acts(30, limit=9) == []


@pytest.mark.parametrize("statement", ["UPDATE audit SET reason = ''", "DELETE FROM audit"])
async def test_the_audit_can_be_neither_changed_nor_shortened(
    database: Database, audit: SqliteAuditLog, statement: str
) -> None:
    await write(database, SET)
    with pytest.raises(StorageError, match="append-only"):
        await database.write(lambda connection: connection.execute(statement))
    assert numbers(await audit.acts(HERE, limit=9)) == [1]


async def test_an_act_whose_transaction_fails_is_not_in_the_audit(
    database: Database, audit: SqliteAuditLog
) -> None:
    def work(connection: sqlite3.Connection) -> None:
        append_act(connection, SET, before={}, after={})
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(StorageError):
        await database.write(work)
    assert await audit.acts(HERE, limit=9) == []


async def test_a_server_with_a_log_channel_gets_a_sentence_for_each_act(
    database: Database,
) -> None:
    def listen(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO guild (guild_id, log_channel_id) VALUES (?, 7)", (HERE,))
        connection.execute("INSERT INTO guild (guild_id) VALUES (?)", (ELSEWHERE,))

    await database.write(listen)
    await write(
        database,
        SET,
        replace(SET, guild_id=ELSEWHERE),
        before={"videos per day": "unlimited"},
        after={"videos per day": "20 videos"},
    )
    rows = await database.read(
        lambda connection: [
            tuple(row) for row in connection.execute("SELECT guild_id, key, text FROM guild_news")
        ]
    )
    said = (
        "<@1> set videos per day of <@&6> from unlimited to 20 videos: \u2068too \\*many\\*\u2069"
    )
    assert rows == [(HERE, "act:1", said)]


@pytest.mark.parametrize(
    ("narrowed", "index"),
    [
        ({}, "audit_guild (guild_id=? AND number<?)"),
        ({"kind": ActKind.JOB_CANCEL, "member_id": 5}, "audit_guild (guild_id=? AND number<?)"),
        ({"target": "role:6"}, "audit_target (guild_id=? AND target=? AND number<?)"),
    ],
)
async def test_a_page_is_searched_by_index_before_and_after_analyze(
    database: Database, audit: SqliteAuditLog, narrowed: dict[str, object], index: str
) -> None:
    await write(database, *(replace(SET, target=f"role:{n}") for n in range(500)))
    await write(database, *(replace(SET, guild_id=n) for n in range(1_000, 1_500)))
    before = await plan(database, audit, narrowed)
    await database.write(lambda connection: connection.execute("ANALYZE"))
    assert await plan(database, audit, narrowed) == before == [f"SEARCH audit USING INDEX {index}"]


async def plan(
    database: Database, audit: SqliteAuditLog, narrowed: Mapping[str, object]
) -> list[str]:
    """Return how SQLite answers the very statement that the log sends."""
    sent: list[str] = []
    await database.read(lambda connection: connection.set_trace_callback(sent.append))
    await audit.acts(HERE, limit=10, **narrowed)  # pyright: ignore[reportArgumentType] - by name
    await database.read(lambda connection: connection.set_trace_callback(None))
    (query,) = (statement for statement in sent if "FROM audit" in statement)

    def explain(connection: sqlite3.Connection) -> list[str]:
        return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]

    return await database.read(explain)
