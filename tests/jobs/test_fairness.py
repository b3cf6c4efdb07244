import pytest

from jobs.fairness import (
    CREDIT_US,
    DEBT_US,
    DEFAULT_RATE,
    charge_after,
    charge_us,
    charged,
    corrected,
    woken,
)
from jobs.states import JobState
from tests.factories import after, make_job

CLOCK = 10 * DEBT_US
CHARGED = 5_000_000


def test_a_claim_is_charged_by_cost_rate_and_weight() -> None:
    assert charge_us(1000, 0.002) == 2_000_000
    assert charge_us(50_000, None) == round(50_000 * DEFAULT_RATE * 1e6)
    assert charge_us(0, None) == 1, "a turn is never free, or it would never end"
    assert charged(100, 3000, 3.0) == 1100


@pytest.mark.parametrize(
    ("vtime", "has_been_served", "expected"),
    [
        (CLOCK - 5, False, CLOCK),
        (CLOCK - 5, True, CLOCK - 5),
        (CLOCK - 2 * CREDIT_US, True, CLOCK - CREDIT_US),
        (CLOCK + 5, False, CLOCK + 5),
        (CLOCK + 2 * DEBT_US, False, CLOCK + DEBT_US),
    ],
    ids=["nothing saved up", "its turn is kept", "credit ends", "debt is kept", "debt ends"],
)
def test_a_lane_that_wakes_has_neither_much_debt_nor_much_credit(
    vtime: int, expected: int, *, has_been_served: bool
) -> None:
    assert woken(vtime, clock=CLOCK, has_been_served=has_been_served) == expected


@pytest.mark.parametrize(
    ("vtime", "change_us", "expected"),
    [
        (CLOCK, 8, CLOCK + 4),
        (CLOCK, -8, CLOCK - 4),
        (CLOCK, 4 * DEBT_US, CLOCK + DEBT_US),
        (CLOCK, -4 * CREDIT_US, CLOCK - CREDIT_US),
        (CLOCK + 2 * DEBT_US, 8, CLOCK + 2 * DEBT_US),
        (CLOCK - 2 * CREDIT_US, -8, CLOCK - 2 * CREDIT_US),
    ],
    ids=["dearer", "cheaper", "debt ends", "credit ends", "no more debt", "no more credit"],
)
def test_a_correction_stops_at_the_bounds_of_debt_and_credit(
    vtime: int, change_us: int, expected: int
) -> None:
    assert corrected(vtime, change_us, 2.0, clock=CLOCK) == expected


@pytest.mark.parametrize(
    ("before", "state", "times", "owed_us"),
    [
        (JobState.SUBMITTING, JobState.RUNNING, {"started_at": after(1)}, CHARGED),
        (JobState.SUBMITTING, JobState.QUEUED, {}, 0),
        (JobState.SUBMITTING, JobState.FAILED, {}, 0),
        (JobState.SUBMITTING, JobState.UNCONFIRMED, {}, CHARGED),
        (JobState.UNCONFIRMED, JobState.FAILED, {}, 0),
        (
            JobState.RUNNING,
            JobState.FETCHING,
            {"started_at": after(1), "rendered_at": after(3)},
            2_000_000,
        ),
        (JobState.RUNNING, JobState.CANCELLED, {"started_at": after(1)}, 8_000_000),
        (JobState.RUNNING, JobState.FAILED, {}, 0),
        (JobState.RUNNING, JobState.QUEUED, {"started_at": after(1)}, 0),
        (JobState.FETCHING, JobState.FAILED, {"started_at": after(1)}, CHARGED),
    ],
)
def test_a_job_costs_its_lanes_the_time_that_it_was_at_the_backend(
    before: JobState, state: JobState, times: dict[str, object], owed_us: int
) -> None:
    job = make_job(state=state, **times)
    assert charge_after(before, job, CHARGED, now=after(9)) == owed_us
