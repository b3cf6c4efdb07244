"""What the tests of every real provider need: its documented bodies, and HTTP to its fake."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from providers.http import Http, Timeouts
from tests.fakes.hosted import FakeService


@pytest.fixture(scope="module")
def documented(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the documented bodies by name, from the `fixtures.json` beside the tests."""
    fixtures = json.loads(request.path.with_name("fixtures.json").read_text())
    return {name: entry["body"] for name, entry in fixtures.items() if isinstance(entry, dict)}


@pytest.fixture
async def http(fake: FakeService) -> AsyncGenerator[Http]:
    async with Http.open(own=[fake.url], timeouts=Timeouts(download_total_s=0.5)) as http:
        yield http
