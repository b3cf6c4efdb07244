"""Sums, percentiles and the file: what moderators are told of what was made and spent."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import RequestError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.acts import Act
from jobs.states import JobState
from jobs.usage.csv_file import BYTE_ORDER_MARK, COLUMNS, UsageFile, guarded
from jobs.usage.days import DayOfUse, JobRow, Usage, days_until, failure_words, wait_at
from jobs.usage.spending import PAGE_ROWS, Spending
from tests.factories import NOW, after
from tests.fakes.clock import FakeClock
from tests.fakes.plotter import FakePlotter

TODAY = NOW.date()
MAX = Requester(user_id=9, guild_id=2002)


def make_row(number: int = 1, **overrides: Any) -> JobRow:
    values: dict[str, Any] = {
        "number": number,
        "id": f"job{number:05d}",
        "asked_at": NOW,
        "ended_at": NOW,
        "member_id": 1001,
        "provider": "novita",
        "model": "darkSushiMixMix",
        "state": JobState.DONE,
        "video_ms": 2125,
        "frames": 17,
        "width": 512,
        "height": 768,
        "steps": 25,
        "price_micros": 4200,
        "currency": "USD",
        "waited_s": 3.25,
        "rendered_s": 40.0,
        "counted": True,
    }
    return JobRow(**{**values, **overrides})


class FakeUsageStore:
    """The `UsageStore` port over a few rows; each ended at its own time."""

    def __init__(
        self, *, is_open: Sequence[JobRow] = (), ended: Sequence[JobRow] = (), videos: int = 0
    ) -> None:
        self.is_open = is_open
        self.ended = ended
        self.videos = videos
        self.asked: list[date] = []
        self.noted: list[Mapping[str, str]] = []

    async def day(self, guild_id: int, day: date) -> DayOfUse:
        assert guild_id == MAX.guild_id
        self.asked.append(day)
        return DayOfUse(day=day, videos=self.videos)

    async def waiting(self, guild_id: int) -> int:
        return len(self.is_open)

    async def open_rows(
        self, guild_id: int, *, limit: int, with_prompts: bool = False
    ) -> Sequence[JobRow]:
        return self.is_open[:limit]

    async def ended_rows(
        self,
        guild_id: int,
        *,
        since: datetime,
        before: tuple[datetime, int],
        limit: int,
        with_prompts: bool = False,
    ) -> Sequence[JobRow]:
        found = [
            row
            for row in self.ended
            if row.ended_at is not None
            and row.ended_at >= since
            and (row.ended_at, row.number) < before
        ]
        found.sort(key=lambda row: (row.ended_at or since, row.number), reverse=True)
        return found[:limit]

    async def note_export(self, act: Act, *, told: Mapping[str, str]) -> None:
        self.noted.append(told)


def spending_over(store: FakeUsageStore, plotter: FakePlotter | None = None) -> Spending:
    return Spending(
        store=store, plotter=plotter or FakePlotter(), notices=Notices(), clock=FakeClock()
    )


def read(content: bytes) -> list[dict[str, str]]:
    """Read a file as any program would, and check that it begins as it should."""
    text = content.decode()
    assert text.startswith(BYTE_ORDER_MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


# Sums


@given(st.lists(st.integers(0, 50), min_size=1), st.sampled_from([0.01, 0.5, 0.9, 1.0]))
def test_so_many_waited_at_most_that_long_and_fewer_waited_less(
    seconds: list[int], share: float
) -> None:
    waits = {one: seconds.count(one) for one in seconds}
    found = wait_at(share, waits)
    assert found is not None
    assert sum(one <= found for one in seconds) >= share * len(seconds)
    assert sum(one < found for one in seconds) < share * len(seconds)


def test_where_nobody_waited_there_is_no_percentile() -> None:
    assert wait_at(0.5, {}) is None


def test_sums_run_over_all_days_most_first() -> None:
    days = (
        DayOfUse(
            day=TODAY - timedelta(days=1),
            videos=2,
            video_ms=4000,
            money={("novita", "EUR"): 5},
            waits={3: 2},
            failures={"refused": 1, "charged": 1},
            cancelled=1,
            members={1: 2},
        ),
        DayOfUse(
            day=TODAY,
            videos=3,
            video_ms=6000,
            money={("novita", "USD"): 7, ("modelslab", "USD"): 9},
            waits={3: 1, 9: 2},
            failures={"released": 2},
            members={1: 1, 2: 2},
        ),
    )
    usage = Usage(days=days)
    assert (usage.videos, usage.video_ms, usage.cancelled) == (5, 10_000, 1)
    assert list(usage.members.items()) == [(1, 3), (2, 2)]
    assert list(usage.failures.items()) == [
        ("ended by a moderator", 3),  # two codes that mean the same to people
        ("refused by the provider", 1),
    ]
    assert usage.waits == {3: 3, 9: 2}
    assert usage.currencies == ("USD", "EUR"), "what was used last comes first"
    assert next(iter(usage.money)) == ("modelslab", "USD")


@pytest.mark.parametrize(
    "day",
    [
        DayOfUse(day=TODAY, videos=1),
        DayOfUse(day=TODAY, failures={"internal": 1}),
        DayOfUse(day=TODAY, cancelled=1),
    ],
)
def test_days_on_which_anything_ended_are_not_empty(day: DayOfUse) -> None:
    assert not Usage(days=(day,)).is_empty
    assert Usage(days=(DayOfUse(day=TODAY),)).is_empty


def test_an_unknown_code_is_told_as_it_is() -> None:
    assert failure_words("held_too_long") == "held too long"
    assert failure_words("") == "no reason given"


def test_days_run_up_to_the_last_one_over_the_end_of_a_month() -> None:
    assert days_until(date(2028, 3, 1), 3) == (
        date(2028, 2, 28),
        date(2028, 2, 29),
        date(2028, 3, 1),
    )


# The report


async def test_a_report_reads_each_of_its_days_and_draws_them() -> None:
    store, plotter = FakeUsageStore(videos=1, is_open=[make_row()]), FakePlotter()
    report = await spending_over(store, plotter).report(MAX.guild_id, 7)
    assert store.asked == list(days_until(TODAY, 7))
    assert (report.usage.videos, report.usage.waiting) == (7, 1)
    assert plotter.drawn == [report.usage]
    assert report.picture is not None


async def test_nothing_is_drawn_where_nothing_was_made() -> None:
    plotter = FakePlotter()
    report = await spending_over(FakeUsageStore(), plotter).report(MAX.guild_id, 30)
    assert (report.picture, report.trouble, plotter.drawn) == (None, "", [])


async def test_the_numbers_are_there_where_nothing_can_be_drawn() -> None:
    plotter = FakePlotter()
    plotter.trouble = "No pencil."
    report = await spending_over(FakeUsageStore(videos=2), plotter).report(MAX.guild_id, 90)
    assert (report.usage.videos, report.picture, report.trouble) == (180, None, "No pencil.")


@pytest.mark.parametrize("days", [-1, 0, 8, 10**9])
async def test_other_periods_are_refused(days: int) -> None:
    with pytest.raises(RequestError, match="7, 30 or 90"):
        await spending_over(FakeUsageStore(videos=1)).report(MAX.guild_id, days)


# The export


async def test_a_file_has_a_header_and_a_row_for_each_job() -> None:
    store = FakeUsageStore(
        is_open=[
            make_row(
                3,
                ended_at=None,
                state=JobState.QUEUED,
                video_ms=None,
                price_micros=None,
                currency="",
                waited_s=None,
                rendered_s=None,
                counted=None,
                member_id=0,
            )
        ],
        ended=[make_row(1), make_row(2, counted=False, ended_at=after(-9))],
    )
    export = await spending_over(store).export(MAX, days=1)
    assert export.name == "flipbook-2026-11-21-to-2026-11-21.csv"
    assert (export.rows, export.left_out) == (3, None)
    rows = read(export.content)
    assert rows[1] == {
        "id": "job00001",
        "asked_at": "2026-11-21T12:00:00Z",
        "member_id": "1001",
        "provider": "novita",
        "model": "darkSushiMixMix",
        "state": "done",
        "seconds": "2.125",
        "frames": "17",
        "size": "512x768",
        "steps": "25",
        "price": "0.0042",
        "currency": "USD",
        "waited_s": "3.2",
        "rendered_s": "40.0",
        "counted": "yes",
    }
    assert list(rows[0]) == list(COLUMNS)
    assert {name for name, cell in rows[0].items() if not cell} == {
        *("member_id", "seconds", "price", "currency", "waited_s", "rendered_s", "counted")
    }
    assert [row["id"] for row in rows] == ["job00003", "job00001", "job00002"]
    assert rows[2]["counted"] == "no"
    assert store.noted == [
        {"days": "2026-11-21 to 2026-11-21", "rows": "3", "prompts": "no"},
    ]


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (0, "0"),
        (1, "0.000001"),
        (10_000_000, "10"),
        (1_230_000, "1.23"),
        (2**53, "9007199254.740992"),
    ],
)
async def test_prices_are_written_exactly(micros: int, written: str) -> None:
    store = FakeUsageStore(ended=[make_row(price_micros=micros)])
    (row,) = read((await spending_over(store).export(MAX, days=1)).content)
    assert row["price"] == written


async def test_a_job_that_ends_between_two_looks_is_told_once() -> None:
    store = FakeUsageStore(
        is_open=[make_row(1, state=JobState.RUNNING, ended_at=None)], ended=[make_row(1)]
    )
    export = await spending_over(store).export(MAX, days=1)
    assert [row["state"] for row in read(export.content)] == ["running"]


async def test_many_jobs_are_read_page_by_page_and_none_is_lost() -> None:
    count = 2 * PAGE_ROWS + 1
    store = FakeUsageStore(ended=[make_row(number) for number in range(count)])
    export = await spending_over(store).export(MAX, days=1)
    assert {row["id"] for row in read(export.content)} == {f"job{n:05d}" for n in range(count)}
    assert export.rows == count


async def test_until_chooses_the_last_day_and_leaves_out_what_is_open() -> None:
    store = FakeUsageStore(
        is_open=[make_row(4, ended_at=None)],
        ended=[make_row(n, ended_at=NOW - timedelta(days=n)) for n in range(4)],
    )
    export = await spending_over(store).export(MAX, days=2, until="2026-11-20")
    assert (export.first, export.last) == (date(2026, 11, 19), date(2026, 11, 20))
    assert [row["id"] for row in read(export.content)] == ["job00001", "job00002"]


@pytest.mark.parametrize(
    "until", ["tomorrow", "2026-11-22", "0001-01-01", "2026-02-30", "=1+1", "9999-12-31", "x" * 99]
)
async def test_what_is_no_day_that_has_begun_is_refused(until: str) -> None:
    store = FakeUsageStore()
    with pytest.raises(RequestError, match="a day that has begun"):
        await spending_over(store).export(MAX, days=1, until=until)
    assert store.noted == []


@pytest.mark.parametrize("days", [-5, 0, 91, 10**12])
async def test_too_many_days_and_none_are_refused(days: int) -> None:
    with pytest.raises(RequestError, match="between 1 and 90"):
        await spending_over(FakeUsageStore()).export(MAX, days=days)


def test_a_full_file_stops_at_a_whole_row_and_names_the_one_that_is_left_out() -> None:
    rows = [make_row(n) for n in range(100)]
    file = UsageFile(with_prompts=False, max_bytes=1000)
    left_out = file.add(rows)
    assert len(file.content) <= 1000
    told = read(file.content)
    assert 0 < len(told) == file.rows < 100
    assert left_out == rows[file.rows]
    assert None not in told[-1].values()


# Other people's words


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "  =HYPERLINK(1)",
        "\t=1",
        "\r\n=1",
        "\u200b=1",  # a zero-width space hides it
        "\u202e=1",
        "\uff1d1",  # the full-width sign
        "\ufe62" + "1",  # a small plus
    ],
)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert guarded(text).startswith("'")
    assert "\n" not in guarded(text)


@pytest.mark.parametrize("text", ["a cat", "", "1 = 1", "'=1", "猫 と 犬"])
def test_harmless_words_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


@given(st.text())
def test_whatever_was_asked_makes_one_cell_that_is_no_formula(prompt: str) -> None:
    file = UsageFile(with_prompts=True, max_bytes=10**6)
    assert file.add([make_row(prompt=prompt)]) is None
    (row,) = read(file.content)
    assert row["prompt"] == guarded(prompt)
    assert row["prompt"][:1] not in set("=+-@\t\r\n")


async def test_prompts_are_a_column_only_where_they_are_wanted() -> None:
    store = FakeUsageStore(ended=[make_row(prompt='=cmd|"/c calc"!A1, "quoted"')])
    (with_prompts,) = read(
        (await spending_over(store).export(MAX, days=1, with_prompts=True)).content
    )
    (without,) = read((await spending_over(store).export(MAX, days=1)).content)
    assert with_prompts["prompt"] == '\'=cmd|"/c calc"!A1, "quoted"'
    assert "prompt" not in without
    assert [noted["prompts"] for noted in store.noted] == ["yes", "no"]


def test_a_models_name_is_guarded_too() -> None:
    file = UsageFile(with_prompts=False, max_bytes=10**4)
    file.add([make_row(model="=evil", asked_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC))])
    (row,) = read(file.content)
    assert (row["model"], row["asked_at"]) == ("'=evil", "2026-01-02T03:04:05Z")
