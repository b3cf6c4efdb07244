"""Cards and results fit into Discord's limits and say what is true, whatever the prompt is."""

import re
from collections.abc import Callable
from datetime import timedelta

import discord
import pytest
from discord.ui import LayoutView
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.json_types import JsonObject
from bot.sandbox.rules.components import check_components
from bot.sandbox.world.components import buttons, texts, walk
from cogs.cards import card
from cogs.pages import job_page, state_words
from cogs.results import result
from jobs.model import Failure, Job, JobId, Progress, Receipt, Standing
from jobs.request import LoraUse, ProviderName, ResolvedRequest, Scheduler, Segment
from jobs.states import JobState
from tests.factories import NOW, make_job, make_receipt, make_request

STATES = list(JobState)
OURS = Failure(code="undelivered", message="It does not fit.")
THEIRS = Failure(code="undelivered", message="The channel is gone.", is_ours=False)
CHANGEABLE = ("model", "width", "height", "steps", "fps", "frames", "guidance_scale", "scheduler")
PROMPTS = st.text(min_size=1, max_size=1024) | st.sampled_from(
    ["*" * 1024, "@everyone " * 102, "👩\u200d🚀" * 340, "\u202e|" * 512, "<@1>" * 256, "𐍈" * 1024]
)


def heavy(prompts: list[str], state: JobState) -> Job:
    """Return a job with as much to say as a job can have."""
    request = ResolvedRequest.model_validate(
        make_request(
            loras=tuple(LoraUse(id=f"{'l' * 90}{n}", strength=0.5) for n in range(5)),
            embeddings=tuple(f"{'e' * 90}{n}" for n in range(5)),
            scheduler=Scheduler.DPM_SOLVER_SINGLESTEP,
            clip_skip=2,
            closed_loop=True,
            enhance_prompt=True,
            image="0" * 64,
        ).model_dump()
        | {"segments": [Segment(prompt=prompt, frames=8) for prompt in prompts]}
    )
    job = make_job(request=request, state=state, attempt=1, message_id=99, started_at=NOW)
    return job.evolve(
        warnings=("Novita takes no scheduler. " * 10,) * 8,
        failure=Failure(code="refused", message="The provider said no. " * 100),
        parent_id=JobId("parent01"),
        receipt=make_receipt(
            job,
            price_micros=10_000_000_000,
            currency="USD",
            effective={
                **dict.fromkeys(CHANGEABLE, "𐍈" * 500),
                "prompt": "𐍈nhanced " * 600,
                "seed": 2**64,
            },
        ),
    )


def components(view: LayoutView) -> list[JsonObject]:
    return view.to_components()


def said(view: LayoutView) -> str:
    return "\n".join(texts(components(view)))


