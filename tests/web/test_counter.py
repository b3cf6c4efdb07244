"""What the counter does with requests of API keys, whatever protocol they came in."""

import asyncio

import pytest

from bot.web.counter import Counter, Placed
from bot.web.problems import Problem, ProblemKind
from jobs.keys import ApiKey, digest_of
from jobs.model import ApiAddress, Health, HealthState, Job, JobId, Progress
from jobs.prompts import parse_prompt
from jobs.quota.tiers import Kind, Setting, Target, Value
from jobs.request import ModelInfo, VideoRequest
from jobs.states import JobState
from storage.keys import SqliteKeyStore
from tests.factories import NOW, after, make_act, make_artifact, make_rule, make_token
from tests.fakes.provider import SHAPES, FakeProvider
from tests.jobs.conftest import World, world

__all__ = ["world"]  # the fixture

ADDRESS = ApiAddress(protocol="novita", base="http://one")


class PlainLinks:
    """Links that nobody signed."""

    def url_of(self, job: Job, *, base: str, ttl_s: int) -> str:
        return f"{base}/files/{job.id}?{ttl_s}"


class Desk:
    """A counter over the subject, with two keys."""

    def __init__(self, world: World, ana: ApiKey, ben: ApiKey) -> None:
        self.world, self.ana, self.ben = world, ana, ben
        self.progress: dict[JobId, Progress] = {}
        self.counter = self.new_counter()

    def new_counter(self) -> Counter:
        return Counter(
            service=self.world.service,
            jobs=self.world.jobs,
            links=PlainLinks(),
            progress_of=self.progress.get,
        )

    async def submit(
        self,
        prompt: str = "a cat",
        *,
        key: ApiKey | None = None,
        idempotency_key: str | None = None,
        address: ApiAddress = ADDRESS,
        **fields: object,
    ) -> Placed:
        request = VideoRequest.model_validate({"segments": parse_prompt(prompt), **fields})
        return await self.counter.submit(
            key or self.ana, request, address, idempotency_key=idempotency_key
        )

    async def refused(self, **fields: object) -> Problem:
        with pytest.raises(Problem) as caught:
            await self.submit(**fields)  # pyright: ignore[reportArgumentType] - fields of a request
        return caught.value

    async def limit(self, key: ApiKey, setting: Setting, value: Value) -> None:
        target = Target(kind=Kind.KEY, id=key.id)
        act = make_act(guild_id=0, target=str(target))
        await self.world.quotas.set_rule(make_rule(setting, value, target), act=act)

    async def finish(self, job: Job) -> Job:
        """Take a job to its good end as the runner does."""
        jobs = self.world.jobs
        claimed = await jobs.claim("local", token=make_token(), now=NOW, lease_until=after(60))
        assert claimed is not None
        assert claimed.id == job.id
        for state in ("running", "fetching", "ready", "delivering", "done"):
            changes = {"state": JobState(state), "artifact": make_artifact(job)}
            claimed = await jobs.save(claimed, claimed.evolve(**changes), now=NOW)
        return claimed


@pytest.fixture
async def desk(world: World) -> Desk:
    keys = SqliteKeyStore(world.database)
    return Desk(
        world,
        *[
            await keys.add_key(name, digest_of(name), requests_per_minute=None, now=NOW)
            for name in ("ana", "ben")
        ],
    )


async def test_a_request_becomes_a_job_of_its_key(desk: Desk) -> None:
    placed = await desk.submit(seed=7)
    assert placed.is_new
    assert (placed.job.requester.key_id, placed.job.requester.party) == (desk.ana.id, "key:1")
    assert placed.job.address.api == ADDRESS
    assert placed.standing is not None
    assert (await desk.world.jobs.get(placed.job.id)).request.seed == 7


async def test_the_same_idempotency_key_gives_the_same_job(desk: Desk) -> None:
    first = await desk.submit(idempotency_key="one")
    again = await desk.submit(idempotency_key="one")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.job.id == first.job.id
    assert (await desk.submit(idempotency_key="two")).job.id != first.job.id
    assert (await desk.submit()).job.id != (await desk.submit()).job.id


async def test_two_sends_at_once_with_one_idempotency_key_are_one_job(desk: Desk) -> None:
    placed = await asyncio.gather(*(desk.submit(idempotency_key="one") for _ in range(8)))
    assert len({one.job.id for one in placed}) == 1
    assert sum(one.is_new for one in placed) == 1


async def test_idempotency_keys_of_two_api_keys_do_not_meet(desk: Desk) -> None:
    mine = await desk.submit(idempotency_key="one")
    theirs = await desk.submit(idempotency_key="one", key=desk.ben)
    assert (theirs.is_new, theirs.job.id == mine.job.id) == (True, False)


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "a dog"},
        {"seed": 3},
        {"address": ApiAddress(protocol="modelslab")},
        {"address": ApiAddress(protocol="novita", webhook="https://a.example")},
        {"address": ApiAddress(protocol="novita", width=300)},
    ],
)
async def test_an_idempotency_key_stands_for_one_request(
    desk: Desk, other: dict[str, object]
) -> None:
    await desk.submit(idempotency_key="one")
    problem = await desk.refused(idempotency_key="one", **other)
    assert (problem.kind, problem.field) == (ProblemKind.BAD_REQUEST, "Idempotency-Key")


async def test_a_retry_by_another_address_is_still_the_same_request(desk: Desk) -> None:
    first = await desk.submit(idempotency_key="one")
    elsewhere = ADDRESS.model_copy(update={"base": "http://two"})
    assert (await desk.submit(idempotency_key="one", address=elsewhere)).job.id == first.job.id


