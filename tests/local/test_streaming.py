"""Decoding and encoding at the same time: both end together, however either ends."""

import threading
from collections.abc import Iterable, Iterator

import pytest

from providers.local.engine.streaming import ROOM, stream


class MakingError(Exception):
    """Whoever makes the chunks fails."""


class WritingError(Exception):
    """Whoever writes them fails."""


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def failing_after(count: int) -> Iterator[int]:
    yield from range(count)
    raise MakingError


def test_everything_is_written_in_its_order_by_another_thread() -> None:
    written: list[tuple[int, bool]] = []
    here = threading.current_thread()

    def write(chunks: Iterable[int]) -> None:
        written.extend((chunk, threading.current_thread() is here) for chunk in chunks)

    stream(range(50), write)
    assert written == [(number, False) for number in range(50)]


def test_the_first_is_written_while_the_next_is_made() -> None:
    has_written = threading.Event()

    def make() -> Iterator[int]:
        yield 1
        assert has_written.wait(timeout=20)
        yield 2

    def write(chunks: Iterable[int]) -> None:
        for _ in chunks:
            has_written.set()

    stream(make(), write)


def test_no_more_is_made_ahead_than_there_is_room_for() -> None:
    made: list[int] = []
    is_full = threading.Event()

    def make() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            if number == ROOM + 1:
                is_full.set()
            yield number

    def write(chunks: Iterable[int]) -> None:
        taken = iter(chunks)
        for count in range(1, 21):
            next(taken)
            assert is_full.wait(timeout=20)
            assert len(made) <= count + ROOM + 2  # one in the maker's hand, one being made

    stream(make(), write)
    assert len(made) == 20


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_a_failure_of_the_maker_reaches_the_writer_and_the_caller(count: int) -> None:
    ended: list[str] = []

    def write(chunks: Iterable[int]) -> None:
        try:
            for _ in chunks:
                pass
        except Exception as error:
            ended.append(type(error).__name__)
            raise

    with pytest.raises(MakingError):
        stream(failing_after(count), write)
    assert ended == ["_AbandonedError"]


@pytest.mark.parametrize("count", [0, 1, 3, 10])
def test_a_failure_of_the_writer_stops_the_maker(count: int) -> None:
    made: list[int] = []

    def make() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    def write(chunks: Iterable[int]) -> None:
        for number in chunks:
            if number == count:
                raise WritingError
        raise AssertionError

    with pytest.raises(WritingError):
        stream(make(), write)
    assert len(made) < 1000


def test_a_writer_that_fails_before_it_has_taken_anything_holds_nobody_up() -> None:
    def write(_: Iterable[int]) -> None:
        raise WritingError

    with pytest.raises(WritingError):
        stream(range(1000), write)


def test_if_both_fail_the_maker_is_believed() -> None:
    def write(chunks: Iterable[int]) -> None:
        try:
            list(chunks)
        finally:
            raise WritingError

    with pytest.raises(MakingError):
        stream(failing_after(3), write)
