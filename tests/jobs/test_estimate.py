from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import pytest

from jobs.estimate import ENOUGH_FOR_TAILS, ENOUGH_OF_A_SIZE, Estimator
from jobs.model import Job, Standing
from jobs.states import JobState
from tests.factories import NOW, after, make_job, make_request

if TYPE_CHECKING:
    from jobs.ports import JobStore

COST = make_request().cost


class Measured:
    """A store that has seen renders of two sizes, and has one more job ahead."""

    def __init__(self, rates: Sequence[float], like: Sequence[float] = ()) -> None:
        self._rates = rates
        self._like = like

    async def ahead_of(self, job: Job) -> tuple[int, int]:
        return 2, 2 * job.request.cost

    async def rates(
        self, backend: str, *, limit: int = 50, like: int | None = None
    ) -> Sequence[float]:
        return self._rates if like is None else self._like


def estimator(rates: Sequence[float], like: Sequence[float] = (), slots: int = 1) -> Estimator:
    store = cast("JobStore", Measured(rates, like))
    return Estimator(jobs=store, slots=lambda _: slots)


async def test_a_wait_is_told_from_the_median_to_the_slowest_tenth() -> None:
    rates = [second / COST for second in range(1, 11)]
    standing = await estimator(rates).standing(make_job())
    times = (standing.eta_s, standing.slow_eta_s)
    assert standing.ahead == 2
    assert times == (pytest.approx(18.0), pytest.approx(27.0))
    shared = await estimator(rates, slots=2).standing(make_job())
    assert shared.eta_s == pytest.approx(12.0)


async def test_too_few_renders_tell_no_time() -> None:
    standing = await estimator([1.0, 2.0]).standing(make_job())
    assert standing == Standing(ahead=2)
    assert await estimator([1.0, 2.0]).seconds(make_request()) is None


@pytest.mark.parametrize(("of_a_size", "seconds"), [(ENOUGH_OF_A_SIZE, 9.0), (2, 4.0)])
async def test_renders_of_the_same_size_count_once_they_are_enough(
    of_a_size: int, seconds: float
) -> None:
    found = estimator([4.0 / COST] * 30, [9.0 / COST] * of_a_size)
    assert await found.seconds(make_request()) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("renders", "elapsed_s", "is_late"),
    [(20, 18.9, False), (20, 19.1, True), (ENOUGH_FOR_TAILS - 1, 999, False)],
)
async def test_a_render_is_late_after_what_95_of_100_take(
    renders: int, elapsed_s: float, *, is_late: bool
) -> None:
    rates = [second / COST for second in range(1, renders + 1)]
    job = make_job(state=JobState.RUNNING, started_at=NOW)
    assert await estimator(rates).is_late(job, now=after(elapsed_s)) is is_late


async def test_what_is_not_being_rendered_is_not_late() -> None:
    rates = [1.0 / COST] * 20
    waiting = make_job()
    over = make_job(state=JobState.READY, started_at=NOW, rendered_at=after(1))
    for job in (waiting, over):
        assert not await estimator(rates).is_late(job, now=after(99))
