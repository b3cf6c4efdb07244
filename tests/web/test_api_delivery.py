"""How a job of the HTTP door is delivered, and what its webhook is told."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.web.counter import Look
from bot.web.delivery import MOST_JOBS, ApiDelivery
from jobs.errors import StorageFullError
from jobs.model import (
    Address,
    ApiAddress,
    Delivered,
    Gone,
    Job,
    JobId,
    Origin,
    Progress,
    Requester,
)
from jobs.states import JobState
from tests.factories import make_artifact, make_job

HOOK = "https://hooks.example/flipbook"
HALF = Progress(done=6, total=12)
ENDS = [state for state in JobState if state.is_final]
OTHERS = [state for state in JobState if not state.is_final]


class Links:
    """Links that say what they were made of."""

    def url_of(self, job: Job, *, base: str, ttl_s: int) -> str:
        return f"{base}/files/{job.id}?{ttl_s}"


class Teller:
    """Remembers what it was to tell; `is_full` refuses it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, object], JobId | None]] = []
        self.is_full = False

    async def add(
        self, url: str, body: Mapping[str, object], *, job_id: JobId | None = None
    ) -> None:
        if self.is_full:
            raise StorageFullError("the disk is full")
        self.told.append((url, body, job_id))


def body_of(look: Look) -> Mapping[str, object]:
    return {"state": look.job.state, "url": look.url}


def api_job(*, protocol: str = "novita", webhook: str | None = HOOK, **overrides: object) -> Job:
    api = ApiAddress(protocol=protocol, webhook=webhook, base="http://gpu.example")
    job = make_job(
        origin=Origin.API, requester=Requester(key_id=1), address=Address(api=api), **overrides
    )
    return job.evolve(artifact=make_artifact(job))


@pytest.fixture
def teller() -> Teller:
    return Teller()


@pytest.fixture
def delivery(teller: Teller) -> ApiDelivery:
    bodies = {"novita": body_of, "modelslab": body_of}
    return ApiDelivery(teller=teller, bodies=bodies, links=Links())


async def test_a_job_is_done_as_soon_as_its_file_is_there(
    delivery: ApiDelivery, teller: Teller, tmp_path: Path
) -> None:
    file = tmp_path / "job.mp4"
    file.write_bytes(b"video")
    job = api_job(state=JobState.DELIVERING)
    assert await delivery.deliver(job, file) == Delivered(message_id=0)
    assert teller.told == []


async def test_a_file_that_is_gone_is_our_fault(delivery: ApiDelivery, tmp_path: Path) -> None:
    outcome = await delivery.deliver(api_job(state=JobState.DELIVERING), tmp_path / "job.mp4")
    assert isinstance(outcome, Gone)
    assert outcome.is_ours


@pytest.mark.parametrize("state", ENDS)
async def test_every_end_is_told_and_only_a_finished_one_has_a_link(
    delivery: ApiDelivery, teller: Teller, state: JobState
) -> None:
    job = api_job(state=state)
    await delivery.show(job)
    url = f"http://gpu.example/files/{job.id}?3600" if state is JobState.DONE else None
    assert teller.told == [(HOOK, {"state": state, "url": url}, job.id)]


async def test_a_link_works_as_long_as_its_protocol_says(
    delivery: ApiDelivery, teller: Teller
) -> None:
    job = api_job(protocol="modelslab", state=JobState.DONE)
    await delivery.show(job)
    ((_, body, _),) = teller.told
    assert body["url"] == f"http://gpu.example/files/{job.id}?86400"


@pytest.mark.parametrize("state", OTHERS)
async def test_nothing_is_told_before_the_end(
    delivery: ApiDelivery, teller: Teller, state: JobState
) -> None:
    await delivery.show(api_job(state=state), progress=HALF)
    assert teller.told == []


async def test_who_named_no_webhook_is_told_nothing(delivery: ApiDelivery, teller: Teller) -> None:
    await delivery.show(api_job(webhook=None, state=JobState.DONE))
    await delivery.show(make_job(state=JobState.DONE))
    await delivery.show(api_job(protocol="of-a-newer-version", state=JobState.DONE))
    assert teller.told == []


async def test_an_end_that_could_not_be_written_down_is_shown_again(
    delivery: ApiDelivery, teller: Teller
) -> None:
    job = api_job(state=JobState.FAILED)
    teller.is_full = True
    with pytest.raises(StorageFullError):
        await delivery.show(job)
    teller.is_full = False
    await delivery.show(job)
    assert [job_id for _, _, job_id in teller.told] == [job.id]


async def test_progress_is_the_newest_that_was_said(delivery: ApiDelivery) -> None:
    job = api_job(state=JobState.RUNNING)
    assert delivery.progress_of(job.id) is None
    await delivery.show(job)
    assert delivery.progress_of(job.id) is None
    await delivery.show(job, progress=Progress(done=1, total=12))
    await delivery.show(job, progress=HALF)
    await delivery.show(job)
    assert delivery.progress_of(job.id) == HALF
    await delivery.show(job.evolve(state=JobState.FETCHING))
    assert delivery.progress_of(job.id) == HALF


@pytest.mark.parametrize("state", [*ENDS, JobState.QUEUED, JobState.SUBMITTING])
async def test_progress_is_forgotten_when_a_render_is_over_or_begins_anew(
    delivery: ApiDelivery, state: JobState
) -> None:
    job = api_job(state=JobState.RUNNING)
    await delivery.show(job, progress=HALF)
    await delivery.show(job.evolve(state=state))
    assert delivery.progress_of(job.id) is None


async def test_progress_takes_no_more_memory_than_it_may(delivery: ApiDelivery) -> None:
    jobs = [api_job(state=JobState.RUNNING) for _ in range(MOST_JOBS + 10)]
    for job in jobs:
        await delivery.show(job, progress=HALF)
    known = [job for job in jobs if delivery.progress_of(job.id)]
    assert known == jobs[10:]
