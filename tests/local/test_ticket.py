"""What a render tells of itself: a share that never gets smaller, and when it is told to stop."""

import threading

import pytest

from providers.local.engine.ticket import StoppedError, Ticket
from providers.local.wire import Advanced, Stage


@pytest.fixture
def told() -> list[Advanced]:
    return []


@pytest.fixture
def ticket(told: list[Advanced]) -> Ticket:
    return Ticket(render_id="a", is_cancelled=lambda: False, send=told.append)


def shares(told: list[Advanced]) -> list[tuple[int, int]]:
    return [(event.done, event.total) for event in told]


def test_what_is_counted_are_unet_calls(ticket: Ticket, told: list[Advanced]) -> None:
    ticket.enter(Stage.LOADING)
    ticket.enter(Stage.DENOISING)
    for call in range(1, 4):
        ticket.advance(call, 3)
    assert shares(told) == [(0, 0), (0, 0), (1, 3), (2, 3), (3, 3)]


def test_the_share_stays_whole_while_the_video_is_decoded_and_encoded(
    ticket: Ticket, told: list[Advanced]
) -> None:
    ticket.enter(Stage.DENOISING)
    ticket.advance(7, 7)
    for stage in (Stage.DECODING, Stage.ENCODING):
        ticket.enter(stage)
        ticket.advance(1, 40)
    assert shares(told)[1:] == [(7, 7)] * 5
    assert [event.stage for event in told[-2:]] == [Stage.ENCODING] * 2


def test_a_second_try_begins_where_the_first_one_got(ticket: Ticket, told: list[Advanced]) -> None:
    ticket.enter(Stage.DENOISING)
    for call in range(1, 4):
        ticket.advance(call, 5)
    ticket.enter(Stage.LOADING)
    ticket.enter(Stage.DENOISING)
    for call in range(1, 6):
        ticket.advance(call, 5)
    done = [event.done for event in told]
    assert done == sorted(done)
    assert len(told) == 11  # each call is news, which the watchdog hears
    assert told[-1].done == 5


def test_the_time_left_is_told_from_the_second_unit_on_and_runs_out(
    ticket: Ticket, told: list[Advanced]
) -> None:
    ticket.enter(Stage.ENCODING)
    for frame in range(5, 9):  # the first ones were written while the stage was another one
        ticket.advance(frame, 8)
    assert [event.eta_s is None for event in told] == [True, True, False, False, False]
    assert told[-1].eta_s == 0


def test_news_of_a_stage_that_has_not_come_is_kept(ticket: Ticket, told: list[Advanced]) -> None:
    ticket.enter(Stage.DECODING)
    ticket.advance(1, 8, at=Stage.ENCODING)
    assert len(told) == 1


def test_a_cancel_is_heard_at_every_word() -> None:
    ticket = Ticket(render_id="a", is_cancelled=lambda: True, send=lambda _: None)
    with pytest.raises(StoppedError):
        ticket.check()
    with pytest.raises(StoppedError):
        ticket.enter(Stage.LOADING)
    with pytest.raises(StoppedError):
        ticket.advance(1, 2, at=Stage.ENCODING)


def test_every_stage_has_its_seconds_also_one_that_came_twice(ticket: Ticket) -> None:
    for stage in (Stage.LOADING, Stage.DENOISING, Stage.LOADING, Stage.DENOISING):
        ticket.enter(stage)
    ticket.finish()
    assert set(ticket.timings_s) == {Stage.LOADING, Stage.DENOISING}
    assert all(seconds >= 0 for seconds in ticket.timings_s.values())


def test_two_threads_may_tell_at_once(ticket: Ticket, told: list[Advanced]) -> None:
    ticket.enter(Stage.DENOISING)

    def tell() -> None:
        for call in range(1, 201):
            ticket.advance(call, 200)

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [event.done for event in told]
    assert done == sorted(done)
    assert len(done) == 801