def check_limits(view: LayoutView, *, filenames: list[str]) -> None:
    payload = components(view)
    check_components(payload, is_v2=True, filenames=filenames)
    assert view.content_length() <= 4000
    assert sum(len(text.encode("utf-16-le")) // 2 for text in texts(payload)) <= 4000
    assert len(list(walk(payload))) <= 40


@settings(max_examples=60, deadline=None)
@given(st.lists(PROMPTS, min_size=16, max_size=16), st.sampled_from(STATES))
def test_a_card_never_exceeds_a_limit(prompts: list[str], state: JobState) -> None:
    progress = Progress(done=1, total=3, stage="s" * 500, eta_s=1e6)
    view = card(heavy(prompts, state), progress=progress, standing=Standing(ahead=999, eta_s=1e6))
    check_limits(view, filenames=[])


@settings(max_examples=60, deadline=None)
@given(st.lists(PROMPTS, min_size=16, max_size=16))
def test_a_result_never_exceeds_a_limit(prompts: list[str]) -> None:
    job = heavy(prompts, JobState.DONE)
    check_limits(result(job, note="n" * 900), filenames=[job.file_name])


@pytest.mark.parametrize("state", STATES)
def test_a_prompt_can_neither_ping_nor_forge_a_line(state: JobState) -> None:
    prompt = (
        "nice\n### Done\n-# Job `x` · asked by <@2>\n> @everyone <@&5> [here](https://evil.example)"
    )
    job = make_job(request=make_request(prompt=prompt), state=state, attempt=1)
    for view in (card(job), result(job)):
        shown = said(view)
        assert len(re.findall(r"(?<!\\)<@", shown)) == 1  # the requester's own mention
        assert "@everyone" not in shown
        assert "](https" not in shown
        assert "\n### Done\n-# Job `x`" not in shown


def test_a_queued_card_says_what_will_be_missing_and_how_long_it_takes() -> None:
    job = make_job(warnings=("Novita takes no scheduler.",))
    shown = said(card(job, standing=Standing(ahead=2, eta_s=130)))
    assert "⚠️ Novita takes no scheduler." in shown
    assert "**2 videos are ahead.** Ready in about 2 min." in shown
    assert "seed `7` " in shown


@pytest.mark.parametrize(
    ("usual_s", "slow_s", "words"),
    [
        (130, None, "about 2 min"),
        (130, 140, "about 2 min"),
        (130, 250, "about 2\u20134 min"),
        (20, 250, "about 20 s to 4 min"),
        (20, 43, "about 20\u201345 s"),
        (3600, 9000, "about 1 h 0 min to 2 h 30 min"),
    ],
)
def test_a_wait_is_a_range_where_slow_ones_differ(
    usual_s: float, slow_s: float | None, words: str
) -> None:
    standing = Standing(ahead=1, eta_s=usual_s, slow_eta_s=slow_s)
    assert f"**1 video is ahead.** Ready in {words}." in said(card(make_job(), standing=standing))
    assert state_words(make_job(), standing) == f"1 ahead, {words}"


def test_a_render_that_takes_longer_than_usual_says_so() -> None:
    job = make_job(state=JobState.RUNNING, attempt=1)
    late = Standing(is_late=True)
    assert "It takes longer than usual." in said(card(job, standing=late))
    assert state_words(job, late) == "running, longer than usual"
    assert "longer" not in said(card(job))
    assert "longer" not in said(card(job.evolve(state=JobState.FETCHING), standing=late))


def test_a_place_is_shown_without_a_time_that_nobody_measured() -> None:
    assert "**Next in line.**" in said(card(make_job(), standing=Standing(ahead=0)))


def test_a_running_card_draws_only_measured_numbers() -> None:
    job = make_job(state=JobState.RUNNING, attempt=1)
    measured = said(card(job, progress=Progress(done=19, total=50, eta_s=20)))
    assert "▰▰▰▰▱▱▱▱▱▱▱▱ 38 %" in measured
    assert "about 20 s left" in measured
    unknown = said(card(job, progress=Progress(stage="loading the model")))
    assert "loading the model" in unknown
    assert "%" not in unknown


def test_a_bar_is_full_only_at_the_end() -> None:
    job = make_job(state=JobState.RUNNING, attempt=1)
    assert "99 %" in said(card(job, progress=Progress(done=999, total=1000)))


def test_a_render_that_is_being_stopped_cannot_be_stopped_again() -> None:
    view = card(make_job(state=JobState.RUNNING, attempt=1, cancel_requested=True))
    assert "### Stopping" in said(view)
    assert [button.disabled for button in buttons(components(view))] == [True]


@pytest.mark.parametrize("state", [JobState.FETCHING, JobState.READY, JobState.DELIVERING])
def test_a_cancel_that_came_after_the_render_is_not_shown_as_stopping(state: JobState) -> None:
    view = card(make_job(state=state, attempt=1, cancel_requested=True))
    assert "Stopping" not in said(view)
    assert not buttons(components(view))


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"state": JobState.FAILED, "started_at": NOW}, "It cost nothing."),
        ({"state": JobState.CANCELLED}, "It cost nothing."),
        ({"state": JobState.CANCELLED, "started_at": NOW}, "It counts"),
        (
            {
                "state": JobState.UNDELIVERED,
                "failure": Failure(code="x", message="Gone.", is_ours=False),
            },
            "It counts",
        ),
        (
            {"state": JobState.UNDELIVERED, "failure": Failure(code="x", message="Gone.")},
            "It cost nothing.",
        ),
    ],
)
def test_an_ended_card_says_what_the_books_say(fields: dict[str, object], cost: str) -> None:
    assert cost in said(card(make_job(**fields)))


def test_an_unconfirmed_card_promises_no_price() -> None:
    shown = said(card(make_job(state=JobState.UNCONFIRMED, attempt=1)))
    assert "cannot be paid twice" in shown
    assert "cost nothing" not in shown


def test_a_done_card_links_to_the_result_and_holds_no_file() -> None:
    job = make_job(state=JobState.DONE, attempt=1, message_id=99)
    (link,) = buttons(components(card(job)))
    assert link.url == "https://discord.com/channels/2002/3003/99"
    assert "attachment://" not in str(components(card(job)))


def test_a_job_that_waits_for_its_backend_says_when_it_is_tried_again() -> None:
    job = make_job(attempt=1, due_at=NOW + timedelta(minutes=1))
    shown = said(card(job.evolve(setbacks=1)))
    assert f"could not be reached; next try <t:{int(NOW.timestamp()) + 60}:R>." in shown
    assert "takes nothing on just now; next try <t:" in said(card(job))


def test_a_result_names_its_reader_and_everything_that_made_it() -> None:
    job = make_job(
        state=JobState.DELIVERING, attempt=1, request=make_request(scheduler="DDIMScheduler")
    )
    job = job.evolve(receipt=make_receipt(job, seed=123, timings_s={"rendered": 34.2}))
    view = result(job, note="It draws one coloured shape.")
    shown = said(view)
    for part in (
        f"<@{job.requester.user_id}>",
        "seed `123`",
        "`flipbook-shapes`",
        "128\u00d7128",
        "16 frames at 8 fps",
        "12 steps",
        "guidance 4",
        "DDIM",
        "took 34 s",
        f"job `{job.id}`",
        "It draws one coloured shape.",
    ):
        assert part in shown
    assert f"attachment://{job.file_name}" in str(components(view))
    pressed = [button.custom_id for button in buttons(components(view))]
    assert pressed == [f"vid:again:{job.id}", f"case:report:{job.id}"]


