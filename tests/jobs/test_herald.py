"""News reach every log channel once and in order, and no server waits for another's trouble."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from typing_extensions import override

from jobs.errors import StorageFullError
from jobs.events import LOOK_S, Notices
from jobs.moderation.acts import ActKind
from jobs.moderation.guilds import GuildSettings, News
from jobs.moderation.herald import FIRST_DELAY, LONGEST_DELAY, Herald
from jobs.ports import GuildStore
from storage.database import Database
from storage.moderation.guilds import SqliteGuildStore
from tests.factories import NOW, make_act
from tests.fakes.clock import FakeClock
from tests.fakes.quick_database import open_quickly

HERE, ELSEWHERE = 10, 20


@dataclass
class Channels:
    """The `GuildLog` port: channels that take news, refuse them for now, or break."""

    said: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    tries: list[int] = field(default_factory=list[int])
    closed: set[int] = field(default_factory=set[int])
    broken: set[int] = field(default_factory=set[int])
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def post(self, news: News) -> bool:
        self.tries.append(news.guild_id)
        async with self.changed:
            self.changed.notify_all()
        if news.guild_id in self.broken:
            raise RuntimeError("nobody foresaw this")
        if news.guild_id in self.closed:
            return False
        self.said.append((news.guild_id, news.text))
        return True

    def in_(self, guild_id: int) -> list[str]:
        """Return what was said in a server."""
        return [text for said_in, text in self.said if said_in == guild_id]

    async def until_tried(self, times: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.tries) >= times)


class FullStore(SqliteGuildStore):
    """A store on a full disk: it can be read, and nothing can be marked."""

    @override
    async def mark_sent(self, news: News, *, now: datetime) -> None:
        raise StorageFullError("the disk is full")


@dataclass
class Town:
    """Two servers with log channels."""

    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    channels: Channels = field(default_factory=Channels)
    notices: Notices = field(default_factory=Notices)

    def __post_init__(self) -> None:
        self.guilds = SqliteGuildStore(self.database)

    async def happen(self, *texts: str, guild_id: int = HERE) -> None:
        for text in texts:
            assert await self.guilds.add_news(guild_id, text, text, at=NOW)

    def herald(self, guilds: GuildStore | None = None) -> Herald:
        return Herald(
            guilds=guilds or self.guilds,
            log=self.channels,
            notices=self.notices,
            clock=self.clock,
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.herald().run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with open_quickly(tmp_path / "flipbook.db") as database:
        town = Town(database)
        for guild_id in (HERE, ELSEWHERE):
            settings = GuildSettings(guild_id=guild_id, log_channel_id=guild_id + 1)
            act = make_act(guild_id=guild_id, kind=ActKind.SETTINGS, target="server")
            await town.guilds.save_settings(settings, act=act)
        await town.herald().post_all()
        town.channels.said.clear()
        town.channels.tries.clear()
        yield town


async def test_what_was_left_unsent_is_told_at_the_start_in_order(town: Town) -> None:
    await town.happen("one", "two", "three")
    async with town.running():
        await town.channels.until_tried(3)
    assert town.channels.in_(HERE) == ["one", "two", "three"]


async def test_nothing_is_told_twice(town: Town) -> None:
    await town.happen("one")
    for _ in range(2):
        await town.herald().post_all()
    assert town.channels.in_(HERE) == ["one"]


async def test_news_are_told_when_a_notice_comes(town: Town) -> None:
    async with town.running():
        await town.clock.until_asleep(LOOK_S)
        await town.happen("one")
        town.notices.news_added()
        await town.channels.until_tried(1)
    assert town.channels.in_(HERE) == ["one"]


async def test_news_without_a_notice_are_told_within_a_minute(town: Town) -> None:
    async with town.running():
        await town.clock.until_asleep(LOOK_S)
        await town.happen("one")
        town.clock.advance(LOOK_S)
        await town.channels.until_tried(1)
    assert town.channels.in_(HERE) == ["one"]


@pytest.mark.parametrize("trouble", ["closed", "broken"])
async def test_a_server_in_trouble_holds_up_no_other(town: Town, trouble: str) -> None:
    getattr(town.channels, trouble).add(HERE)
    await town.happen("one", "two")
    await town.happen("a", "b", guild_id=ELSEWHERE)
    await town.herald().post_all()
    assert town.channels.in_(ELSEWHERE) == ["a", "b"]
    assert town.channels.tries.count(HERE) == 1


async def test_what_was_refused_is_told_later_before_what_came_after_it(town: Town) -> None:
    herald = town.herald()
    town.channels.closed.add(HERE)
    await town.happen("one", "two")
    await herald.post_all()
    town.channels.closed.clear()
    await herald.post_all()
    assert town.channels.in_(HERE) == [], "it is left in peace for a while"
    town.clock.advance(FIRST_DELAY.total_seconds())
    await herald.post_all()
    assert town.channels.in_(HERE) == ["one", "two"]


async def test_a_server_is_tried_ever_more_rarely_but_at_least_once_an_hour(town: Town) -> None:
    herald = town.herald()
    town.channels.closed.add(HERE)
    await town.happen("one")
    waits: list[float] = []
    minutes = 0
    while len(town.channels.tries) < 10:
        tried = len(town.channels.tries)
        await herald.post_all()
        if len(town.channels.tries) > tried:
            waits.append(minutes)
            minutes = 0
        town.clock.advance(60)
        minutes += 1
    assert waits[:5] == [0, 1, 2, 4, 8]
    assert set(waits[7:]) == {LONGEST_DELAY.total_seconds() / 60}


async def test_after_a_success_the_next_trouble_begins_with_a_short_wait(town: Town) -> None:
    herald = town.herald()
    await town.happen("one", "two")
    for _ in range(3):
        town.channels.closed.add(HERE)
        await herald.post_all()
        town.clock.advance(LONGEST_DELAY.total_seconds())
    town.channels.closed.clear()
    await herald.post_all()
    town.channels.closed.add(HERE)
    await town.happen("three")
    await herald.post_all()
    town.channels.closed.clear()
    town.clock.advance(FIRST_DELAY.total_seconds())
    await herald.post_all()
    assert town.channels.in_(HERE) == ["one", "two", "three"]


async def test_what_cannot_be_marked_is_not_told_again_at_once(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    await town.happen("one")
    full = FullStore(town.database)
    with caplog.at_level(logging.ERROR):
        await town.herald(full).post_all()
    assert town.channels.in_(HERE) == ["one"]
    assert [getattr(record, "action", "") for record in caplog.records] == ["news_broke"]


async def test_a_crowd_of_servers_in_trouble_does_not_hide_the_one_that_is_not(town: Town) -> None:
    herald = town.herald()
    for guild_id in range(100, 160):
        settings = GuildSettings(guild_id=guild_id, log_channel_id=1)
        act = make_act(guild_id=guild_id, kind=ActKind.SETTINGS, target="server")
        await town.guilds.save_settings(settings, act=act)
        town.channels.closed.add(guild_id)
    await town.happen("one")
    await herald.post_all()
    assert town.channels.in_(HERE) == ["one"]
