"""The embedded model, built once, and one local engine that the tests of a session share."""

import shutil
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
    build_model,
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The models folder of this session; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    is_one_of_many = hasattr(request.config, "workerinput")  # xdist: they share what one built
    built = (base.parent if is_one_of_many else base) / "built" / "shapes"
    if not built.exists():
        build_model(built)
    folder = base / "local-models"
    shutil.copytree(built, folder / "shapes")
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
