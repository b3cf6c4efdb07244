"""Which backends are on, and that a hosted one renders from the command line to the file."""

import argparse
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import open_parts
from bot.backends import base_of, hosted_providers, load_prices, open_api, without_backends
from bot.check import check
from bot.render import add_arguments, render, report
from bot.settings import Settings, load_settings
from jobs.errors import FlipbookError, RefusedError, SettingsError, UnavailableError
from jobs.request import ProviderName
from tests.factories import make_request
from tests.fakes.faults import Kind, Place
from tests.fakes.hosted import FakeService
from tests.fakes.modelslab.service import FakeModelsLab
from tests.fakes.novita.service import FakeNovita

KEY = "sk_made-up_and_never_told"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run where there is no `.env` and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)


@pytest.fixture(params=[FakeNovita, FakeModelsLab])
async def service(request: pytest.FixtureRequest) -> AsyncIterator[FakeService]:
    made: FakeService = request.param(key=KEY)
    async with made.open() as fake:
        yield fake


def name_of(service: FakeService) -> ProviderName:
    is_novita = isinstance(service, FakeNovita)
    return ProviderName.NOVITA if is_novita else ProviderName.MODELSLAB


def settings_for(service: FakeService, **overrides: object) -> Settings:
    prefix = name_of(service).upper()
    values: dict[str, object] = {
        f"{prefix}_API_KEY": KEY,
        f"{prefix}_BASE_URL": service.url,
        "LOCAL_ENABLED": "off",
        **overrides,
    }
    return load_settings(**values)


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(["a lighthouse", *words])


async def test_one_video_is_rendered_and_billed_once(
    service: FakeService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, output = name_of(service), tmp_path / "lighthouse.mp4"
    words = ("-o", str(output), "--provider", name, "--seed", "7")
    job = await render(settings_for(service), arguments(*words))
    report(job, as_json=True)
    receipt = json.loads(capsys.readouterr().out)
    assert len(service.bills) == 1
    assert output.stat().st_size > 0
    assert receipt["provider"] == name
    assert receipt["seed"] == 7
    assert receipt["provider_job_id"] == service.bills[0]["id"]
    assert KEY not in json.dumps(receipt)
    assert KEY not in output.read_bytes().decode("latin-1")


async def test_what_is_refused_is_one_sentence_and_no_bill(
    service: FakeService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(service)
    service.key = "another key"
    words = ("-o", str(tmp_path / "x.mp4"), "--provider", name_of(service))
    with pytest.raises(FlipbookError) as caught:
        report(await render(settings, arguments(*words)), as_json=False)
    assert service.bills == []
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text


async def test_check_says_that_a_hosted_provider_answers(
    service: FakeService, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(service, DISCORD_TOKEN="x.y.z")
    assert await check(settings)
    assert f"ok    {name_of(service)}: it answers (" in capsys.readouterr().out
    service.script(Place.MODELS, Kind.DROP, times=100)
    assert not await check(settings)
    assert f"FAIL  {name_of(service)}: it answers" in capsys.readouterr().out


async def test_a_provider_without_a_key_is_off(tmp_path: Path) -> None:
    settings = load_settings(LOCAL_ENABLED="off")
    assert hosted_providers(settings) == []
    async with open_parts(settings, store_dir=tmp_path) as parts:
        assert parts.catalogue.providers() == []
    with pytest.raises(SettingsError, match="NOVITA_API_KEY is not set"):
        async with open_api(settings, ProviderName.NOVITA):
            pass


async def test_commands_that_render_nothing_ask_no_provider(
    service: FakeService, tmp_path: Path
) -> None:
    async with open_parts(without_backends(settings_for(service)), store_dir=tmp_path) as parts:
        assert parts.catalogue.providers() == []
    assert not service.counts


async def test_a_default_provider_that_is_off_is_told_to_the_operator(
    service: FakeService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_parts(settings_for(service), store_dir=tmp_path):
        assert "FLIPBOOK_DEFAULT_PROVIDER is local, which is off" in caplog.text


@pytest.mark.parametrize(("plan", "queued"), [("payg", 5), ("standard", 10), ("premium", 15)])
async def test_the_plan_sets_how_many_jobs_modelslab_holds(plan: str, queued: int) -> None:
    settings = load_settings(MODELSLAB_API_KEY=KEY, MODELSLAB_PLAN=plan)
    async with open_api(settings, ProviderName.MODELSLAB) as (api, _):
        assert api.limits.in_flight == queued


async def test_novitas_limit_is_the_operators_to_raise() -> None:
    settings = load_settings(NOVITA_API_KEY=KEY, NOVITA_SUBMITS_PER_MINUTE=20)
    async with open_api(settings, ProviderName.NOVITA) as (api, _):
        assert api.limits.submits_per_minute == 20
        assert api.endpoint == base_of(settings.novita_base_url) == "https://api.novita.ai"


def test_prices_come_with_flipbook_and_are_the_operators_to_change(tmp_path: Path) -> None:
    settings = load_settings(FLIPBOOK_DATA_DIR=tmp_path)
    request = make_request(provider=ProviderName.NOVITA, model="any", width=512, height=512)
    assert load_prices(settings).price_of(request)
    (tmp_path / "prices.toml").write_text('[novita."*"]\nper_video = 1.5\n')
    assert load_prices(settings).price_of(request) == 1_500_000
    (tmp_path / "prices.toml").write_text("[novita]\nper_video = 'much'\n")
    with pytest.raises(SettingsError, match=r"prices\.toml"):
        load_prices(settings)


async def test_a_job_is_looked_at_where_it_was_submitted_after_the_base_url_changed() -> None:
    async with FakeNovita(key=KEY).open() as old, FakeNovita(key=KEY).open() as new:
        settings = settings_for(new)
        async with open_api(settings, ProviderName.NOVITA, earlier=[old.url]) as (api, _):
            with pytest.raises(RefusedError):  # it was asked, and knows no such task
                await api.look("unknown", endpoint=old.url)
        async with open_api(settings, ProviderName.NOVITA) as (api, _):
            with pytest.raises(UnavailableError):
                await api.look("unknown", endpoint=old.url)
