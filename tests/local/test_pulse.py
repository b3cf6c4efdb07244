"""How long a silent render is believed in: as long as it may need, and no longer."""

from datetime import timedelta

from providers.local.pulse import Patience, Pulse
from providers.local.wire import Stage
from tests.fakes.clock import START

PATIENCE = Patience(render_s=900, least_s=120, pace=20)


def heard(*news: tuple[Stage, float]) -> Pulse:
    """Return the pulse of a render whose news came after so many seconds each."""
    pulse, now = Pulse(PATIENCE, START), START
    for stage, after_s in news:
        now += timedelta(seconds=after_s)
        pulse.hear(stage, now)
    return pulse


def test_a_render_that_has_said_nothing_may_load_a_large_model() -> None:
    assert heard().limit_s == heard((Stage.LOADING, 1)).limit_s == 900


def test_the_first_step_may_take_as_long_as_loading() -> None:
    assert heard((Stage.LOADING, 1), (Stage.DENOISING, 300)).limit_s == 900


def test_a_quick_render_that_stops_is_given_two_minutes() -> None:
    assert heard((Stage.DENOISING, 9), (Stage.DENOISING, 0.2)).limit_s == 120


def test_a_slow_render_is_given_twenty_times_its_longest_step() -> None:
    steps = [(Stage.DENOISING, seconds) for seconds in (60, 12, 30, 12)]
    assert heard(*steps).limit_s == 600


def test_no_render_is_given_more_than_one_whose_pace_is_not_known() -> None:
    assert heard((Stage.DENOISING, 0), (Stage.DENOISING, 400)).limit_s == 900


def test_the_pace_of_one_stage_says_nothing_about_the_next() -> None:
    steps = [(Stage.DENOISING, 0.1)] * 5
    assert heard(*steps, (Stage.DECODING, 0.1)).limit_s == 900
    assert heard(*steps, (Stage.LOADING, 1), (Stage.DENOISING, 1)).limit_s == 900
