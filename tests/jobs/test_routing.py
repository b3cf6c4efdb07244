from collections.abc import Sequence

import pytest
from typing_extensions import override

from jobs.errors import RequestError
from jobs.model import Health, HealthState
from jobs.quota.tiers import UNLIMITED, Setting, Tier
from jobs.request import ProviderName, ResolvedRequest, Scheduler, Segment, VideoRequest
from jobs.routing import Route, route
from providers.registry import Registry
from tests.factories import make_rule
from tests.fakes.provider import SHAPES, FakeProvider

A_CAT = VideoRequest(segments=(Segment(prompt="a cat"),))
OUT = Health(state=HealthState.OUT, reason="ModelsLab refuses us at the moment.")
LOST = Health(state=HealthState.LOST, reason="ModelsLab cannot be reached just now.")


class Unable(FakeProvider):
    """A backend that cannot animate pictures."""

    @override
    def check(self, request: ResolvedRequest) -> Sequence[str]:
        if request.image:
            raise RequestError("`image`: this backend takes none.", field="image")
        return super().check(request)


@pytest.fixture
def local() -> FakeProvider:
    return Unable()


@pytest.fixture
def modelslab() -> FakeProvider:
    return FakeProvider(name=ProviderName.MODELSLAB, is_paid=True)


@pytest.fixture
def novita() -> FakeProvider:
    return FakeProvider(name=ProviderName.NOVITA, is_paid=True)


def found(
    request: VideoRequest,
    *providers: FakeProvider,
    without: Sequence[str] = (),
    tier: Tier = UNLIMITED,
) -> Route:
    catalogue = Registry(providers=providers, default=providers[0].name)
    return route(request, catalogue, draw_seed=lambda: 7, without=without, tier=tier)


def only(setting: Setting, *ids: str) -> Tier:
    return Tier(rules={setting: make_rule(setting, frozenset(ids))})


def refusal(request: VideoRequest, *providers: FakeProvider) -> RequestError:
    with pytest.raises(RequestError) as caught:
        found(request, *providers)
    return caught.value


def test_the_default_backend_takes_what_names_none(
    local: FakeProvider, novita: FakeProvider
) -> None:
    choice = found(A_CAT, local, novita)
    assert choice.provider is local
    assert choice.request.provider is ProviderName.LOCAL
    assert choice.request.seed == 7
    assert found(A_CAT, novita, local).provider is novita


def test_a_named_backend_wins_over_the_default(local: FakeProvider, novita: FakeProvider) -> None:
    named = A_CAT.evolve(provider=ProviderName.NOVITA, scheduler=Scheduler.DDIM)
    choice = found(named, local, novita)
    assert choice.provider is novita
    assert choice.warnings == ("This backend takes no scheduler.",)


def test_a_named_model_is_looked_for_at_every_backend(
    local: FakeProvider, novita: FakeProvider
) -> None:
    novita.offers = [*novita.offers, SHAPES.model_copy(update={"id": "toon"})]
    choice = found(A_CAT.evolve(model="toon"), local, novita)
    assert (choice.provider, choice.model.id) == (novita, "toon")


def test_a_backend_that_finds_the_request_senseless_is_passed_over(
    local: FakeProvider, novita: FakeProvider
) -> None:
    assert found(A_CAT.evolve(image="cat"), local, novita).provider is novita


def test_a_backend_with_other_limits_is_passed_over(
    local: FakeProvider, novita: FakeProvider
) -> None:
    novita.offers = [SHAPES.model_copy(update={"max_side": 1024})]
    assert found(A_CAT.evolve(width=512), local, novita).provider is novita


def test_a_backend_that_refuses_everyone_is_passed_over(
    modelslab: FakeProvider, novita: FakeProvider
) -> None:
    modelslab.state_of_health = OUT
    assert found(A_CAT, modelslab, novita).provider is novita


def test_a_backend_that_cannot_be_reached_comes_after_those_that_can(
    modelslab: FakeProvider, novita: FakeProvider
) -> None:
    modelslab.state_of_health = LOST
    assert found(A_CAT, modelslab, novita).provider is novita
    assert found(A_CAT, modelslab).provider is modelslab, "a job may wait for it"


def test_a_named_backend_that_refuses_everyone_is_told_with_its_reason(
    modelslab: FakeProvider, novita: FakeProvider
) -> None:
    modelslab.state_of_health = OUT
    error = refusal(A_CAT.evolve(provider=ProviderName.MODELSLAB), modelslab, novita)
    assert error.user_message == "ModelsLab refuses us at the moment; nothing was charged."
    assert error.field == "provider"


def test_a_backend_that_is_out_and_lists_no_models_is_told_with_its_reason(
    modelslab: FakeProvider,
) -> None:
    modelslab.state_of_health = OUT
    modelslab.offers = []
    assert refusal(A_CAT, modelslab).user_message == OUT.reason


def test_where_nobody_is_able_the_first_one_says_why(
    local: FakeProvider, novita: FakeProvider
) -> None:
    novita.state_of_health = OUT
    error = refusal(A_CAT.evolve(image="cat"), local, novita)
    assert error.user_message == "`image`: this backend takes none."


def test_a_backend_that_turned_the_job_away_is_left_out(
    local: FakeProvider, novita: FakeProvider
) -> None:
    assert found(A_CAT, local, novita, without=["local"]).provider is novita


def test_an_unknown_model_is_refused_with_near_names(
    local: FakeProvider, novita: FakeProvider
) -> None:
    error = refusal(A_CAT.evolve(model="shape"), local, novita)
    assert error.field == "model"
    assert "shapes" in error.user_message


def test_what_is_left_open_falls_on_what_the_member_may_use(
    local: FakeProvider, novita: FakeProvider
) -> None:
    choice = found(A_CAT, local, novita, tier=only(Setting.PROVIDERS, "novita"))
    assert choice.provider is novita
    local.offers = [SHAPES, SHAPES.model_copy(update={"id": "other"})]
    choice = found(A_CAT, local, novita, tier=only(Setting.MODELS, "other"))
    assert choice.request.model == "other"


def test_where_nothing_that_a_member_may_use_is_on_it_says_so(local: FakeProvider) -> None:
    with pytest.raises(RequestError, match="None of the providers that you may use here is on"):
        found(A_CAT, local, tier=only(Setting.PROVIDERS, "novita"))


@pytest.mark.parametrize("provider", [None, ProviderName.LOCAL])
def test_where_no_model_that_a_member_may_use_is_there_it_says_so(
    local: FakeProvider, provider: ProviderName | None
) -> None:
    with pytest.raises(RequestError, match="None of the models that you may use here is there"):
        found(A_CAT.evolve(provider=provider), local, tier=only(Setting.MODELS, "gone"))


def test_what_is_named_is_taken_as_it_is_and_judged_with_the_books(local: FakeProvider) -> None:
    named = A_CAT.evolve(provider=ProviderName.LOCAL, model=SHAPES.id)
    tier = only(Setting.MODELS, "other")
    assert found(named, local, tier=tier).request.model == SHAPES.id
