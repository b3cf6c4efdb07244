import aiohttp
import pytest

from bot.web.health import health_routes
from bot.web.server import open_front_door
from jobs.errors import SettingsError


async def well() -> str | None:
    return None


async def ill() -> str | None:
    return "not connected"


async def ask(port: int) -> tuple[int, object]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/healthz") as answer,
    ):
        return answer.status, await answer.json()


async def test_all_is_well_when_every_check_says_so() -> None:
    routes = health_routes({"discord": well, "database": well})
    async with open_front_door("127.0.0.1", 0, routes) as port:
        status, body = await ask(port)
    assert status == 200
    assert body == {"status": "ok", "checks": {"discord": "ok", "database": "ok"}}


async def test_one_failing_check_is_named_with_503() -> None:
    routes = health_routes({"discord": ill, "database": well})
    async with open_front_door("127.0.0.1", 0, routes) as port:
        status, body = await ask(port)
    assert status == 503
    assert body == {"status": "failing", "checks": {"discord": "not connected", "database": "ok"}}


async def test_a_port_that_is_taken_is_a_bad_setting_that_names_itself() -> None:
    async with open_front_door("127.0.0.1", 0, []) as port:
        with pytest.raises(SettingsError, match="FLIPBOOK_HTTP_PORT"):
            async with open_front_door("127.0.0.1", port, []):
                pass
