"""`python -m bot keys`, as an operator uses it."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.settings import child_environment
from jobs.keys import KEY, digest_of
from jobs.quota.operator_file import parse_rules
from jobs.quota.tiers import Setting
from storage.folder import DataFolder

SOURCE = Path(__file__).parents[2]
Keys = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(root=tmp_path / "data")


@pytest.fixture
def keys(tmp_path: Path, folder: DataFolder) -> Keys:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "bot", "keys", *words],
            env=child_environment(
                {"FLIPBOOK_DATA_DIR": str(folder.root), "PYTHONPATH": str(SOURCE)}
            ),
            cwd=tmp_path,  # no `.env` lies there
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def rows(folder: DataFolder, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder.database)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def test_a_key_is_printed_alone_and_once_and_kept_as_its_digest(
    keys: Keys, folder: DataFolder
) -> None:
    made = keys("create", "ana", "--requests-per-minute", "90")
    key = made.stdout.removesuffix("\n")
    assert (made.returncode, made.stderr) == (0, "")
    assert KEY.fullmatch(key)
    assert rows(folder, "SELECT name, digest, requests_per_minute FROM api_key") == [
        ("ana", digest_of(key), 90)
    ]
    listed = keys("list")
    assert "ana" in listed.stdout
    assert key not in listed.stdout


def test_limits_are_kept_with_the_key_and_listed(keys: Keys, folder: DataFolder) -> None:
    limits = ("--limit", "videos_per_day=20", "--limit", "at_once=2", "--limit", "providers=local")
    assert keys("create", "ana", *limits).returncode == 0
    assert rows(folder, "SELECT guild_id, target, setting, value FROM quota_rule") == [
        (0, "key:1", "at_once", "2"),
        (0, "key:1", "providers", '["local"]'),
        (0, "key:1", "videos_per_day", "20"),
    ]
    assert "videos per day: 20 videos" in keys("list").stdout


@pytest.mark.parametrize(
    "words",
    [
        ("create", "a b"),
        ("create", "../ana"),
        ("create", "ana", "--limit", "videos_per_day=0"),
        ("create", "ana", "--limit", "videos_per_day"),
        ("create", "ana", "--limit", "wishes=3"),
        ("create", "ana", "--limit", "providers=nowhere"),
        ("create", "ana", "--requests-per-minute", "0"),
    ],
)
def test_what_makes_no_sense_makes_no_key(
    keys: Keys, folder: DataFolder, words: tuple[str, ...]
) -> None:
    refused = keys(*words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("flipbook: ")
    assert rows(folder, "SELECT * FROM api_key") == []


def test_keys_are_made_and_revoked_while_flipbook_runs(keys: Keys, folder: DataFolder) -> None:
    with folder.hold():
        assert keys("create", "ana").returncode == 0
        assert keys("create", "ana").returncode == 2
        assert keys("revoke", "ana").returncode == 0
        assert "revoked" in keys("list").stdout
    unknown = keys("revoke", "ben")
    assert (unknown.returncode, unknown.stderr) == (1, "flipbook: There is no key named `ben`.\n")


def test_nobody_else_on_the_machine_can_read_the_file(keys: Keys, folder: DataFolder) -> None:
    keys("create", "ana")
    assert folder.database.stat().st_mode & 0o077 == 0


def test_the_operators_file_may_limit_keys() -> None:
    rules = parse_rules('[key]\nwaiting = 10\nat_once = "unlimited"\nproviders = ["local"]\n')
    assert {rule.setting: rule.value for rule in rules.key} == {
        Setting.WAITING: 10,
        Setting.AT_ONCE: None,
        Setting.PROVIDERS: frozenset({"local"}),
    }
