"""`/models` fits into a message and stays useful, however many models a backend lists."""

import pytest
from discord.ui import LayoutView
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.rules.components import check_components
from bot.sandbox.world.components import texts, walk
from cogs.completion import complete_models
from cogs.model_pages import MAX_MODELS, models_page
from jobs.model import Health, HealthState
from jobs.request import ModelInfo, ProviderName
from providers.registry import Registry
from tests.factories import make_model
from tests.fakes.provider import FakeProvider

HOSTED = (ProviderName.NOVITA, ProviderName.MODELSLAB)


def backend(name: ProviderName, models: list[ModelInfo]) -> FakeProvider:
    provider = FakeProvider(name=name)
    provider.offers = models
    return provider


def many(name: ProviderName, number: int) -> list[ModelInfo]:
    return [
        make_model(
            id=f"{name}-{n:03}",
            provider=name,
            title=f"Style {n:03} of {name}",
            trigger_words=(f"word{n:03}",),
        )
        for n in range(number)
    ]


def said(view: LayoutView) -> str:
    return "\n".join(texts(view.to_components()))


def check_limits(view: LayoutView) -> None:
    payload = view.to_components()
    check_components(payload, is_v2=True, filenames=[])
    assert sum(len(text.encode("utf-16-le")) // 2 for text in texts(payload)) <= 4000
    assert len(list(walk(payload))) <= 40


def test_five_hundred_models_of_one_provider_do_not_hide_another() -> None:
    providers = [backend(name, many(name, 500)) for name in HOSTED]
    shown = said(models_page(providers))
    for name in HOSTED:
        assert shown.count(f"`{name}-") == MAX_MODELS // len(HOSTED)
        assert f"and 494 more at {name}: narrow them down with `/models search:`" in shown
    check_limits(models_page(providers))


def test_a_search_finds_a_model_by_its_trigger_word_and_tells_it() -> None:
    providers = [backend(name, many(name, 500)) for name in HOSTED]
    shown = said(models_page(providers, "novita WORD499"))
    assert "`novita-499`" in shown
    assert "say: \u2068word499" in shown
    assert "novita-498" not in shown


def test_a_search_without_a_hit_says_so() -> None:
    assert "There is none" in said(models_page([FakeProvider()], "nothing like it"))


@pytest.mark.parametrize("state", [HealthState.LOST, HealthState.OUT])
def test_a_provider_that_is_not_well_says_why(state: HealthState) -> None:
    provider = FakeProvider(name=ProviderName.NOVITA)
    provider.state_of_health = Health(state=state, reason="Novita cannot be reached just now.")
    assert "⚠️ Novita cannot be reached just now." in said(models_page([provider]))
    provider.offers.clear()
    assert "⚠️ Novita cannot be reached just now." in said(models_page([provider]))


def test_what_a_service_says_of_a_model_cannot_format_or_ping() -> None:
    model = make_model(provider=ProviderName.NOVITA, note="**@everyone** [x](https://e.example)")
    shown = said(models_page([backend(ProviderName.NOVITA, [model])]))
    assert "**@" not in shown
    assert "](https" not in shown


TEXT = st.text(max_size=300) | st.sampled_from(["𐍈" * 300, "*" * 300, "👩\u200d🚀" * 90])


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=20), TEXT, st.integers(1, 3))
def test_no_page_of_models_exceeds_a_limit(names: list[str], search: str, backends: int) -> None:
    providers = [
        backend(
            name,
            [
                make_model(id=text, provider=name, title=text, trigger_words=(text,), note=text)
                for text in names
            ],
        )
        for name in [*HOSTED, ProviderName.LOCAL][:backends]
    ]
    for provider in providers:
        provider.state_of_health = Health(state=HealthState.OUT, reason="r" * 900)
    check_limits(models_page(providers))
    check_limits(models_page(providers, search))


def test_completion_offers_at_most_25_whatever_there_is() -> None:
    name = ProviderName.NOVITA
    long = make_model(id="x" * 101, provider=name, title="too long to be a value")
    catalogue = Registry([backend(name, [long, *many(name, 500)])], name)
    choices = complete_models(catalogue, "")
    assert len(choices) == 25
    assert all(len(choice.name) <= 100 and 1 <= len(choice.value) <= 100 for choice in choices)
    assert [choice.value for choice in complete_models(catalogue, "style 499")] == ["novita-499"]
