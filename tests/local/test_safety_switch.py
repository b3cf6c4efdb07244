"""Where a model brings a safety checker it looks, unless the operator says otherwise."""

import shutil
from pathlib import Path

import pytest

from jobs.errors import FlaggedError
from jobs.model import Address, ApiAddress, Job
from providers.local.provider import LocalProvider
from tests.local.videos import SHAPES, Opener, render, small

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    """A models folder with a model whose checker flags everything, and one without a checker."""
    from tests.local.tiny import write_checker  # noqa: PLC0415 - it loads torch

    folder = tmp_path / "models"
    for name in ("strict", "blind"):
        shutil.copytree(SHAPES, folder / name)
    write_checker(folder / "strict")
    return folder


async def test_a_flagged_video_is_a_typed_error_and_leaves_nothing(
    open_provider: Opener, stock: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    async with open_provider(models_dir=stock, scratch_dir=scratch) as provider:
        with pytest.raises(FlaggedError, match="safety checker flagged this video"):
            await render(provider, small(model="strict"))
        assert list(scratch.iterdir()) == []
        made = await render(provider, small(model="blind"))
        assert made.effective["safety_checker"] is False
        looked_at = {model.id: model.has_safety_checker for model in provider.models()}
        assert looked_at == {"shapes": False, "strict": True, "blind": False}


async def test_the_operators_switch_turns_it_off_and_a_caller_may_turn_it_on(
    open_provider: Opener, stock: Path
) -> None:
    async with open_provider(models_dir=stock, checks_safety=False) as provider:
        made = await render(provider, small(model="strict"))
        assert made.effective["safety_checker"] is False
        assert await is_flagged(provider, asked_for=True)
        assert not await is_flagged(provider, asked_for=False)


async def is_flagged(provider: LocalProvider, *, asked_for: bool) -> bool:
    api = ApiAddress(protocol="modelslab", safety_checker=asked_for)
    job: Job = small(model="strict").evolve(address=Address(api=api))
    try:
        await render(provider, job)
    except FlaggedError:
        return True
    return False