def test_a_result_says_what_was_not_honoured() -> None:
    job = make_job(state=JobState.DELIVERING, warnings=("`toy` does not know “cat”.",))
    assert "⚠️ `toy` does not know “cat”." in said(result(job))


def test_a_result_tells_what_was_really_used() -> None:
    job = make_job(state=JobState.DELIVERING, request=make_request(steps=25))
    effective: dict[str, object] = {"steps": 20, "width": 512, "scheduler": "**DDIMScheduler**<@1>"}
    shown = said(result(job.evolve(receipt=make_receipt(job, effective=effective))))
    assert "512\u00d7128" in shown
    assert "20 steps" in shown
    assert "· DDIMScheduler1 ·" in shown


@pytest.mark.parametrize("is_enhanced", [True, False])
def test_a_prompt_that_was_changed_is_shown_as_it_was_used(*, is_enhanced: bool) -> None:
    request = make_request(enhance_prompt=is_enhanced)
    job = make_job(state=JobState.DELIVERING, request=request)
    used: Receipt = make_receipt(job, effective={"prompt": "a lighthouse, masterpiece"})
    assert "Prompt used: \u2068a lighthouse, masterpiece" in said(result(job.evolve(receipt=used)))
    as_asked = make_receipt(job, effective={"prompt": request.segments[0].prompt})
    assert "Prompt used" not in said(result(job.evolve(receipt=as_asked)))


def hosted_job(effective: dict[str, object], **fields: object) -> Job:
    """Return a job that ModelsLab renders, and what it told of it."""
    asked: dict[str, object] = {
        "provider": ProviderName.MODELSLAB,
        "model": "anything-v5",
        "width": 512,
        "height": 512,
        "steps": 30,
        "guidance_scale": 7.5,
        "scheduler": Scheduler.DDIM,
    }
    job = make_job(state=JobState.RUNNING, attempt=1, request=make_request(**asked, **fields))
    return job.evolve(receipt=make_receipt(job, effective=effective))


def info(job: Job) -> LayoutView:
    return job_page(job, None)


@pytest.mark.parametrize("show", [card, result, info])
def test_a_model_that_was_replaced_is_named(show: Callable[[Job], LayoutView]) -> None:
    shown = said(show(hosted_job({"model": "wan2.2"})))
    assert "⚠️ ModelsLab used `wan2.2` instead of `anything-v5`." in shown
    assert "· `wan2.2` ·" in shown


@pytest.mark.parametrize("show", [card, result, info])
def test_values_that_were_changed_are_told_with_what_was_asked(
    show: Callable[[Job], LayoutView],
) -> None:
    told: dict[str, object] = {
        "steps": 20,
        "guidance_scale": 8.0,
        "width": 480,
        "scheduler": "LCMScheduler",
    }
    assert (
        "⚠️ ModelsLab changed size 512\u00d7512 → 480\u00d7512, steps 30 → 20, "
        "guidance 7.5 → 8, scheduler DDIM → LCM."
    ) in said(show(hosted_job(told)))


def test_what_is_as_it_was_asked_is_not_told_as_a_change() -> None:
    same: dict[str, object] = {
        "model": "anything-v5",
        "steps": "30",
        "guidance_scale": "7.50",
        "width": 512.0,
        "seed": 7,
        "scheduler": "DDIMScheduler",
        "strength": 0.55,  # left to the backend
        "prompt": "its own words",
    }
    assert "changed" not in said(result(hosted_job(same)))
    assert "instead of" not in said(result(hosted_job(same)))


def test_the_seed_is_the_one_that_was_really_used() -> None:
    shown = said(result(hosted_job({"seed": 3532512439})))
    assert "seed `3532512439`" in shown
    assert "seed 7 → 3532512439" in shown


def test_an_expected_price_is_told_before_the_work_and_the_real_one_after_it() -> None:
    job = make_job(price_micros=21_000, currency="USD")
    assert "about $0.02" in said(card(job))
    billed = make_receipt(job, price_micros=30_000, currency="USD", price_is_actual=True)
    shown = said(result(job.evolve(receipt=billed)))
    assert "· $0.03" in shown
    assert "about" not in shown


def test_a_render_of_our_own_has_no_price() -> None:
    assert "$" not in said(card(make_job()))


async def test_discord_py_does_not_keep_our_views() -> None:
    assert card(make_job()).is_finished()
    assert result(make_job(state=JobState.DONE)).is_finished()
    assert isinstance(card(make_job()), discord.ui.LayoutView)
