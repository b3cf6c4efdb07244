"""A job is waited for by looking: rarely, irregularly, and not for ever."""

import asyncio
import math
from datetime import timedelta

import pytest

from jobs.errors import (
    BusyError,
    ProviderError,
    RefusedError,
    RenderFailedError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.model import Progress
from providers.hosted.api import Accepted, Limits, Look, Stage
from tests.fakes.clock import START, FakeClock
from tests.fakes.hosted_api import DONE, RUNNING, FakeApi
from tests.providers.hosted.world import Waiting, World, chance, settle

LOST = UnconfirmedError("lost")
NO_URL = Look(stage=Stage.DONE, detail="videos: []")
BAD_KEY = RefusedError("no", refuses_everyone=True)


def failure_of(waiting: Waiting) -> RenderFailedError:
    """Return why a watch failed."""
    error = waiting.task.exception()
    assert isinstance(error, RenderFailedError)
    return error


async def test_a_watch_ends_when_the_video_is_there(world: World) -> None:
    world.will_say(RUNNING, DONE)
    waiting = world.watch(world.job("task"))
    await world.let_pass(60)
    await waiting.task
    assert world.looks_at() == [3, 6]


@pytest.mark.parametrize(
    ("eta_s", "first_s"),
    [(20.0, 20), (0.5, 2), (960.0, 60), (-3.0, 2), (None, 3), (math.nan, 3), (math.inf, 3)],
)
async def test_the_first_look_comes_when_the_service_expects_to_be_done_within_reason(
    world: World, eta_s: float | None, first_s: float
) -> None:
    world.api.accepts.append(Accepted(provider_job_id="task", sent={}, eta_s=eta_s))
    world.watch(await world.submit())
    await world.let_pass(61)
    assert world.looks_at()[0] == first_s


async def test_looks_grow_rarer_up_to_fifteen_seconds(world: World) -> None:
    world.watch(world.job("task"))
    await world.let_pass(75)
    assert world.gaps() == [3, 4.5, 6.75, 10.125, 15, 15, 15]


async def test_looks_do_not_fall_into_step() -> None:
    world = World.new(rng=chance())
    async with world.provider:
        for number in range(50):
            world.watch(world.job(f"task{number}"))
        await world.let_pass(6)
        firsts = [world.looks_at(f"task{number}")[0] for number in range(50)]
        assert len(set(firsts)) > 45
        assert min(firsts) >= 2.4
        assert max(firsts) <= 1.2 * 50 / 10  # fifty jobs: ten looks a second in all
        await world.close()


async def test_progress_is_what_the_service_says_and_nothing_else(world: World) -> None:
    world.will_say(
        RUNNING,
        Look(stage=Stage.RUNNING, fraction=0.424, eta_s=9),
        Look(stage=Stage.RUNNING, eta_s=5),
        Look(stage=Stage.RUNNING, fraction=7.0),
        Look(stage=Stage.RUNNING, fraction=math.nan, eta_s=math.inf),
        RUNNING,
    )
    waiting = world.watch(world.job("task"))
    await world.let_pass(60)
    assert waiting.news == [
        Progress(done=42, total=100, eta_s=9),
        Progress(eta_s=5),
        Progress(done=100, total=100),
    ]


async def test_the_eta_of_the_submit_is_told_at_once(world: World) -> None:
    world.api.accepts.append(Accepted(provider_job_id="task", sent={}, eta_s=20))
    waiting = world.watch(await world.submit())
    await settle()
    assert waiting.news == [Progress(eta_s=20)]


async def test_a_failed_job_fails_with_its_sentence_and_the_cause_for_the_log(world: World) -> None:
    world.will_say(Look(stage=Stage.FAILED, failure="It was too dark.", detail="GPU lost"))
    waiting = world.watch(world.job("task"))
    await world.let_pass(3)
    assert failure_of(waiting).user_message == "It was too dark."
    assert failure_of(waiting).detail == "GPU lost"


async def test_done_without_a_video_is_not_done_yet(world: World) -> None:
    world.will_say(NO_URL, NO_URL, DONE)
    waiting = world.watch(world.job("task"))
    await world.let_pass(20)
    await waiting.task


async def test_done_without_a_video_for_a_minute_is_a_failure(world: World) -> None:
    world.will_say(NO_URL)
    waiting = world.watch(world.job("task"))
    await world.let_pass(62)
    assert not waiting.is_over
    await world.let_pass(16)
    assert failure_of(waiting).user_message == "Novita says that it is done and has no video."
    assert failure_of(waiting).detail == "videos: []"


async def test_a_job_that_never_ends_is_given_up_at_its_deadline(world: World) -> None:
    waiting = world.watch(world.job("task"))
    await world.let_pass(1799)
    assert not waiting.is_over
    await world.let_pass(1)
    assert failure_of(waiting).user_message == "Novita did not finish within 30 minutes."


async def test_a_restart_does_not_prolong_the_deadline(world: World) -> None:
    waiting = world.watch(world.job("task", started_at=START - timedelta(seconds=1700)))
    await world.let_pass(100)
    assert failure_of(waiting)


async def test_a_job_that_was_done_while_the_bot_was_off_is_found_after_its_deadline(
    world: World,
) -> None:
    world.will_say(DONE)
    waiting = world.watch(world.job("task", started_at=START - timedelta(days=1)))
    await world.let_pass(3)
    await waiting.task


async def test_a_service_that_is_silent_when_the_bot_comes_back_late_is_waited_for(
    world: World,
) -> None:
    world.will_say(LOST, LOST, LOST, DONE)
    waiting = world.watch(world.job("task", started_at=START - timedelta(days=1)))
    await world.let_pass(60)
    await waiting.task


@pytest.mark.parametrize(
    "error",
    [UnavailableError("no way there"), LOST, ValueError("broken"), RenderFailedError("no answer")],
    ids=repr,
)
async def test_a_look_without_an_answer_never_fails_a_job(world: World, error: Exception) -> None:
    world.api.always = error
    waiting = world.watch(world.job("task", started_at=START - timedelta(seconds=1790)))
    await world.let_pass(1500)
    assert not waiting.is_over
    world.api.always = None
    world.will_say(DONE)
    await world.let_pass(75)
    await waiting.task


async def test_a_silent_service_is_asked_once_a_minute(world: World) -> None:
    world.api.always = LOST
    world.watch(world.job("task"))
    await world.let_pass(900)
    before = len(world.looks_at())
    await world.let_pass(600)
    assert len(world.looks_at()) - before == 10


async def test_a_service_that_is_silent_for_as_long_again_has_lost_the_job(world: World) -> None:
    world.api.always = UnconfirmedError("lost", detail="status 502")
    waiting = world.watch(world.job("task"))
    await world.let_pass(3500)
    assert not waiting.is_over
    await world.let_pass(160)
    message = "Novita could not be asked about this video for too long."
    assert failure_of(waiting).user_message == message
    assert failure_of(waiting).detail == "status 502"


async def test_a_key_that_went_bad_does_not_fail_what_is_paid_for(world: World) -> None:
    world.api.always = BAD_KEY
    waiting = world.watch(world.job("task"))
    await world.let_pass(600)
    assert world.provider.health.state == "out"
    assert len(world.looks_at()) == 10  # once a minute
    assert not waiting.is_over
    world.api.always = None
    world.will_say(DONE)
    await world.let_pass(60)
    await waiting.task


async def test_a_job_that_the_service_does_not_know_for_a_minute_has_failed(world: World) -> None:
    world.will_say(RefusedError("Novita does not know this video.", detail="TASK_NOT_FOUND"))
    waiting = world.watch(world.job("task"))
    await world.let_pass(62)
    assert not waiting.is_over
    await world.let_pass(30)
    assert failure_of(waiting).user_message == "Novita does not know this video."
    assert failure_of(waiting).detail == "TASK_NOT_FOUND"


async def test_a_job_that_the_service_knows_only_after_a_while_is_waited_for(world: World) -> None:
    unknown = RefusedError("Novita does not know this video.")
    world.will_say(*[unknown] * 4, RUNNING, *[unknown] * 3, DONE)
    waiting = world.watch(world.job("task"))
    await world.let_pass(150)
    await waiting.task


async def test_later_quiets_the_looks_at_all_jobs(world: World) -> None:
    world.will_say(BusyError("later", retry_after_s=40), RUNNING, task="one")
    world.watch(world.job("one"))
    await world.let_pass(1)
    world.watch(world.job("two"))
    await world.let_pass(41)
    assert world.looks_at("one") == [3]
    assert world.looks_at("two") == []
    await world.let_pass(1)
    assert world.looks_at("one") == [3, 43]
    assert world.looks_at("two") == [43]


async def test_a_job_is_looked_at_where_it_was_submitted(world: World) -> None:
    world.watch(world.job("task", endpoint="https://old.example"))
    await world.let_pass(3)
    assert world.api.looked[0][2] == "https://old.example"


async def test_many_hints_make_one_look_at_once(world: World) -> None:
    job = world.job("task")
    world.watch(job)
    await world.let_pass(20)
    before = world.looks_at()
    for _ in range(100):
        world.provider.look_now(job)
    await world.let_pass(0)
    assert world.looks_at() == [*before, 20]


async def test_hints_without_end_make_one_look_in_two_seconds(world: World) -> None:
    job = world.job("task")
    world.watch(job)
    for _ in range(200):
        world.provider.look_now(job)
        await world.let_pass(0.1)
    assert len(world.looks_at()) == 10
    assert min(world.gaps()) == 2


async def test_a_hint_during_a_look_is_not_lost(world: World) -> None:
    job = world.job("task")
    world.will_say(RUNNING, DONE)
    world.api.may_answer.clear()
    waiting = world.watch(job)
    await world.let_pass(3)
    world.provider.look_now(job)  # the answer on its way may be older than this news
    world.api.may_answer.set()
    await world.let_pass(2)
    await waiting.task
    assert world.looks_at() == [3, 5]


async def test_a_hint_about_a_job_that_nobody_watches_is_nothing(world: World) -> None:
    world.provider.look_now(world.job("task"))
    await world.let_pass(60)
    assert world.looks_at() == []


async def test_a_watch_that_is_left_looks_no_more(world: World) -> None:
    job = world.job("task")
    waiting = world.watch(job)
    await world.let_pass(4)
    waiting.task.cancel()
    await asyncio.gather(waiting.task, return_exceptions=True)
    world.provider.look_now(job)
    await world.let_pass(60)
    assert world.looks_at() == [3]


async def test_a_thousand_jobs_never_have_more_than_four_looks_under_way() -> None:
    limits = Limits(in_flight=1000)
    world = World.new(api=FakeApi(clock=FakeClock(), limits=limits), rng=chance())
    async with world.provider:
        waiting = [world.watch(world.job(f"task{number}")) for number in range(1000)]
        await settle()
        world.api.may_answer.clear()  # answers hang until everybody's time has come
        world.clock.advance(200)
        await settle()
        assert world.api.at_once == 4
        world.api.may_answer.set()
        while len({task for _, task, _ in world.api.looked}) < 1000:
            await settle()
        assert world.api.most_at_once == 4
        before = len(world.api.looked)
        for _ in range(120):
            world.clock.advance(1)
            await settle()
        assert 900 < len(world.api.looked) - before < 1300  # about ten a second
        for number in range(1000):
            world.will_say(DONE, task=f"task{number}")
        world.clock.advance(200)
        while not all(each.is_over for each in waiting):
            await settle()
        assert world.api.most_at_once == 4
        await world.close()


async def test_what_every_look_raises_is_an_error_of_ours(world: World) -> None:
    waiting = world.watch(world.job("task"))
    world.will_say(Look(stage=Stage.FAILED))
    await world.let_pass(3)
    assert isinstance(failure_of(waiting), ProviderError)
    assert failure_of(waiting).user_message == "Novita could not make this video."
