"""docs/parameters.md: who honours what is what the providers themselves answer."""

import re
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bot.clock import SystemClock
from jobs.errors import RequestError
from jobs.request import ResolvedRequest, Scheduler, Segment, VideoFormat
from providers.local import emphasis, wording
from providers.local.engine import pieces
from providers.local.provider import LocalProvider
from providers.novita import orders
from tests.docs.parameters_page import DOCS, HONOURS, NAMES, PAGE, SCHEDULERS, numbers, quoted
from tests.docs.test_providers import ASKS, COLUMNS, MOST, Column
from tests.local.videos import SHAPES, add_adapters


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Column:
    """The local engine with a model that knows a language, and with additions named `ink`."""
    models = tmp_path_factory.mktemp("models")
    plain = models / "plain"
    shutil.copytree(SHAPES, plain)
    (plain / "flipbook.json").unlink()
    add_adapters(models)
    for kind, name in (("loras", "glow"), ("embeddings", "swirl")):
        shutil.copy(models / kind / f"{name}.safetensors", models / kind / "ink.safetensors")
    engine = LocalProvider(
        models_dir=models,
        scratch_dir=tmp_path_factory.mktemp("scratch"),
        devices=("cpu",),
        clock=SystemClock(),
        env={},
    )
    (model,) = [model for model in engine.models() if model.id == "plain"]
    return Column(model=model, check=engine.check, body=ResolvedRequest.model_dump)


CELLS = [
    (quoted(row[0])[0] if "`" in row[0] else row[0], column, cell)
    for row in HONOURS[1:]
    for column, cell in zip(HONOURS[0][1:], row[1:], strict=True)
]
OWN_ASKS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("local", "embeddings"): {
        "embeddings": ("ink",),
        "segments": (Segment(prompt="a lighthouse in ink", frames=16),),
    },
    ("local", "model"): {
        "model": "shapes",
        "segments": (Segment(prompt="a red circle", frames=16),),
    },
    ("local", "strength"): {"image": "0" * 64, "strength": 0.5},
}


def changes(at: Column, column: str, option: str) -> dict[str, Any]:
    """Return what asks for an option, at the far end of its range."""
    if (column, option) in OWN_ASKS:
        return OWN_ASKS[column, option]
    ours: dict[str, dict[str, Any]] = {
        "model": {"model": "another"},
        "strength": {"strength": 0.5},
        "format": {"format": VideoFormat.GIF},
    }
    if option in ours:
        return ours[option]
    key = "width`, `height" if option == "width" else option
    return ASKS[key](at, MOST.get(key))


def test_every_parameter_of_the_documents_has_a_row() -> None:
    fields = {name for name, row in NAMES.items() if quoted(row[3]) or quoted(row[4])}
    rows = {name for row in HONOURS[1:] for name in quoted(row[0])}
    assert fields - rows == {"segments"}
    assert HONOURS[1][0] == "several parts in a prompt"


@pytest.mark.parametrize(("option", "column", "cell"), CELLS)
def test_each_provider_answers_as_the_table_says(
    local: Column, option: str, column: str, cell: str
) -> None:
    at = local if column == "local" else COLUMNS[column]
    asked = at.request(**changes(at, column, option))
    match re.split("[:,]", cell)[0].split():
        case ["yes"]:
            assert at.honours(asked), at.check(asked)
            assert at.body(asked) != at.body(at.request())
        case ["made", "here"]:
            assert at.honours(asked)
            assert at.body(asked) == at.body(at.request())
        case ["no"]:
            assert at.check(asked)
        case ["refused"]:
            with pytest.raises(RequestError):
                at.check(asked)
        case ["at", "most", most]:
            assert at.honours(at.request(**ASKS[option](at, int(most))))
            assert not at.honours(asked)
        case _:
            pytest.fail(f"not a word of this table: {cell}")


def test_the_shortest_part_at_novita_is_the_documented_one() -> None:
    (cell,) = [row[3] for row in HONOURS if row[0] == "several parts in a prompt"]
    assert numbers(cell) == [orders.MIN_PART_FRAMES]
    assert f"more than {orders.MAX_PART_FRAMES} frames" in PAGE


CALLS: Mapping[str, Callable[[int], int]] = {
    "N": lambda steps: steps,
    "N + 1": lambda steps: steps + 1,
    "2N": lambda steps: 2 * steps,
    "2N \N{MINUS SIGN} 1": lambda steps: 2 * steps - 1,
}


def test_all_18_schedulers_are_told_of() -> None:
    assert list(SCHEDULERS) == [scheduler.value for scheduler in Scheduler]


@pytest.mark.parametrize("scheduler", Scheduler)
def test_a_scheduler_costs_and_does_what_the_table_says(
    local: Column, scheduler: Scheduler
) -> None:
    calls, answer = SCHEDULERS[scheduler]
    asked = local.request(scheduler=scheduler, steps=20, guidance_scale=1.0)
    drawn = local.request(
        scheduler=scheduler, steps=40, guidance_scale=1.0, image="0" * 64, strength=0.5
    )
    assert drawn.unet_calls == CALLS[calls](20)
    match answer.split(":")[0].split(","):
        case ["yes"]:
            assert local.check(asked) == []
            assert asked.unet_calls == CALLS[calls](20)
        case ["with an init image"]:
            assert local.check(drawn) == []
            for refused in (asked, drawn.model_copy(update={"strength": 1.0})):
                with pytest.raises(RequestError):
                    local.check(refused)
        case ["with LCM weights", *_]:
            (warning,) = local.check(asked)
            assert "LCM" in warning
        case _:
            pytest.fail(f"not a word of this table: {answer}")


def test_the_numbers_of_weights_and_pieces_are_those_of_the_code() -> None:
    told = " ".join(PAGE.split("## Prompts")[1].split())
    once, twice = emphasis.phrases("(a) b ((c))")[::2]
    assert f"count {once.weight:g} times, `((x))` {twice.weight:.2f} times" in told
    assert f"Weights below {emphasis.LIGHTEST:g} count as {emphasis.LIGHTEST:g}" in told
    assert f"those above {emphasis.HEAVIEST:g} as {emphasis.HEAVIEST:g}." in told
    assert f"among its last {pieces.REACH} tokens" in told


def test_the_looks_of_an_enhanced_prompt_are_those_of_the_code() -> None:
    told = PAGE.split("The looks are:\n\n")[1].splitlines()
    assert told == [f"- {', '.join(look)}" for look in wording.LOOKS]
    assert f"*{', '.join(wording.QUALITY)}*" in PAGE


def test_the_sentence_of_novitas_document_about_clip_skip_is_told() -> None:
    told = " ".join(PAGE.split())
    assert 'says that 2 "would stop at 10th layer", which differs by one' in told
    assert "clip_skip" not in COLUMNS["Novita"].body(COLUMNS["Novita"].request(clip_skip=1))
    assert COLUMNS["Novita"].body(COLUMNS["Novita"].request(clip_skip=2))["clip_skip"] == 2


def test_links_of_the_page_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", PAGE)
    titles = [title.lower() for title in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)]
    anchors = {*(title.replace(" ", "-") for title in titles), *re.findall(r'id="(.*?)"', PAGE)}
    assert len(targets) > 4
    for target in targets:
        file, _, anchor = target.partition("#")
        assert (DOCS / file).exists() if file else anchor in anchors, target
