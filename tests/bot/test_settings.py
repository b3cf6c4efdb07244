from pathlib import Path

import pytest

from bot.settings import child_environment, load_settings
from jobs.errors import SettingsError
from jobs.request import ProviderName


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run where there is no `.env` and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISCORD_TOKEN", "FLIPBOOK_DATA_DIR", "LOCAL_DEVICES", "FLIPBOOK_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN=from-file\nFLIPBOOK_DEFAULT_PROVIDER=novita\n")
    monkeypatch.setenv("DISCORD_TOKEN", "from-environment")
    settings = load_settings()
    assert settings.require_token() == "from-environment"
    assert settings.default_provider is ProviderName.NOVITA


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "")
    with pytest.raises(SettingsError, match="DISCORD_TOKEN is not set"):
        load_settings().require_token()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLIPBOOK_HTTP_PORT", "99999"),
        ("DISCORD_PROXY", "not a url"),
        ("LOCAL_DEVICES", "gpu0"),
        ("LOCAL_ENABLED", "maybe"),
        ("MODELSLAB_DIALECT", "v5"),
        ("FLIPBOOK_DEFAULT_PROVIDER", "sora"),
    ],
)
def test_a_bad_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_a_bad_secret_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "the-secret")
    monkeypatch.setenv("FLIPBOOK_HTTP_PORT", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "the-secret" not in str(caught.value)
    assert "the-secret" not in repr(load_settings(FLIPBOOK_HTTP_PORT=1))


def test_devices_are_read_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_DEVICES", " 0, 1 ")
    assert load_settings().local_devices == ("0", "1")


def test_a_child_process_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "the-secret")
    monkeypatch.setenv("HARMLESS", "1")
    environment = child_environment({"EXTRA": "2"})
    assert "the-secret" not in environment.values()
    assert environment["HARMLESS"] == "1"
    assert environment["EXTRA"] == "2"
