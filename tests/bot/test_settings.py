from pathlib import Path

import pytest

from bot.settings import Settings, child_environment, load_settings
from jobs.errors import SettingsError
from jobs.request import ProviderName


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run where there is no `.env` and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)


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
        ("LOCAL_SPEED", "warp"),
        ("LOCAL_SPEED", "fp8,fused"),
        ("MODELSLAB_DIALECT", "v5"),
        ("MODELSLAB_PLAN", "gold"),
        ("FLIPBOOK_SAFETY_CHECKER", "maybe"),
        ("NOVITA_SUBMITS_PER_MINUTE", "0"),
        ("FLIPBOOK_DEFAULT_PROVIDER", "sora"),
        ("NOVITA_BASE_URL", "https://user:word@api.novita.ai"),
        ("MODELSLAB_BASE_URL", "https://modelslab.com/?key=x"),
        ("FLIPBOOK_PUBLIC_URL", "https://bot.example/#here"),
        ("FLIPBOOK_KEY_REQUESTS_PER_MINUTE", "0"),
        ("FLIPBOOK_STRANGER_REQUESTS_PER_MINUTE", "often"),
        ("FLIPBOOK_TRUSTED_PROXIES", "the one before"),
        ("FLIPBOOK_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("FLIPBOOK_WEBHOOK_ALLOW", "http://hooks.lan"),
        ("NOVITA_API_KEY", "two words"),
        ("MODELSLAB_API_KEY", "gro\u00dfer-schl\u00fcssel"),
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


@pytest.mark.parametrize("name", ["MODELSLAB_API_KEY", "NOVITA_API_KEY"])
def test_a_bad_key_is_not_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "the-secret with blanks")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "the-secret" not in str(caught.value)


def test_a_copied_key_loses_the_blanks_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOVITA_API_KEY", " sk_made-up\n")
    assert load_settings().secrets == ["sk_made-up"]


def test_a_base_url_of_the_operators_own_may_be_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOVITA_BASE_URL", "http://127.0.0.1:4711")
    assert str(load_settings().novita_base_url) == "http://127.0.0.1:4711/"


def test_devices_are_read_as_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_DEVICES", " 0, 1 ")
    assert load_settings().local_devices == ("0", "1")


def test_lists_of_hosts_and_proxies_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPBOOK_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,fd00::/8")
    monkeypatch.setenv("FLIPBOOK_WEBHOOK_ALLOW", "Hooks.lan, 127.0.0.1:9000")
    settings = load_settings()
    assert [str(one) for one in settings.trusted_proxies] == [
        "127.0.0.1/32",
        "10.0.0.0/8",
        "fd00::/8",
    ]
    assert settings.webhook_allow == ("hooks.lan", "127.0.0.1:9000")


def test_a_child_process_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISCORD_TOKEN", "FLIPBOOK_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, "the-secret")
    monkeypatch.setenv("HARMLESS", "1")
    environment = child_environment({"EXTRA": "2"})
    assert "the-secret" not in environment.values()
    assert environment["HARMLESS"] == "1"
    assert environment["EXTRA"] == "2"
