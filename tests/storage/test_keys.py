"""The table of API keys: what is kept of a key, and when it opens something."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from jobs.errors import NotFoundError, RequestError, StorageError
from jobs.keys import PREFIX, digest_of
from jobs.model import Origin, Requester
from jobs.quota.tiers import Kind, OperatorRules, Setting, Target
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.keys import SqliteKeyStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_act, make_job, make_rule
from tests.fakes.quick_database import open_quickly

KEY = PREFIX + "k" * 43


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "flipbook.db"


@pytest.fixture
async def database(path: Path) -> AsyncGenerator[Database]:
    async with open_quickly(path) as opened:
        yield opened


@pytest.fixture
def keys(database: Database) -> SqliteKeyStore:
    return SqliteKeyStore(database)


async def test_a_key_is_found_by_its_digest_until_it_is_revoked(keys: SqliteKeyStore) -> None:
    made = await keys.add_key("ana", digest_of(KEY), requests_per_minute=30, now=NOW)
    assert (made.name, made.requests_per_minute, made.created_at) == ("ana", 30, NOW)
    assert await keys.key_of(digest_of(KEY)) == made
    revoked = await keys.revoke_key("ana", now=after(5))
    assert revoked.revoked_at == after(5)
    assert await keys.key_of(digest_of(KEY)) is None
    assert await keys.keys() == [revoked]


async def test_half_a_digest_opens_nothing(keys: SqliteKeyStore) -> None:
    digest = digest_of(KEY)
    await keys.add_key("ana", digest, requests_per_minute=None, now=NOW)
    others = [digest[:16], digest[:63], digest[:63] + "z", digest[:16] + "0" * 48, "", "g" * 64]
    assert [await keys.key_of(other) for other in others] == [None] * len(others)


async def test_a_name_is_used_once_also_by_a_key_that_was_revoked(keys: SqliteKeyStore) -> None:
    await keys.add_key("ana", digest_of(KEY), requests_per_minute=None, now=NOW)
    await keys.revoke_key("ana", now=NOW)
    with pytest.raises(RequestError, match="already"):
        await keys.add_key("ana", digest_of("another"), requests_per_minute=None, now=NOW)


async def test_revoking_twice_keeps_the_first_time(keys: SqliteKeyStore) -> None:
    await keys.add_key("ana", digest_of(KEY), requests_per_minute=None, now=NOW)
    await keys.revoke_key("ana", now=after(1))
    assert (await keys.revoke_key("ana", now=after(2))).revoked_at == after(1)
    with pytest.raises(NotFoundError, match="`ben`"):
        await keys.revoke_key("ben", now=NOW)


async def test_a_key_of_another_process_counts_at_once(path: Path, keys: SqliteKeyStore) -> None:
    assert await keys.key_of(digest_of(KEY)) is None
    async with Database.open(path) as other:
        elsewhere = SqliteKeyStore(other)
        await elsewhere.add_key("ana", digest_of(KEY), requests_per_minute=None, now=NOW)
        assert await keys.key_of(digest_of(KEY)) is not None
        await elsewhere.revoke_key("ana", now=NOW)
        assert await keys.key_of(digest_of(KEY)) is None


async def test_the_key_itself_is_nowhere_on_the_disk(path: Path, keys: SqliteKeyStore) -> None:
    await keys.add_key("ana", digest_of(KEY), requests_per_minute=None, now=NOW)
    written = b"".join([file.read_bytes() for file in path.parent.iterdir()])
    assert digest_of(KEY).encode() in written
    assert KEY.encode() not in written


async def test_nobody_deletes_the_row_of_a_key(database: Database, keys: SqliteKeyStore) -> None:
    await keys.add_key("ana", digest_of(KEY), requests_per_minute=None, now=NOW)

    def delete(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM api_key")

    with pytest.raises(StorageError, match="name this key"):
        await database.write(delete)


async def test_a_limit_of_a_key_that_changes_counts_for_what_waits(database: Database) -> None:
    """The lane is the key's own, and that of the command line is left alone."""
    jobs, quotas = SqliteJobStore(database), SqliteQuotaStore(database)
    for origin_key in ("3:a", "3:b"):
        requester = Requester(key_id=3)
        await jobs.enqueue(make_job(origin=Origin.API, origin_key=origin_key, requester=requester))
    target = Target(kind=Kind.KEY, id=3)
    act = make_act(guild_id=0, target=str(target))
    await quotas.set_rule(make_rule(Setting.AT_ONCE, 1, target), act=act)
    claims = [
        await jobs.claim("local", token=token * 32, now=after(1), lease_until=after(60))
        for token in ("a", "b")
    ]
    assert [claim is not None for claim in claims] == [True, False]
    lanes = await database.read(
        lambda connection: {row["party"] for row in connection.execute("SELECT * FROM party_lane")}
    )
    assert lanes == {"key:3"}


async def test_what_the_operator_set_for_keys_holds_where_a_key_has_nothing_of_its_own(
    database: Database,
) -> None:
    operator = OperatorRules(key=(make_rule(Setting.WAITING, 5), make_rule(Setting.AT_ONCE, 2)))
    quotas = SqliteQuotaStore(database, operator=operator)
    target = Target(kind=Kind.KEY, id=3)
    act = make_act(guild_id=0, target=str(target))
    await quotas.set_rule(make_rule(Setting.WAITING, 9, target), act=act)
    own, other = await asyncio.gather(
        *(quotas.terms_of(Requester(key_id=key), now=NOW) for key in (3, 4))
    )
    assert (own.tier[Setting.WAITING], own.tier[Setting.AT_ONCE]) == (9, 2)
    assert (other.tier[Setting.WAITING], other.tier[Setting.AT_ONCE]) == (5, 2)
