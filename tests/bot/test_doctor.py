"""`doctor` says what works and what does not, spends nothing, and tells no key."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.doctor import doctor
from bot.settings import Settings, load_settings
from bot.web.health import health_routes
from bot.web.server import open_front_door
from jobs.request import ProviderName
from tests.fakes.faults import Kind, Place
from tests.fakes.modelslab.service import FakeModelsLab
from tests.fakes.novita.service import FakeNovita

KEY = "sk_made-up_and_never_told"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run where there is no `.env` and none of our variables."""
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.alias), raising=False)


@pytest.fixture
async def novita() -> AsyncIterator[FakeNovita]:
    async with FakeNovita(key=KEY).open() as fake:
        yield fake


@pytest.fixture
async def modelslab() -> AsyncIterator[FakeModelsLab]:
    async with FakeModelsLab(key=KEY).open() as fake:
        yield fake


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def settings_for(fake: FakeNovita, *, port: int | None = None, key: str = KEY) -> Settings:
    """Return settings for one fake; with a port, the outside reaches it on loopback."""
    values: dict[str, object] = {"NOVITA_API_KEY": key, "NOVITA_BASE_URL": fake.url}
    if port is not None:
        values["FLIPBOOK_HTTP_PORT"] = port
        values["FLIPBOOK_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
    return load_settings(**values)


async def test_a_provider_that_works_is_found_to_work_and_nothing_is_billed(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await doctor(settings_for(novita, port=free_port()))
    out = capsys.readouterr().out
    for line in (
        f"ok    novita: is set up for {novita.url}",
        "ok    novita: takes the key",
        "ok    novita: its test webhook arrives",
    ):
        assert line in out
    assert "leads here" in out
    assert "FAIL" not in out
    assert novita.bills == []


async def test_a_webhook_that_never_comes_is_a_failure(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    novita.script(Place.WEBHOOK, Kind.LOST)
    assert not await doctor(settings_for(novita, port=free_port()), hook_wait_s=0.2)
    assert "FAIL  novita: its test webhook arrives: none came" in capsys.readouterr().out


async def test_a_bad_key_is_told_apart_from_a_service_that_is_away(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not await doctor(settings_for(novita, key=KEY + "x"))
    out = capsys.readouterr().out
    assert "ok    novita: answers" in out
    assert "FAIL  novita: takes the key" in out
    assert KEY not in out


async def test_a_service_that_is_away_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings(NOVITA_API_KEY=KEY, NOVITA_BASE_URL=f"http://127.0.0.1:{free_port()}")
    assert not await doctor(settings)
    assert "FAIL  novita: answers" in capsys.readouterr().out


async def test_a_service_that_says_later_is_neither_well_nor_ill(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def later(_: web.Request) -> web.Response:
        return web.json_response({"code": 429, "reason": "RATE_LIMIT_EXCEEDED"}, status=429)

    async with open_front_door("127.0.0.1", 0, [web.get("/v3/model", later)]) as port:
        settings = load_settings(NOVITA_API_KEY=KEY, NOVITA_BASE_URL=f"http://127.0.0.1:{port}")
        assert await doctor(settings)
    assert "note  novita: takes no questions just now" in capsys.readouterr().out


async def test_without_a_public_address_it_says_what_that_costs(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await doctor(settings_for(novita))
    assert "note  webhooks: FLIPBOOK_PUBLIC_URL is not set" in capsys.readouterr().out


async def test_while_the_bot_runs_only_the_way_to_it_is_tried(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_front_door("127.0.0.1", 0, health_routes({})) as port:
        assert await doctor(settings_for(novita, port=port))
    out = capsys.readouterr().out
    assert f"ok    webhooks: http://127.0.0.1:{port}/healthz is answered by the running bot" in out
    assert "note  webhooks: not tried from outside" in out
    assert novita.heard == []


async def test_a_port_that_somebody_else_has_is_a_failure(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_front_door("127.0.0.1", 0, []) as port:
        assert not await doctor(settings_for(novita, port=port))
    assert "FAIL  webhooks: " in capsys.readouterr().out


async def test_a_public_address_needs_a_port_that_is_known(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_for(novita, port=free_port()).model_copy(update={"http_port": 0})
    assert not await doctor(settings)
    assert "FAIL  webhooks: FLIPBOOK_HTTP_PORT" in capsys.readouterr().out


@pytest.mark.parametrize("dialect", ["v4", "v6", "v7"])
async def test_modelslab_is_probed_without_a_bill_and_its_webhooks_are_not_claimed(
    modelslab: FakeModelsLab, capsys: pytest.CaptureFixture[str], dialect: str
) -> None:
    port = free_port()
    settings = load_settings(
        MODELSLAB_API_KEY=KEY,
        MODELSLAB_BASE_URL=modelslab.url,
        MODELSLAB_DIALECT=dialect,
        FLIPBOOK_HTTP_PORT=port,
        FLIPBOOK_PUBLIC_URL=f"http://127.0.0.1:{port}",
    )
    assert await doctor(settings)
    out = capsys.readouterr().out
    assert "ok    modelslab: takes the key" in out
    assert "note  modelslab: has no test mode" in out
    assert modelslab.bills == []


async def test_one_provider_can_be_picked(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not await doctor(settings_for(novita), only=ProviderName.MODELSLAB)
    out = capsys.readouterr().out
    assert "FAIL  modelslab: is set up: MODELSLAB_API_KEY is not set." in out
    assert "novita" not in out


async def test_without_any_key_there_is_nothing_to_probe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not await doctor(load_settings())
    assert "set MODELSLAB_API_KEY or NOVITA_API_KEY" in capsys.readouterr().out


async def test_the_receiver_takes_nothing_that_does_not_know_its_token(
    novita: FakeNovita, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger's webhook must not stand for Novita's."""
    port = free_port()
    novita.script(Place.WEBHOOK, Kind.LOST)
    settings = settings_for(novita, port=port)

    async def stranger() -> None:
        await novita.until(submit=1)
        url = f"http://127.0.0.1:{port}/hooks/novita/{'0' * 32}"
        async with aiohttp.ClientSession() as session, session.post(url, json={}) as answer:
            assert answer.status == 404

    knocking = asyncio.create_task(stranger())
    assert not await doctor(settings, hook_wait_s=1.0)
    await knocking
    assert "none came" in capsys.readouterr().out
