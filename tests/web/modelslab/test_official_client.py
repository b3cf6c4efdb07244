"""ModelsLab's own Python client, `modelslab_py` 0.2.3, unchanged, from its prompt to a film."""

import asyncio
import importlib
import io
import warnings
from types import ModuleType
from typing import Any

import av
import pytest

from jobs.states import JobState
from tests.web.modelslab.conftest import KEY, WRONG_KEY, House

# It is written for pydantic 1, and says so at every import and call.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")


def part(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(f"modelslab_py.{name}")


@pytest.fixture
def plays_real_files() -> bool:
    return True


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")  # `requests` asks the environment


def videos(house: House, key: str = KEY) -> Any:
    """Return the client's part for videos, as its README makes it, but for its base URL."""
    client = part("core.client").Client(api_key=key, fetch_retry=1, fetch_timeout=0)
    client.base_url = f"{house.base}/api/"
    return part("core.apis.video").Video(client=client)


def order(**fields: object) -> Any:
    return part("schemas.video").Text2Video(
        model_id="wan2.2", prompt="a red circle moving left", **fields
    )


@pytest.mark.usefixtures("no_proxy")
async def test_the_official_client_gets_its_film(house: House) -> None:
    house.aliases["*"] = "shapes"
    client, asked_for = videos(house), order(seed=7, output_type="mp4", track_id="t")
    asked = await asyncio.to_thread(client.text_to_video, asked_for)
    assert asked["status"] == "processing"
    assert (asked["meta"]["seed"], asked["meta"]["num_frames"]) == (7, 30)
    waiting = await asyncio.to_thread(client.fetch, str(asked["id"]))
    assert waiting["status"] == "processing"
    async with house.rendering():
        await house.until(asked["id"], JobState.DONE)
    done = await asyncio.to_thread(client.fetch, str(asked["id"]))
    assert done["status"] == "success"
    async with house.session.get(done["output"][0]) as response:
        assert response.content_type == "video/mp4"
        film = await response.read()
    with av.open(io.BytesIO(film), "r") as file:
        frames = [(frame.width, frame.height) for frame in file.decode(video=0)]
    assert frames == [(512, 512)] * 30  # the model drew 256, the client asked for 512
    meta = done["meta"]
    assert (meta["width"], meta["rendered_width"]) == (512, 256)


@pytest.mark.usefixtures("no_proxy")
async def test_the_official_client_reads_every_refusal(house: House) -> None:
    client, wrong = videos(house), videos(house, WRONG_KEY)
    answers = [
        await asyncio.to_thread(wrong.text_to_video, order()),
        await asyncio.to_thread(client.text_to_video, order()),
        await asyncio.to_thread(client.text_to_video, order(num_frames=129)),
        await asyncio.to_thread(client.fetch, "1"),
    ]
    assert [answer["status"] for answer in answers] == ["error", "error", "error", "failed"]
    assert answers[0]["message"] == "Invalid Api Key"
    assert answers[1]["message"] == "Model id not found"
