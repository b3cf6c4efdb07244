"""Other names of models are kept in one file, changed by a command and seen by a running bot."""

import json
from pathlib import Path

import pytest

from bot.__main__ import build_parser
from bot.models import models
from bot.settings import Settings
from jobs.errors import RequestError, SettingsError
from providers.local.library.aliases import (
    NAME,
    AliasesError,
    AliasFile,
    read_aliases,
    write_aliases,
)
from providers.local.library.registry import registry_lock
from tests.fakes.clock import FakeClock


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert read_aliases(tmp_path) == {}
    write_aliases(tmp_path, {"midjourney": "toon", "*": "shapes"})
    assert read_aliases(tmp_path) == {"midjourney": "toon", "*": "shapes"}
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"version": 2}',
        '{"aliases": {"a b": "toon"}}',
        '{"aliases": {"a": "../toon"}}',
        '{"aliases": {"a": 1}}',
        '{"other": {}}',
    ],
)
def test_a_broken_file_is_told_once_and_what_it_said_before_holds(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    names = AliasFile(tmp_path, clock=clock)
    write_aliases(tmp_path, {"a": "toon"})
    assert names.names() == {"a": "toon"}
    (tmp_path / NAME).write_text(content)
    with pytest.raises(AliasesError, match=NAME):
        read_aliases(tmp_path)
    for _ in range(2):
        clock.advance(2)
        assert names.names() == {"a": "toon"}
    assert len([one for one in caplog.records if NAME in one.getMessage()]) == 1


def test_a_change_is_seen_after_two_seconds(tmp_path: Path) -> None:
    clock = FakeClock()
    names = AliasFile(tmp_path, clock=clock)
    assert names.names() == {}
    write_aliases(tmp_path, {"a": "toon"})
    clock.advance(1.9)
    assert names.names() == {}
    clock.advance(0.1)
    assert names.names() == {"a": "toon"}
    (tmp_path / NAME).unlink()
    clock.advance(2)
    assert names.names() == {}


class Command:
    """The command line over one data folder."""

    def __init__(self, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._settings = Settings.model_validate({"FLIPBOOK_DATA_DIR": data_dir})
        self._capsys = capsys

    @property
    def root(self) -> Path:
        return self._settings.models_dir

    async def alias(self, *words: str) -> list[str]:
        arguments = build_parser().parse_args(["models", "alias", *words])
        assert await models(self._settings, arguments) == 0
        return self._capsys.readouterr().out.splitlines()


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


async def test_the_command_adds_lists_and_removes(command: Command) -> None:
    assert await command.alias() == []
    assert await command.alias("midjourney", "shapes") == ["midjourney  shapes"]
    assert await command.alias("*", "shapes") == ["*  shapes"]
    assert await command.alias() == ["*  shapes", "midjourney  shapes"]
    assert json.loads((command.root / NAME).read_text())["aliases"].keys() == {"*", "midjourney"}
    assert await command.alias("midjourney", "--remove") == ["Removed midjourney"]
    assert await command.alias() == ["*  shapes"]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["midjourney"], "needs the ID"),
        (["midjourney", "toon"], "there is no 'toon'"),
        (["mid journey", "shapes"], "printable ASCII"),
        (["m" * 201, "shapes"], "1 to 200"),
        (["", "shapes"], "1 to 200"),
        (["midjourney", "--remove"], "no alias 'midjourney'"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(
    command: Command, words: list[str], wrong: str
) -> None:
    with pytest.raises(RequestError, match=wrong):
        await command.alias(*words)
    assert read_aliases(command.root) == {}


async def test_one_command_at_a_time_changes_the_folder(command: Command) -> None:
    with registry_lock(command.root), pytest.raises(SettingsError, match="at work"):
        await command.alias("midjourney", "shapes")


async def test_a_broken_file_is_named(command: Command) -> None:
    command.root.mkdir(parents=True)
    (command.root / NAME).write_text("{")
    with pytest.raises(SettingsError, match=f"{NAME} cannot be read; repair it"):
        await command.alias()
