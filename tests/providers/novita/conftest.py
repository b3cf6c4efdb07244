from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from providers.hosted.api import Order
from providers.http import Http
from providers.novita.client import NovitaApi
from tests.factories import make_request
from tests.fakes.novita.service import FakeNovita

MODEL = "dreamshaper_8_93211.safetensors"
KEY = "sk_made_up_novita_key"
Make = Callable[..., Order]


@pytest.fixture
async def fake() -> AsyncGenerator[FakeNovita]:
    async with FakeNovita(key=KEY).open() as fake:
        yield fake


@pytest.fixture
def api(http: Http, fake: FakeNovita) -> NovitaApi:
    return NovitaApi(http=http, base_url=fake.url, key=KEY)


@pytest.fixture
def make_order() -> Make:
    def make(hook_url: str | None = None, **overrides: Any) -> Order:
        values = {"model": MODEL, "width": 256, "height": 256, "provider": "novita"}
        request = make_request(**{**values, **overrides})
        return Order(request=request, token="ab" * 16, hook_url=hook_url)

    return make
