"""What the docs say is there, and what is there is in the docs."""

import argparse
import re
from pathlib import Path

import pytest

from bot.__main__ import build_parser
from bot.settings import Settings
from jobs.request import ModelDefaults, VideoRequest
from providers.local.library.folder import Card

ROOT = Path(__file__).parents[2]
SETTINGS = [str(field.alias) for field in Settings.model_fields.values()]


def subcommands() -> dict[str, argparse.ArgumentParser]:
    for action in build_parser()._actions:
        if isinstance(action.choices, dict):
            return action.choices
    raise AssertionError("there are no commands")


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_documented_and_in_the_example(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/settings.md").read_text()
    assert re.search(rf"^#?{name}=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_the_documented_settings_exist() -> None:
    told = re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(SETTINGS)


def test_the_documented_defaults_are_the_real_ones() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)?", text, re.MULTILINE))
    for field in Settings.model_fields.values():
        value = field.default
        shown = ",".join(value) if isinstance(value, tuple) else value
        expected = "" if shown is None else str(shown).rstrip("/")
        if isinstance(value, float):
            expected = f"{value:g}"
        assert told[str(field.alias)].removeprefix("./") == expected, field.alias


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs/commands.md").read_text()
    for name in subcommands():
        assert re.search(rf"^\| `{name}[ `]", text, re.MULTILINE), name


def test_render_has_an_option_for_every_field_of_a_request() -> None:
    options = {
        option.removeprefix("--").replace("-", "_")
        for action in subcommands()["render"]._actions
        for option in action.option_strings
    }
    assert set(VideoRequest.model_fields) - {"segments"} <= options
    text = (ROOT / "docs/commands.md").read_text()
    for field in set(VideoRequest.model_fields) - {"segments"}:
        assert f"--{field.replace('_', '-')}" in text


def test_every_field_of_a_models_card_is_documented() -> None:
    text = (ROOT / "docs/models.md").read_text()
    told = re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE)
    assert sorted(told) == sorted(Card.model_fields)
    for field in ModelDefaults.model_fields:
        assert f'"{field}"' in text


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "CONTRIBUTING.md"),
        *("docs/design.md", "docs/models.md", "docs/commands.md", "docs/sandbox.md"),
        *("docs/providers.md", "docs/settings.md", "docs/benchmarks.md", "docs/api.md"),
        *("docs/moderation.md", "docs/parameters.md"),
    ],
)
def test_links_inside_the_project_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in re.findall(r"\]\(((?!https?://)[^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_make_targets_named_in_the_docs_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
            assert target in targets, f"{page.name}: make {target}"


def test_the_example_of_an_end_to_end_test_is_one_that_runs() -> None:
    page = (ROOT / "docs/sandbox.md").read_text()
    (example,) = re.findall(r"```python\n(async def .*?)```", page, re.DOTALL)
    assert example in (ROOT / "tests/e2e/test_example.py").read_text()
    assert len(example.splitlines()) <= 10
