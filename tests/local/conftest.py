"""A models folder beside what comes with Flipbook, and one local engine for a session's tests."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.clock import SystemClock
from bot.settings import child_environment
from providers.local.provider import WORKER_ENVIRONMENT, LocalProvider
from tests.local.videos import (
    ENVIRONMENT,
    Opener,
    add_adapters,
    add_crooked_model,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the engine's own tests compute.

    Attributes:
        device: As torch names it.
        dtype: The name of torch's type.
        tolerance: How far two ways of computing the same may be apart, relative to the largest
            number: some last bits of the type, added up over the layers of a tiny UNet.
    """

    device: str
    dtype: str
    tolerance: float


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(Place(device="cpu", dtype="float32", tolerance=1e-4), id="cpu"),
        *(
            pytest.param(place, marks=pytest.mark.gpu, id=place.dtype)
            for place in (
                Place(device="cuda", dtype="float16", tolerance=1e-2),
                Place(device="cuda", dtype="bfloat16", tolerance=5e-2),
            )
        ),
    ],
)
def place(request: pytest.FixtureRequest) -> Generator[Place]:
    """Where to compute: the CPU, and with `-m gpu` a CUDA device in both of its types."""
    place: Place = request.param
    if place.device == "cuda":
        import torch  # noqa: PLC0415 - only here, so that collecting the tests stays cheap

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in WORKER_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield place


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
