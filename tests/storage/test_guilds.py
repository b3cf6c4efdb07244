"""What managers set and whom moderators keep out: kept with its act, and told to nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.moderation.acts import ActKind
from jobs.moderation.guilds import Block, GuildSettings, ModeratorPermission, News
from jobs.request import ProviderName
from storage.database import Database
from storage.moderation.audit import SqliteAuditLog
from storage.moderation.guilds import SqliteGuildStore
from tests.factories import NOW, make_act

HERE, ELSEWHERE, LOG = 2002, 3003, 77
SET = make_act(kind=ActKind.SETTINGS, target="server")
BLOCKED = make_act(kind=ActKind.BLOCK_ADD, target="member:5")
FREED = replace(BLOCKED, kind=ActKind.BLOCK_REMOVE)
EVERYTHING = GuildSettings(
    guild_id=HERE,
    channels=frozenset({11, 12}),
    log_channel_id=LOG,
    default_provider=ProviderName.NOVITA,
    default_model="fast.safetensors",
    moderator_permission=ModeratorPermission.MODERATE_MEMBERS,
    moderator_roles=frozenset({21}),
)
LOGGED = GuildSettings(guild_id=HERE, log_channel_id=LOG)
BEN = Block(guild_id=HERE, user_id=5, reason="*flood*", by_user_id=9, created_at=NOW)


@pytest.fixture
def guilds(database: Database) -> SqliteGuildStore:
    return SqliteGuildStore(database)


@pytest.fixture
def audit(database: Database) -> SqliteAuditLog:
    return SqliteAuditLog(database)


async def test_settings_are_read_as_they_were_written(guilds: SqliteGuildStore) -> None:
    await guilds.save_settings(EVERYTHING, act=SET)
    assert await guilds.all_settings() == [EVERYTHING]
    changed = EVERYTHING.evolve(default_provider=None, channels=frozenset[int]())
    await guilds.save_settings(changed, act=SET)
    assert await guilds.all_settings() == [changed]


async def test_a_provider_that_flipbook_no_longer_has_is_as_good_as_none(
    database: Database, guilds: SqliteGuildStore
) -> None:
    await guilds.save_settings(EVERYTHING, act=SET)
    gone = "UPDATE guild SET default_provider = 'horde'"
    await database.write(lambda connection: connection.execute(gone))
    (settings,) = await guilds.all_settings()
    assert settings.default_provider is None


async def test_the_audit_tells_in_words_what_was_changed_and_nothing_else(
    guilds: SqliteGuildStore, audit: SqliteAuditLog
) -> None:
    await guilds.save_settings(LOGGED, act=SET)
    await guilds.save_settings(LOGGED.evolve(channels=frozenset({12, 11})), act=SET)
    newest, first = await audit.acts(HERE, limit=9)
    assert (first.before, first.after) == ({"log channel": "none"}, {"log channel": "<#77>"})
    assert newest.before == {"channels": "everywhere"}
    assert newest.after == {"channels": "<#11>, <#12>"}
    assert newest.act == SET


async def test_settings_that_stay_as_they_were_are_no_act(
    guilds: SqliteGuildStore, audit: SqliteAuditLog
) -> None:
    await guilds.save_settings(LOGGED, act=SET)
    await guilds.save_settings(LOGGED, act=SET)
    assert len(await audit.acts(HERE, limit=9)) == 1


async def test_a_block_holds_until_it_ends_or_somebody_lifts_it(guilds: SqliteGuildStore) -> None:
    until = NOW + timedelta(hours=1)
    short = replace(BEN, user_id=6, expires_at=until)
    await guilds.block(BEN, act=BLOCKED)
    await guilds.block(short, act=BLOCKED)
    assert list(await guilds.blocks(HERE, now=until - timedelta(microseconds=1))) == [BEN, short]
    assert list(await guilds.blocks(HERE, now=until)) == [BEN]
    assert await guilds.unblock(HERE, 6, act=replace(FREED, at=until)) is None
    assert await guilds.unblock(HERE, 5, act=FREED) == BEN
    assert await guilds.unblock(HERE, 5, act=FREED) is None
    assert await guilds.blocks(HERE, now=until) == []


async def test_a_second_block_takes_the_place_of_the_first(
    guilds: SqliteGuildStore, audit: SqliteAuditLog
) -> None:
    until = NOW + timedelta(days=1)
    await guilds.block(BEN, act=BLOCKED)
    again = replace(BEN, reason="again", expires_at=until)
    await guilds.block(again, act=BLOCKED)
    assert await guilds.blocks(HERE, now=NOW) == [again]
    newest, first = await audit.acts(HERE, limit=9)
    assert first.before == {}
    assert newest.before == {"reason": "*flood*", "until": "somebody lifts it"}
    assert newest.after == {"reason": "again", "until": f"<t:{int(until.timestamp())}:f>"}


async def test_a_block_that_had_ended_is_not_what_was_before(
    guilds: SqliteGuildStore, audit: SqliteAuditLog
) -> None:
    await guilds.block(replace(BEN, expires_at=NOW), act=BLOCKED)
    await guilds.block(BEN, act=BLOCKED)
    newest, *_ = await audit.acts(HERE, limit=9)
    assert newest.before == {}


async def test_a_lift_that_lifts_nothing_is_no_act(
    guilds: SqliteGuildStore, audit: SqliteAuditLog
) -> None:
    await guilds.unblock(HERE, 5, act=FREED)
    assert await audit.acts(HERE, limit=9) == []


async def test_another_servers_blocks_are_neither_seen_nor_lifted(
    guilds: SqliteGuildStore,
) -> None:
    await guilds.block(BEN, act=BLOCKED)
    assert await guilds.blocks(ELSEWHERE, now=NOW) == []
    assert await guilds.unblock(ELSEWHERE, 5, act=FREED) is None
    assert await guilds.blocks(HERE, now=NOW) == [BEN]


async def unsent(guilds: SqliteGuildStore) -> list[str]:
    return [news.text for news in await guilds.unsent_news(limit=9)]


async def told(guilds: SqliteGuildStore) -> News:
    """Return the first unsent news, marked as sent."""
    news, *_ = await guilds.unsent_news(limit=9)
    await guilds.mark_sent(news, now=NOW)
    return news


async def listen(guilds: SqliteGuildStore, guild_id: int = HERE) -> None:
    """Give a server a log channel; that this was done is told there first."""
    await guilds.save_settings(
        replace(LOGGED, guild_id=guild_id), act=replace(SET, guild_id=guild_id)
    )
    assert "log channel" in (await told(guilds)).text


async def test_news_of_a_server_without_a_log_channel_are_not_kept(
    guilds: SqliteGuildStore,
) -> None:
    assert await guilds.add_news(HERE, "budget", "80 %", at=NOW) is False
    await listen(guilds)
    assert await unsent(guilds) == []


async def test_the_same_news_are_kept_once_in_each_server(guilds: SqliteGuildStore) -> None:
    for guild_id in (HERE, ELSEWHERE):
        await listen(guilds, guild_id)
    added = [
        await guilds.add_news(guild_id, "budget", "80 %", at=NOW)
        for guild_id in (HERE, HERE, ELSEWHERE)
    ]
    assert added == [True, False, True]
    await told(guilds)
    assert await guilds.add_news(HERE, "budget", "80 %", at=NOW) is False


async def test_each_server_is_told_its_own_news_in_order(guilds: SqliteGuildStore) -> None:
    for guild_id in (HERE, ELSEWHERE):
        await listen(guilds, guild_id)
    for number in range(3):
        await guilds.add_news(HERE, f"here {number}", f"here {number}", at=NOW)
    await guilds.add_news(ELSEWHERE, "there", "there", at=NOW)
    assert await unsent(guilds) == ["here 0", "there"]
    news = await told(guilds)
    assert (news.guild_id, news.channel_id) == (HERE, LOG)
    assert await unsent(guilds) == ["here 1", "there"]


async def test_news_go_to_the_log_channel_as_it_is_set_when_they_are_told(
    guilds: SqliteGuildStore,
) -> None:
    await listen(guilds)
    await guilds.add_news(HERE, "budget", "80 %", at=NOW)
    await guilds.save_settings(LOGGED.evolve(log_channel_id=88), act=SET)
    assert (await told(guilds)).channel_id == 88


async def test_a_log_channel_that_is_set_later_hears_nothing_old(guilds: SqliteGuildStore) -> None:
    await listen(guilds)
    await guilds.add_news(HERE, "budget", "80 %", at=NOW)
    await guilds.save_settings(LOGGED.evolve(log_channel_id=None), act=SET)
    await listen(guilds)
    assert await unsent(guilds) == []
