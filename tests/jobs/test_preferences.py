"""What a server prefers is taken where it can be, and told where it cannot."""

import pytest

from jobs.errors import RequestError
from jobs.model import Health, HealthState
from jobs.moderation.guilds import GuildSettings
from jobs.moderation.preferences import check_defaults, with_defaults
from jobs.prompts import parse_prompt
from jobs.quota.tiers import EVERYONE, Rule, Setting, Tier
from jobs.request import ProviderName, VideoRequest
from providers.registry import Registry
from tests.fakes.provider import SHAPES, FakeProvider

OPEN = VideoRequest(segments=parse_prompt("a red circle"))
LARGE = OPEN.evolve(width=512, height=512)


def prefers(provider: ProviderName | None = None, model: str | None = None) -> GuildSettings:
    return GuildSettings(guild_id=1, default_provider=provider, default_model=model)


@pytest.fixture
def novita() -> FakeProvider:
    """Return a hosted provider with models of its own: it makes large videos only."""
    provider = FakeProvider(name=ProviderName.NOVITA, is_paid=True)
    own = {"provider": ProviderName.NOVITA, "min_side": 256, "max_side": 1024}
    defaults = SHAPES.defaults.model_copy(update={"width": 512, "height": 512})
    provider.offers = [
        SHAPES.model_copy(update={**own, "id": name, "defaults": defaults})
        for name in ("fast", "fine")
    ]
    return provider


@pytest.fixture
def catalogue(novita: FakeProvider) -> Registry:
    return Registry(providers=[FakeProvider(), novita], default=ProviderName.LOCAL)


def test_a_server_that_prefers_nothing_changes_nothing(catalogue: Registry) -> None:
    preferred = with_defaults(OPEN, prefers(), catalogue)
    assert (preferred.request, preferred.warnings) == (OPEN, ())


def test_both_preferences_are_filled_in(catalogue: Registry) -> None:
    preferred = with_defaults(OPEN, prefers(ProviderName.NOVITA, "fine"), catalogue)
    assert preferred.request == OPEN.evolve(provider=ProviderName.NOVITA, model="fine")
    assert preferred.warnings == ()


def test_what_the_member_names_comes_first_and_without_a_word(catalogue: Registry) -> None:
    settings = prefers(ProviderName.NOVITA, "fine")
    for asked in (OPEN.evolve(model="shapes"), OPEN.evolve(provider=ProviderName.LOCAL)):
        preferred = with_defaults(asked, settings, catalogue)
        assert (preferred.request, preferred.warnings) == (asked, ())
    both = OPEN.evolve(model="fast")
    expected = both.evolve(provider=ProviderName.NOVITA)
    assert with_defaults(both, settings, catalogue).request == expected


def test_a_model_that_is_gone_leaves_the_provider(catalogue: Registry) -> None:
    preferred = with_defaults(OPEN, prefers(ProviderName.NOVITA, "gone"), catalogue)
    assert preferred.request == OPEN.evolve(provider=ProviderName.NOVITA)
    (warning,) = preferred.warnings
    assert warning == "This server prefers the model \u2068gone\u2069, which is not there any more."


def test_a_provider_that_is_off_leaves_its_model_to_whoever_has_it(catalogue: Registry) -> None:
    preferred = with_defaults(OPEN, prefers(ProviderName.MODELSLAB, "fast"), catalogue)
    assert preferred.request == OPEN.evolve(model="fast")
    assert preferred.warnings == ("This server prefers ModelsLab, which is switched off.",)


def test_a_provider_that_refuses_everyone_is_passed_over(
    catalogue: Registry, novita: FakeProvider
) -> None:
    novita.state_of_health = Health(state=HealthState.OUT, reason="The balance is empty.")
    preferred = with_defaults(OPEN, prefers(ProviderName.NOVITA), catalogue)
    assert preferred.request == OPEN
    assert preferred.warnings == ("This server prefers Novita, which cannot make this one.",)


def test_a_request_that_is_too_large_for_what_is_preferred_goes_elsewhere(
    catalogue: Registry,
) -> None:
    preferred = with_defaults(LARGE, prefers(ProviderName.LOCAL, "shapes"), catalogue)
    assert preferred.request == LARGE
    assert len(preferred.warnings) == 2


def test_what_nobody_can_make_is_left_as_it_was_asked(catalogue: Registry) -> None:
    senseless = OPEN.evolve(width=257)
    preferred = with_defaults(senseless, prefers(ProviderName.NOVITA, "fine"), catalogue)
    assert preferred.request == senseless


@pytest.mark.parametrize(
    ("setting", "allowed"), [(Setting.PROVIDERS, "local"), (Setting.MODELS, "shapes")]
)
def test_what_a_member_may_not_use_is_passed_over_without_a_word(
    catalogue: Registry, setting: Setting, allowed: str
) -> None:
    rule = Rule(target=EVERYONE, setting=setting, value=frozenset({allowed}))
    tier = Tier(rules={setting: rule})
    settings = prefers(ProviderName.NOVITA if setting is Setting.PROVIDERS else None, "fine")
    preferred = with_defaults(OPEN, settings, catalogue, tier)
    assert (preferred.request, preferred.warnings) == (OPEN, ())


def test_defaults_must_be_there_together(catalogue: Registry) -> None:
    check_defaults(None, None, catalogue)
    check_defaults(None, "fine", catalogue)
    check_defaults(ProviderName.NOVITA, "fine", catalogue)
    with pytest.raises(RequestError, match="at the local engine"):
        check_defaults(ProviderName.LOCAL, "fine", catalogue)
    with pytest.raises(RequestError, match="modelslab is not set up here"):
        check_defaults(ProviderName.MODELSLAB, None, catalogue)
