"""`/mod usage` and `/mod export`: the numbers in words, as a picture and as a file."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Attachment, Fault, Message
from cogs.moderation.usage_pages import export_sentence, span, told, usage_lines
from jobs.moderation.acts import ActKind
from jobs.usage.days import DayOfUse, Usage, days_until
from jobs.usage.spending import Export
from tests.cogs.conftest import WEBHOOK_MESSAGE, House
from tests.cogs.private_answers import invoked
from tests.factories import NOW

TODAY = NOW.date()
ORIGINAL = WEBHOOK_MESSAGE.replace("{message_id}", "@original")
USAGE = Usage(
    days=(
        *(DayOfUse(day=day) for day in days_until(TODAY - timedelta(days=1), 6)),
        DayOfUse(
            day=TODAY,
            videos=1200,
            video_ms=2_400_000,
            money={("novita", "USD"): 10_000_000, ("modelslab", "USD"): 2_345_678},
            waits={10: 700, 300: 500},
            failures={"refused": 4, "internal": 1},
            cancelled=2,
            members={n: 100 - n for n in range(9)},  # 0 is nobody: an account that was deleted
        ),
    ),
    waiting=3,
)


async def answer_to(house: House, command: str, **options: object) -> Message:
    """Use a command of `/mod` and return the answer, which is for the moderator alone."""
    return await invoked(house, house.sandbox.max, f"mod {command}", **options)


async def finished(house: House, client: FlipbookClient, **options: object) -> str:
    """Have Ben make a video, and return its job's id."""
    job, card = await house.queued(house.sandbox.ben, **options)
    async with house.running(client):
        await house.sandbox.wait_for(lambda: "### Done" in card.text)
    return job.id


def file_of(answer: Message) -> Attachment:
    """Return the one file that a reader sees."""
    (file,) = answer.shown_attachments
    return file


async def test_usage_shows_totals_and_a_picture_that_is_told_in_words(
    house: House, client: FlipbookClient
) -> None:
    await finished(house, client)
    answer = await answer_to(house, "usage", days=7)
    assert "### The last 7 days" in answer.text
    assert "**1 video · 2 s of video**" in answer.text
    assert f"Most videos: <@{house.sandbox.ben.id}> 1" in answer.text
    picture = file_of(answer)
    assert picture.content.startswith(b"\x89PNG")
    assert picture.description is not None
    assert "1 video, most on" in picture.description
    (drawn,) = house.plotter.drawn
    assert (len(drawn.days), drawn.videos) == (7, 1)


@pytest.mark.usefixtures("client")
async def test_usage_shows_thirty_days_unless_it_is_told_otherwise(
    house: House,
) -> None:
    assert "### The last 30 days" in (await answer_to(house, "usage")).text


@pytest.mark.usefixtures("client")
async def test_a_server_in_which_nothing_was_made_gets_a_sentence_and_no_picture(
    house: House,
) -> None:
    answer = await answer_to(house, "usage", days=90)
    assert "No video was made here, and none failed." in answer.text
    assert answer.attachments == []


async def test_without_a_picture_the_numbers_come_with_the_reason(
    house: House, client: FlipbookClient
) -> None:
    await finished(house, client)
    house.plotter.trouble = "There is no picture: no pencil."
    answer = await answer_to(house, "usage")
    assert "**1 video · 2 s of video**" in answer.text
    assert "-# There is no picture: no pencil." in answer.text
    assert answer.attachments == []


@pytest.mark.usefixtures("client")
async def test_a_period_that_is_not_offered_is_refused(
    house: House,
) -> None:
    assert (await answer_to(house, "usage", days=8)).text == "`days` must be 7, 30 or 90."


async def test_an_export_is_a_file_without_prompts_and_an_act(
    house: House, client: FlipbookClient
) -> None:
    job_id = await finished(house, client, prompt="zanzibar")
    answer = await answer_to(house, "export", days=7)
    today = house.clock.now().date()
    first = today - timedelta(days=6)
    assert answer.text == f"1 row, {first} to {today} (UTC), without prompts."
    file = file_of(answer)
    assert file.filename == f"flipbook-{first}-to-{today}.csv"
    text = file.content.decode("utf-8-sig")
    assert text.splitlines()[0].startswith("id,asked_at,member_id,provider,model,state,")
    assert f"{job_id},{house.clock.now():%Y-%m-%d}" in text
    assert "zanzibar" not in text
    (past,) = await house.audit.acts(int(house.sandbox.guild.id), limit=5)
    assert past.act.kind is ActKind.USAGE_EXPORT
    assert past.act.actor_id == int(house.sandbox.max.id)
    assert past.after == {"days": f"{first} to {today}", "rows": "1", "prompts": "no"}


