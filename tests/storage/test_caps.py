"""How many videos of a member may wait, and how many may be made at once."""

import pytest

from jobs.errors import QuotaExceededError
from jobs.model import Job
from jobs.quota.tiers import Setting
from jobs.states import JobState
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_request, make_token
from tests.storage.customers import MEMBER, ROLE, ask, limit


async def test_only_so_many_may_wait_and_a_claim_makes_room(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.WAITING, 2)
    for _ in range(2):
        await ask(store)
    with pytest.raises(QuotaExceededError, match="2 of your videos wait already, and at most 2"):
        await ask(store, request=make_request(provider="novita"))
    await ask(store, user_id=5)
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))
    await ask(store)


async def test_a_member_at_their_cap_lets_others_pass_until_one_of_theirs_is_done(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.AT_ONCE, 1, MEMBER)
    for user_id in (1001, 1001, 5):
        await ask(store, user_id=user_id)

    async def claim() -> Job | None:
        return await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))

    first, second = await claim(), await claim()
    assert first is not None
    assert second is not None
    assert {first.requester.user_id, second.requester.user_id} == {1001, 5}
    assert await claim() is None
    mine = first if first.requester.user_id == 1001 else second
    await store.save(mine, mine.evolve(state=JobState.FAILED), now=NOW)
    assert await claim() is not None


async def test_a_cap_that_is_changed_holds_for_those_who_wait_already(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.AT_ONCE, 1, ROLE)
    for _ in range(2):
        await ask(store, role_ids=(6,))
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60)) is None
    await limit(quotas, Setting.AT_ONCE, 2, ROLE)
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))
