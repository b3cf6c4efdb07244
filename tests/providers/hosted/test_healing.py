"""A webhook is a hint: what it names is believed when the service itself says so."""

import pytest

from jobs.errors import BusyError, ProviderError, RefusedError, UnavailableError, UnconfirmedError
from jobs.model import Job, Letter
from providers.hosted.api import Look, Stage
from tests.factories import NOW
from tests.fakes.hosted_api import DONE, RUNNING
from tests.providers.hosted.world import TOKEN, World


def letter_about(job: Job, body: bytes) -> Letter:
    return Letter(
        number=1, provider="novita", token=TOKEN, body=body, job_id=job.id, received_at=NOW
    )


@pytest.mark.parametrize(
    "says",
    [RUNNING, DONE, Look(stage=Stage.FAILED, failure="too dark")],
    ids=lambda look: look.stage,
)
async def test_whatever_the_service_says_of_a_job_proves_that_it_arrived(
    world: World, says: Look
) -> None:
    world.will_say(says)
    submission = await world.provider.heal(world.job(), letter_about(world.job(), b"task"))
    assert submission is not None
    assert submission.provider_job_id == "task"
    assert submission.endpoint == "https://api.example"
    assert submission.sent == {}


async def test_what_the_service_says_it_used_is_healed_too(world: World) -> None:
    world.will_say(Look(stage=Stage.DONE, url="https://v.example/1", effective={"seed": 9}))
    submission = await world.provider.heal(world.job(), letter_about(world.job(), b"task"))
    assert submission is not None
    assert submission.effective == {"seed": 9}


async def test_a_letter_that_names_nothing_asks_nothing(world: World) -> None:
    assert await world.provider.heal(world.job(), letter_about(world.job(), b"")) is None
    assert world.api.looked == []


async def test_a_job_that_the_service_does_not_know_proves_nothing(world: World) -> None:
    world.will_say(RefusedError("TASK_NOT_FOUND"))
    assert await world.provider.heal(world.job(), letter_about(world.job(), b"task")) is None


@pytest.mark.parametrize(
    "error",
    [UnavailableError("no way"), UnconfirmedError("lost"), OSError("broken")],
    ids=repr,
)
async def test_a_service_that_cannot_be_asked_leaves_the_letter_for_later(
    world: World, error: Exception
) -> None:
    world.will_say(error)
    with pytest.raises(ProviderError):
        await world.provider.heal(world.job(), letter_about(world.job(), b"task"))


async def test_a_key_that_went_bad_leaves_the_letter_for_later(world: World) -> None:
    world.will_say(RefusedError("no", refuses_everyone=True))
    with pytest.raises(UnavailableError):
        await world.provider.heal(world.job(), letter_about(world.job(), b"task"))


async def test_a_service_that_wants_quiet_is_not_waited_for(world: World) -> None:
    world.will_say(BusyError("later", retry_after_s=300))
    for _ in range(2):
        with pytest.raises(BusyError) as caught:
            await world.provider.heal(world.job(), letter_about(world.job(), b"task"))
        assert caught.value.retry_after_s == 300
    assert len(world.looks_at()) == 1


async def test_a_letter_is_checked_where_the_job_was_submitted(world: World) -> None:
    world.will_say(RUNNING)
    job = world.job(endpoint="https://old.example")
    submission = await world.provider.heal(job, letter_about(job, b"task"))
    assert submission is not None
    assert submission.endpoint == world.api.looked[0][2] == "https://old.example"
