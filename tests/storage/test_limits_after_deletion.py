"""Limits that moderators set for members outlive the deletion of these members' data."""

from datetime import timedelta

import pytest

from jobs.errors import QuotaExceededError
from jobs.privacy.records import Whose
from jobs.quota.tiers import Kind, Setting, Target
from tests.factories import make_act, make_rule, make_token
from tests.storage.people import ADA, BEN, HERE, THERE, World, naming

LIMITED = Target(kind=Kind.MEMBER, id=ADA)


async def limit(world: World, videos: int) -> None:
    rule = make_rule(Setting.VIDEOS_PER_DAY, videos, LIMITED)
    await world.quotas.set_rule(rule, act=make_act(guild_id=HERE, target=f"member:{ADA}"))


async def test_a_deletion_sheds_no_limit_that_moderators_set(world: World) -> None:
    await limit(world, 1)
    await world.privacy.delete(Whose(user_id=ADA, guild_id=None))
    assert naming(await world.rows(), ADA) == []
    await world.make(ADA, HERE)
    with pytest.raises(QuotaExceededError):
        await world.ask(ADA, HERE)
    await world.make(BEN, HERE)
    await world.make(ADA, THERE)
    await world.make(ADA, THERE)
    assert await world.quotas.rules(HERE) == []  # it has no name to be listed under


async def test_a_limit_that_outlived_a_deletion_is_the_moderators_to_change(world: World) -> None:
    await limit(world, 1)
    await world.make(ADA, HERE)
    await world.privacy.delete(Whose(user_id=ADA, guild_id=HERE))
    await limit(world, 2)
    await world.make(ADA, HERE)
    with pytest.raises(QuotaExceededError):
        await world.ask(ADA, HERE)
    await world.privacy.delete(Whose(user_id=ADA, guild_id=HERE))
    clear = make_act(guild_id=HERE, target=f"member:{ADA}")
    assert [rule.value for rule in await world.quotas.clear_rules(LIMITED, None, act=clear)] == [2]
    await world.make(ADA, HERE)
    assert await world.quotas.clear_rules(LIMITED, None, act=clear) == []


async def test_what_waits_takes_its_turns_by_a_limit_that_outlived_a_deletion(
    world: World,
) -> None:
    rule = make_rule(Setting.AT_ONCE, 1, LIMITED)
    await world.quotas.set_rule(rule, act=make_act(guild_id=HERE))
    await world.privacy.delete(Whose(user_id=ADA, guild_id=HERE))
    for _ in range(2):
        await world.ask(ADA, HERE)
    other = make_rule(Setting.WAITING, 9)
    await world.quotas.set_rule(other, act=make_act(guild_id=HERE))  # the lanes are set anew
    await world.claim()
    now = world.clock.now()
    lease_until = now + timedelta(minutes=1)
    token = make_token()
    assert await world.jobs.claim("local", token=token, now=now, lease_until=lease_until) is None
