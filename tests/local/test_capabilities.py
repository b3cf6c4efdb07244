"""What is refused or warned about before a job is queued, and the registry of backends."""

import pytest

from jobs.errors import RequestError
from jobs.request import LoraUse, ProviderName, ResolvedRequest, Scheduler
from providers.local.provider import LocalProvider
from providers.registry import Registry
from tests.factories import make_request
from tests.fakes.provider import FakeProvider
from tests.local.videos import Opener


@pytest.fixture
def provider(open_provider: Opener) -> LocalProvider:
    """An engine that was not opened: checks need no process."""
    return open_provider()


def request(**overrides: object) -> ResolvedRequest:
    return make_request(**{"model": "shapes", "prompt": "a red circle", **overrides})


@pytest.mark.parametrize("asked", [{}, {"image": "0" * 64, "strength": 1}])
def test_an_inversion_of_nothing_is_refused_with_a_scheduler_that_works(
    provider: LocalProvider, asked: dict[str, object]
) -> None:
    with pytest.raises(RequestError, match="add one, or use DDIMScheduler") as caught:
        provider.check(request(scheduler=Scheduler.DDIM_INVERSE, **asked))
    assert caught.value.field == "scheduler"


def test_every_scheduler_of_the_document_can_be_had(provider: LocalProvider) -> None:
    for scheduler in Scheduler:
        image = "0" * 64 if scheduler is Scheduler.DDIM_INVERSE else None
        warnings = provider.check(request(scheduler=scheduler, image=image))
        assert warnings == [] or scheduler is Scheduler.LCM


def test_a_plain_request_has_no_warnings(provider: LocalProvider) -> None:
    assert provider.check(request(negative_prompt="blur", closed_loop=True, clip_skip=2)) == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"negative_prompt": "blur", "guidance_scale": 1}, "`negative_prompt` has no effect"),
        ({"image": "0" * 64, "strength": 1}, "the init image is ignored"),
        ({"strength": 0.5}, "without an init image"),
        ({"image": "0" * 64, "strength": 0}, "every frame is the init image"),
        ({"image": "0" * 64, "strength": 0.05, "steps": 10}, "less than one; one is run"),
    ],
)
def test_an_option_that_will_not_act_is_said_beforehand(
    provider: LocalProvider, asked: dict[str, object], words: str
) -> None:
    (warning,) = provider.check(request(**asked))
    assert words in warning


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"model": "shapse"}, "model"),
        ({"loras": (LoraUse(id="glwo"),)}, "loras"),
        ({"embeddings": ("swril",)}, "embeddings"),
    ],
)
def test_an_unknown_id_is_refused_with_the_nearest_one(
    provider: LocalProvider, asked: dict[str, object], field: str
) -> None:
    nearest = {"model": "shapes", "loras": "glow", "embeddings": "swirl"}[field]
    with pytest.raises(RequestError, match=f"try {nearest}") as caught:
        provider.check(request(**asked))
    assert caught.value.field == field


def test_an_embedding_that_no_prompt_names_is_said_to_be_added(provider: LocalProvider) -> None:
    assert provider.check(request(prompt="a Swirl of circles", embeddings=("swirl",))) == []
    warning, *_ = provider.check(request(prompt="swirling circles", embeddings=("swirl",)))
    assert "added to `prompt`" in warning


def test_the_default_backend_comes_first() -> None:
    hosted, local = FakeProvider(name=ProviderName.NOVITA), FakeProvider()
    registry = Registry([hosted, local], default=ProviderName.LOCAL)
    assert registry.providers() == [local, hosted]
    assert registry.provider("novita") is hosted


@pytest.mark.parametrize("name", ["modelslab", "nobody", "../local"])
def test_a_backend_that_is_off_or_unknown_is_refused(name: str) -> None:
    registry = Registry([FakeProvider()], default=ProviderName.LOCAL)
    with pytest.raises(RequestError, match="use local") as caught:
        registry.provider(name)
    assert caught.value.field == "provider"


def test_without_any_backend_the_operator_is_named() -> None:
    with pytest.raises(RequestError, match="operator"):
        Registry([], default=ProviderName.LOCAL).provider("local")
