"""docs/providers.md: its limits are those of the code, and each cell of its scale is a test."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.backends import QUEUED_REQUESTS
from bot.settings import Settings
from jobs.errors import RequestError
from jobs.limits import resolve
from jobs.request import LoraUse, ModelInfo, ResolvedRequest, Scheduler, Segment, VideoRequest
from providers.hosted.api import Limits
from providers.modelslab import request as modelslab
from providers.modelslab.client import DEADLINES_S
from providers.modelslab.dialects import Dialect
from providers.modelslab.models import V6_MODELS, V7_MODELS, documented_models, listed_models
from providers.novita import orders as novita
from providers.novita.client import IN_FLIGHT
from providers.novita.models import checkpoints
from providers.novita.wire import Model
from tests.fakes.faults import Kind, Place

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/providers.md"
MAX_RULES = 20
TIERS = ["Bronze", "Silver", "Gold"]

SD_15 = {"sd_name": "toon", "base_model": "SD 1.5", "status": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One service in one dialect: a model of it, and its two pure functions."""

    model: ModelInfo
    check: Callable[[ResolvedRequest], Sequence[str]]
    body: Callable[[ResolvedRequest], Mapping[str, object]]

    def request(self, **changes: Any) -> ResolvedRequest:
        asked = VideoRequest(segments=(Segment(prompt="a lighthouse"),), seed=7)
        resolved = resolve(asked, self.model, draw_seed=lambda: 7)
        return resolved.model_copy(update=changes)

    def honours(self, request: ResolvedRequest) -> bool:
        """Say whether a card would have nothing to tell of it."""
        try:
            return not self.check(request)
        except RequestError:
            return False


def modelslab_column(dialect: Dialect) -> Column:
    listed = listed_models([{"model_id": "midjourney"}]) or ()
    model = (*documented_models(dialect), *listed)[0]
    return Column(
        model=model,
        check=lambda request: modelslab.check(request, dialect),
        body=lambda request: modelslab.write_body(request, dialect),
    )


def novita_column() -> Column:
    (model,) = checkpoints([Model.model_validate(SD_15)])
    return Column(model=model, check=novita.check_order, body=novita.body_of)


COLUMNS = {
    **{f"ModelsLab {dialect}": modelslab_column(dialect) for dialect in Dialect},
    "Novita": novita_column(),
}


def in_two(column: Column) -> dict[str, Any]:
    frames = column.request().frames
    parts = {"a": frames // 2, "b": frames - frames // 2}
    return {"segments": tuple(Segment(prompt=name, frames=n) for name, n in parts.items())}


def of_frames(column: Column, frames: int) -> dict[str, Any]:
    del column
    return {"frames": frames, "segments": (Segment(prompt="a lighthouse", frames=frames),)}


# By row: the changes to a request that ask for it, from the most that there is.
ASKS: dict[str, Callable[[Column, Any], dict[str, Any]]] = {
    "several parts in a prompt": lambda column, _: in_two(column),
    "negative_prompt": lambda _, __: {"negative_prompt": "grain"},
    "width`, `height": lambda _, side: {"width": side, "height": side},
    "frames": of_frames,
    "fps": lambda _, fps: {"fps": fps},
    "steps": lambda _, steps: {"steps": steps},
    "guidance_scale": lambda _, scale: {"guidance_scale": float(scale)},
    "seed": lambda _, __: {"seed": 8},
    "scheduler": lambda _, __: {"scheduler": Scheduler.DDIM},
    "clip_skip": lambda _, skip: {"clip_skip": skip},
    "closed_loop": lambda _, __: {"closed_loop": True},
    "loras": lambda _, __: {"loras": (LoraUse(id="ink"),)},
    "embeddings": lambda _, __: {"embeddings": ("ink",)},
    "image": lambda _, __: {"image": "abc"},
    "enhance_prompt": lambda _, __: {"enhance_prompt": True},
}
MOST = {
    "width`, `height": 1024,
    "frames": 128,
    "fps": 30,
    "steps": 50,
    "guidance_scale": 30,
    "clip_skip": 12,
}


def rows_of(heading: str, number: int = 0) -> list[list[str]]:
    """Return the rows of a table below a heading, its head first, as cells."""
    below = PAGE.read_text().split(f"\n## {heading}\n")[1]
    table = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)[number]
    cells = [line.strip("|").split("|") for line in table.splitlines()]
    return [[cell.strip() for cell in row] for row in cells if not row[0].startswith("--")]


LIMITS = rows_of("What each can do")
CELLS = [
    (row[0].strip("`"), column, cell)
    for row in LIMITS[1:]
    for column, cell in zip(LIMITS[0][1:], row[1:], strict=True)
]


@pytest.mark.parametrize(("option", "column", "cell"), CELLS)
def test_the_documented_limits_are_those_of_the_code(option: str, column: str, cell: str) -> None:
    at = COLUMNS[column]
    asked = at.request(**ASKS[option](at, MOST.get(option)))
    match re.split("[:,]", cell)[0].split():
        case ["yes"]:
            assert at.honours(asked)
            assert at.body(asked) != at.body(at.request())
        case ["no"]:
            assert not at.honours(asked) or option in at.model.note
        case ["refused"]:
            with pytest.raises(RequestError):
                at.check(asked)
        case ["at", "most", most]:
            assert at.honours(at.request(**ASKS[option](at, int(most))))
            assert not at.honours(asked)
        case _:
            pytest.fail(f"not a word of this table: {cell}")


def test_the_documented_limits_of_the_accounts_are_those_of_the_code() -> None:
    rows = {row[0]: row[1:] for row in rows_of("What each can do", 1)}
    deadlines_s = [*DEADLINES_S.values(), Limits(in_flight=1).deadline_s]
    assert rows["given up after"] == [f"{seconds / 60:g} minutes" for seconds in deadlines_s]
    assert re.findall(r"\d+", rows["jobs at once"][0]) == [str(n) for n in QUEUED_REQUESTS.values()]
    submits = Settings.model_fields["novita_submits_per_minute"].default
    assert re.findall(r"\d+", rows["jobs at once"][3]) == [str(IN_FLIGHT), str(submits)]
    assert re.findall(r"`(.*?)`", rows["models"][1]) == list(V6_MODELS)
    assert len(V7_MODELS) == 3  # "Kling 3.0 and two of Seedance"


SCALE = rows_of("How good they are")
RULES = [row for row in SCALE[1:] if not row[0].startswith("**")]


def test_the_scale_has_three_levels_and_at_most_twenty_rules() -> None:
    tiers = [row[0].strip("*").split(":")[0] for row in SCALE[1:] if row[0].startswith("**")]
    assert tiers == TIERS
    assert 0 < len(RULES) <= MAX_RULES
    assert SCALE[0] == ["rule", "ModelsLab", "Novita"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule[0])
def test_each_cell_of_the_scale_is_a_test_that_exists(rule: list[str]) -> None:
    for cell in rule[1:]:
        links = re.findall(r"\[([^\]]+)\]\(([^)]+)\)", cell)
        assert links, f"{rule[0]}: a cell without a test"
        for sentence, target in links:
            name = f"test_{sentence.replace(' ', '_')}"
            source = (PAGE.parent / target).read_text()
            assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), f"{target}: {name}"


def test_the_trouble_named_for_a_new_provider_can_be_scripted() -> None:
    (table,) = re.findall(r"(?:^   \|.*\n)+", PAGE.read_text(), re.MULTILINE)
    cells = [line.split("|")[3] for line in table.splitlines()[2:]]
    named = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
    assert Kind.DROP_AFTER in named
    assert named <= {*Kind, *Place}