async def test_an_export_with_prompts_holds_no_formula(
    house: House, client: FlipbookClient
) -> None:
    await finished(house, client, prompt="=HYPERLINK(1)")
    answer = await answer_to(house, "export", prompts=True)
    assert answer.text.endswith("with prompts.")
    text = file_of(answer).content.decode("utf-8-sig")
    assert text.splitlines()[1].endswith(",'=HYPERLINK(1)")


@pytest.mark.usefixtures("client")
async def test_an_export_that_makes_no_sense_is_refused_and_is_no_act(
    house: House,
) -> None:
    answer = await answer_to(house, "export", until="soon")
    assert answer.text == "`until` must be a day that has begun, such as `2026-11-30`."
    assert await house.audit.acts(int(house.sandbox.guild.id), limit=5) == []


@pytest.mark.parametrize("fault", [Fault.drop_before(), Fault.drop_after()])
@pytest.mark.parametrize("command", ["usage", "export"])
async def test_an_answer_whose_connection_breaks_is_sent_again_with_its_file(
    house: House, client: FlipbookClient, command: str, fault: Fault
) -> None:
    await finished(house, client)
    struck = house.sandbox.faults.add("PATCH", ORIGINAL, fault)
    answer = await answer_to(house, command)
    assert struck.hits == 1
    assert file_of(answer).content


# Words


def test_the_totals_stand_on_a_few_lines() -> None:
    assert usage_lines(USAGE) == [
        "### The last 7 days",
        "**1,200 videos · 40 min of video · $12.35**",
        "Money: Novita $10.00, ModelsLab $2.35",
        "Waiting: half at most 10 s, nine of ten at most 5 min.",
        "Most videos: <@1> 99 · <@2> 98 · <@3> 97 · <@4> 96 · <@5> 95",
        "Not posted: 5 failed (refused by the provider 4, fault of Flipbook 1); 2 cancelled.",
        "-# A video counts on the day it ended, in UTC; today is not over. 3 videos still open.",
    ]


def test_two_currencies_are_never_added() -> None:
    day = DayOfUse(day=TODAY, videos=1, money={("novita", "USD"): 1_000_000, ("novita", "CHF"): 5})
    lines = usage_lines(Usage(days=(day,)))
    assert "**1 video · 0 s of video · $1.00 · 0.0000050 CHF**" in lines


def test_the_picture_is_told_to_those_who_do_not_see_it() -> None:
    assert told(USAGE) == (
        "Charts by day from 15 November 2026 to 21 November 2026. 1,200 videos, most on "
        "21 November 2026 (1,200); 40 min of video. Money: Novita $10.00, ModelsLab $2.35. "
        "Waiting: half at most 10 s, nine of ten at most 5 min. "
        "Not posted: 5 failed (refused by the provider 4, fault of Flipbook 1); 2 cancelled."
    )


def test_what_is_told_of_a_picture_is_never_longer_than_discord_takes() -> None:
    failures = {f"{'x' * 200}_{n}": 1 for n in range(50)}
    usage = Usage(days=(replace(USAGE.days[-1], failures=failures),))
    assert len(told(usage)) <= 1024


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h")],
)
def test_a_span_is_told_in_fitting_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_full_file_says_what_is_missing_and_how_to_get_it() -> None:
    export = Export(
        first=date(2026, 10, 23),
        last=TODAY,
        content=b"",
        rows=50_000,
        with_prompts=True,
        left_out=NOW - timedelta(days=2),
    )
    assert export_sentence(export) == (
        "50,000 rows, 2026-10-23 to 2026-11-21 (UTC), with prompts. **The file is full:** what "
        "ended before 2026-11-19 12:00 is not in it. For that, ask for `until:2026-11-19`, or "
        "for fewer days."
    )