async def test_a_retry_finds_its_job_also_where_no_other_would_be_taken(desk: Desk) -> None:
    """The books are full with it, its backend is out, and Flipbook is closing."""
    await desk.limit(desk.ana, Setting.VIDEOS_PER_DAY, 1)
    first = await desk.submit(idempotency_key="one")
    out = Health(state=HealthState.OUT, reason="no balance")
    desk.world.provider.state_of_health = out
    desk.world.service.close()
    assert (await desk.submit(idempotency_key="one")).job.id == first.job.id
    assert (await desk.refused()).kind is ProblemKind.UNAVAILABLE


async def test_a_retry_after_a_restart_finds_its_job(desk: Desk) -> None:
    first = await desk.submit(idempotency_key="one")
    desk.world.become(FakeProvider())
    desk.counter = desk.new_counter()
    assert (await desk.submit(idempotency_key="one")).job.id == first.job.id


async def test_the_queue_of_a_key_has_its_end_and_other_keys_have_theirs(desk: Desk) -> None:
    await desk.limit(desk.ana, Setting.WAITING, 2)
    for _ in range(2):
        await desk.submit()
    problem = await desk.refused()
    assert problem.kind is ProblemKind.QUOTA
    assert "this API key" in problem.message
    assert (await desk.submit(key=desk.ben)).is_new


async def test_the_allowance_of_a_key_is_its_own(desk: Desk) -> None:
    await desk.limit(desk.ana, Setting.VIDEOS_PER_DAY, 1)
    await desk.submit()
    assert (await desk.refused()).kind is ProblemKind.QUOTA
    assert (await desk.submit(key=desk.ben)).is_new


@pytest.mark.parametrize(
    ("setting", "value", "kind"),
    [
        (Setting.LONGEST_VIDEO, 500, ProblemKind.FORBIDDEN),
        (Setting.MODELS, frozenset({"another"}), ProblemKind.FORBIDDEN),
        (Setting.AT_ONCE, 0, ProblemKind.FORBIDDEN),
    ],
)
async def test_what_a_key_may_not_have_is_forbidden(
    desk: Desk, setting: Setting, value: Value, kind: ProblemKind
) -> None:
    await desk.limit(desk.ana, setting, value)
    assert (await desk.refused(model="shapes")).kind is kind


async def test_what_makes_no_sense_names_its_field(desk: Desk) -> None:
    problem = await desk.refused(steps=51)
    assert (problem.kind, problem.field) == (ProblemKind.BAD_REQUEST, "steps")
    assert (await desk.refused(model="nowhere")).field == "model"


async def test_a_picture_that_is_none_is_a_bad_request(desk: Desk) -> None:
    with pytest.raises(Problem) as caught:
        await desk.counter.accept_image(b"a picture of a cat")
    assert (caught.value.kind, caught.value.field) == (ProblemKind.BAD_REQUEST, "image")


async def test_a_waiting_job_is_told_with_its_place(desk: Desk) -> None:
    await desk.submit()
    second = (await desk.submit()).job
    look = await desk.counter.look(desk.ana, second.id)
    assert look.standing is not None
    assert (look.job.state, look.standing.ahead, look.url) == (JobState.QUEUED, 1, None)


async def test_a_running_job_is_told_with_what_its_backend_said(desk: Desk) -> None:
    job = (await desk.submit()).job
    desk.progress[job.id] = Progress(done=3, total=12)
    look = await desk.counter.look(desk.ana, job.id)
    assert look.progress == Progress(done=3, total=12)


@pytest.mark.parametrize(("protocol", "ttl_s"), [("novita", 3600), ("modelslab", 86_400)])
async def test_a_finished_job_has_a_link_for_as_long_as_its_protocol_says(
    desk: Desk, protocol: str, ttl_s: int
) -> None:
    address = ApiAddress(protocol=protocol, base="http://one")
    job = await desk.finish((await desk.submit(address=address)).job)
    look = await desk.counter.look(desk.ana, job.id, base="http://two")
    assert (look.url, look.ttl_s) == (f"http://two/files/{job.id}?{ttl_s}", ttl_s)
    look = await desk.counter.look(desk.ana, job.id)
    assert look.url == f"http://one/files/{job.id}?{ttl_s}"


async def test_a_cancelled_job_has_no_link(desk: Desk) -> None:
    job = (await desk.submit()).job
    await desk.world.jobs.request_cancel(job.id, now=NOW, by="a test")
    look = await desk.counter.look(desk.ana, job.id)
    assert (look.job.state, look.url) == (JobState.CANCELLED, None)


async def test_another_keys_job_is_as_unknown_as_one_that_never_was(desk: Desk) -> None:
    job = (await desk.submit()).job
    told: list[tuple[str, str]] = []
    for job_id in (job.id, JobId("nothere2"), JobId("../../etc")):
        with pytest.raises(Problem) as caught:
            await desk.counter.look(desk.ben, job_id)
        told.append((caught.value.kind, caught.value.message))
    assert set(told) == {(ProblemKind.NOT_FOUND, "There is no such job here.")}


async def test_a_job_of_a_server_is_no_keys_job(desk: Desk) -> None:
    job = await desk.world.ask()
    with pytest.raises(Problem) as caught:
        await desk.counter.look(desk.ana, job.id)
    assert caught.value.kind is ProblemKind.NOT_FOUND


async def test_models_are_told_once_each_whoever_has_them(desk: Desk) -> None:
    other: ModelInfo = SHAPES.model_copy(update={"id": "other"})
    second = FakeProvider()
    second.offers = [SHAPES, other]
    desk.world.become(desk.world.provider, second)
    desk.counter = desk.new_counter()
    assert [model.id for model in await desk.counter.models()] == ["shapes", "other"]
