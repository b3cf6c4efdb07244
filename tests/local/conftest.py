"""A models folder beside what comes with Flipbook, and one local engine for a session's tests."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.clock import SystemClock
from bot.settings import child_environment
from providers.local.provider import LocalProvider
from tests.local.videos import (
    ENVIRONMENT,
    Opener,
    add_adapters,
    add_crooked_model,
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's models folder of this session; tests must not change it."""
    folder = tmp_path_factory.mktemp("local-models")
    add_adapters(folder)
    add_crooked_model(folder)
    return folder


@pytest.fixture(scope="session")
def open_provider(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Opener:
    """Return a function that makes engines on the CPU; what it is given goes to the engine."""

    def make(**overrides: Any) -> LocalProvider:
        values: dict[str, Any] = {
            "models_dir": models,
            "scratch_dir": tmp_path_factory.mktemp("scratch"),
            "devices": ("cpu",),
            "clock": SystemClock(),
            "env": child_environment(ENVIRONMENT),
        }
        return LocalProvider(**{**values, **overrides})

    return make


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shared engine leaves its videos until they are fetched."""
    return tmp_path_factory.mktemp("shared-scratch")


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def engine(open_provider: Opener, scratch: Path) -> AsyncGenerator[LocalProvider]:
    """One engine for all tests that leave it as it was; they run in the session's loop."""
    async with open_provider(scratch_dir=scratch) as provider:
        yield provider
