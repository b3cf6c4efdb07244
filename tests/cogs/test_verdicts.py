"""What `/quota` says in words is what the books do with the next video."""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cogs.verdicts import obstacles
from jobs.errors import NotAllowedError, QuotaExceededError
from jobs.events import Notices
from jobs.model import Job, Requester
from jobs.moderation.guilds import Block
from jobs.quota.allowances import Allowances
from jobs.quota.books import Unit
from jobs.quota.tiers import EVERYONE, SERVER, Setting, Target, Value
from jobs.request import MAX_FPS, MIN_FRAMES
from providers.registry import Registry
from storage.jobs import SqliteJobStore
from storage.moderation.guilds import SqliteGuildStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, make_act, make_job, make_request, make_rule
from tests.fakes.clock import FakeClock
from tests.fakes.provider import FakeProvider
from tests.fakes.quick_database import open_quickly

ADA = Requester(user_id=1001, guild_id=2002)
VIDEOS = (Setting.VIDEOS_PER_DAY, Setting.VIDEOS_PER_WEEK, Setting.VIDEOS_PER_MONTH)
SECONDS = (Setting.SECONDS_PER_DAY, Setting.SECONDS_PER_WEEK, Setting.SECONDS_PER_MONTH)
COUNTS = st.none() | st.integers(0, 3)
LENGTHS = st.none() | st.integers(0, 1100)
OWN: Mapping[Setting, st.SearchStrategy[Value]] = {
    **dict.fromkeys(VIDEOS, COUNTS),
    **dict.fromkeys(SECONDS, LENGTHS),
    Setting.AT_ONCE: COUNTS,
    Setting.WAITING: COUNTS,
    Setting.PROVIDERS: st.sampled_from([None, frozenset[str](), frozenset({"local"})]),
    Setting.MODELS: st.sampled_from([None, frozenset[str](), frozenset({"flipbook-shapes"})]),
}
SHARED = {setting: OWN[setting] for setting in (*VIDEOS, *SECONDS)}


def some_of(
    limits: Mapping[Setting, st.SearchStrategy[Value]], most: int
) -> st.SearchStrategy[Mapping[Setting, Value]]:
    """Draw a few limits: with many, something is always in the way."""
    names = st.lists(st.sampled_from([*limits]), max_size=most, unique=True)
    return names.flatmap(lambda some: st.fixed_dictionaries({one: limits[one] for one in some}))


@dataclass(frozen=True)
class Story:
    """What happened in a server before a member looks at their quota."""

    asked: int = 0
    own: Mapping[Setting, Value] = field(default_factory=dict[Setting, Value])
    server: Mapping[Setting, Value] = field(default_factory=dict[Setting, Value])
    extra_videos: int = 0
    extra_ms: int = 0
    is_blocked: bool = False


STORIES = st.builds(
    Story,
    asked=st.integers(0, 3),
    own=some_of(OWN, 3),
    server=some_of(SHARED, 1),
    extra_videos=st.integers(0, 2),
    extra_ms=st.integers(0, 600),
    is_blocked=st.sampled_from([False, False, False, True]),
)


@given(story=STORIES)
@example(story=Story(own={Setting.AT_ONCE: 0}))
@example(story=Story(own={Setting.PROVIDERS: frozenset[str]()}))
@example(story=Story(own={Setting.SECONDS_PER_DAY: 266}))
@example(story=Story(own={Setting.SECONDS_PER_DAY: 267}))
@example(story=Story(asked=1, own={Setting.VIDEOS_PER_DAY: 1}, extra_videos=1))
@example(story=Story(server={Setting.VIDEOS_PER_MONTH: 0}, extra_videos=1))
@settings(max_examples=60, deadline=None)
def test_a_member_is_told_of_an_obstacle_if_and_only_if_there_is_one(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        told, happened = asyncio.run(tell(story, Path(folder) / "flipbook.db"))
    assert (told == []) == (happened is None), (told, happened)


async def tell(story: Story, path: Path) -> tuple[list[str], Exception | None]:
    """Return what stands in a member's way by the words, and by the books."""
    async with open_quickly(path) as database:
        jobs, quotas = SqliteJobStore(database), SqliteQuotaStore(database)
        for _ in range(story.asked):
            await jobs.enqueue(smallest())
        await set_all(quotas, EVERYONE, story.own)
        await set_all(quotas, SERVER, story.server)
        for unit, amount in [(Unit.VIDEOS, story.extra_videos), (Unit.VIDEO_MS, story.extra_ms)]:
            if amount:
                await quotas.grant(ADA, unit, amount, expires_at=None, act=make_act())
        if story.is_blocked:
            block = Block(guild_id=2002, user_id=1001, reason="flood", by_user_id=9, created_at=NOW)
            await SqliteGuildStore(database).block(block, act=make_act())
        allowances = Allowances(
            quotas=quotas,
            jobs=jobs,
            catalogue=Registry(providers=[FakeProvider()], default=FakeProvider().name),
            notices=Notices(),
            clock=FakeClock(now=NOW),
        )
        told = obstacles(await allowances.account(ADA))
        try:
            await jobs.enqueue(smallest())
        except (NotAllowedError, QuotaExceededError) as error:
            return [*told], error
        return [*told], None


async def set_all(
    quotas: SqliteQuotaStore, target: Target, limits: Mapping[Setting, Value]
) -> None:
    for setting, value in limits.items():
        await quotas.set_rule(make_rule(setting, value, target), act=make_act())


def smallest() -> Job:
    """Return a job for the shortest video there is."""
    return make_job(request=make_request(frames=MIN_FRAMES, fps=MAX_FPS))
