from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from jobs.request import ResolvedRequest
from providers.hosted.api import Order
from providers.http import Http
from providers.modelslab.client import ModelsLabApi
from providers.modelslab.dialects import Dialect
from tests.factories import make_request
from tests.fakes.modelslab.service import FakeModelsLab

KEY = "ml-made-up-key-4711"
TOKEN = "0123456789abcdef" * 2

Maker = Callable[..., ModelsLabApi]
MODELS = {Dialect.V4: "midjourney", Dialect.V6: "wan2.2", Dialect.V7: "kling-v3-t2v"}


@pytest.fixture
async def fake() -> AsyncGenerator[FakeModelsLab]:
    async with FakeModelsLab(key=KEY).open() as fake:
        yield fake


@pytest.fixture
def make_api(http: Http, fake: FakeModelsLab) -> Maker:
    def make(dialect: Dialect = Dialect.V4, *, key: str = KEY) -> ModelsLabApi:
        return ModelsLabApi(http=http, base_url=fake.url, dialect=dialect, key=key)

    return make


@pytest.fixture
def api(make_api: Maker) -> ModelsLabApi:
    return make_api()


def request_of(dialect: Dialect = Dialect.V4, **overrides: Any) -> ResolvedRequest:
    """Return a request that the dialect takes without a warning."""
    plain = {
        Dialect.V4: {"width": 512, "height": 512, "frames": 40, "fps": 8, "steps": 30},
        Dialect.V6: {"width": 512, "height": 512, "frames": 25, "fps": 8, "steps": 20},
        Dialect.V7: {"width": 1024, "height": 576, "frames": 120, "fps": 24, "steps": 25},
    }[dialect]
    values = {"provider": "modelslab", "model": MODELS[dialect], "guidance_scale": 7.5}
    return make_request(**{**values, **plain, **overrides})


def order_of(
    dialect: Dialect = Dialect.V4, *, hook_url: str | None = None, **overrides: Any
) -> Order:
    return Order(request=request_of(dialect, **overrides), token=TOKEN, hook_url=hook_url)
