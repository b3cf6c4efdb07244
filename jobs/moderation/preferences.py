"""What a server prefers where a member leaves it open: who renders, and with which model.

A preference never stands in the way: one that is gone, or that cannot make what was asked, is
passed over, and the card says so. What the member names comes before it, and without a word.
"""

from dataclasses import dataclass

from jobs.errors import NotAllowedError, RequestError
from jobs.moderation.guilds import GuildSettings
from jobs.ports import Catalogue, Provider
from jobs.quota.tiers import UNLIMITED, Setting, Tier, may_use
from jobs.request import ModelInfo, ProviderName, VideoRequest
from jobs.routing import route
from jobs.text import safe

MAX_NAME_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred:
    """A request with a server's preferences in it.

    Attributes:
        warnings: A sentence for each preference that was passed over.
    """

    request: VideoRequest
    warnings: tuple[str, ...] = ()


def with_defaults(
    request: VideoRequest,
    settings: GuildSettings,
    catalogue: Catalogue,
    tier: Tier = UNLIMITED,
    *,
    is_adult_place: bool = False,
) -> Preferred:
    """Fill in what a server prefers, as far as the request can be made with it.

    Args:
        request: As it was asked.
        settings: The server's.
        catalogue: The backends that are on.
        tier: The member's; what they may not use is passed over without a word.
        is_adult_place: It is asked in an age-restricted channel.
    """
    if settings.default_provider is None and settings.default_model is None:
        return Preferred(request=request)
    provider = request.provider or settings.default_provider
    model = request.model or settings.default_model
    for pair in ((provider, model), (provider, request.model), (request.provider, model)):
        tried = request.evolve(provider=pair[0], model=pair[1])
        if _can_be_made(tried, catalogue, tier, is_adult_place=is_adult_place):
            break
    else:  # with none of them: what is wrong, if anything is, is told about the request alone
        tried = request
    if request.provider is not None or request.model is not None:
        return Preferred(request=tried)
    return Preferred(request=tried, warnings=_warnings(tried, settings, catalogue, tier))


def check_age(model: ModelInfo, *, is_adult_place: bool) -> None:
    """Keep a model that is for adults to age-restricted channels.

    Raises:
        NotAllowedError: It is one, and this is none.
    """
    if model.is_age_restricted and not is_adult_place:
        raise NotAllowedError(
            f"The model {safe(model.id, MAX_NAME_CHARS)} is only for age-restricted channels; "
            "ask there, or pick another with `model`."
        )


def check_defaults(provider: ProviderName | None, model: str | None, catalogue: Catalogue) -> None:
    """See whether there is what a server is about to prefer, and both of it together.

    Raises:
        RequestError: There is not; the message names what is missing.
    """
    backends = catalogue.providers() if provider is None else [catalogue.provider(provider)]
    if model is not None and not any(_has(backend, model) for backend in backends):
        where = "here" if provider is None else f"at {provider.label}"
        message = f"`model`: there is no {safe(model, MAX_NAME_CHARS)} {where}; see /models."
        raise RequestError(message, field="model")


def _can_be_made(
    request: VideoRequest, catalogue: Catalogue, tier: Tier, *, is_adult_place: bool
) -> bool:
    try:
        found = route(request, catalogue, draw_seed=_no_seed, tier=tier)
    except RequestError:
        return False
    is_of_age = is_adult_place or not found.model.is_age_restricted
    return is_of_age and may_use(tier, found.request)


def _no_seed() -> int:
    """Stand for a seed: only whether there is a route counts."""
    return 0


def _warnings(
    made: VideoRequest, settings: GuildSettings, catalogue: Catalogue, tier: Tier
) -> tuple[str, ...]:
    """Tell what was passed over although the member left it open and may use it."""
    provider, model = settings.default_provider, settings.default_model
    passed: list[str] = []
    if provider and made.provider is None and _allows(tier, Setting.PROVIDERS, provider):
        passed.append(_passed_provider(provider, catalogue))
    if model and made.model is None and not _is_barred(model, catalogue, tier):
        passed.append(_passed_model(model, catalogue))
    return tuple(f"This server prefers {one}." for one in passed)


def _passed_provider(provider: ProviderName, catalogue: Catalogue) -> str:
    is_on = any(one.name is provider for one in catalogue.providers())
    return f"{provider.label}, which {'cannot make this one' if is_on else 'is switched off'}"


def _passed_model(model: str, catalogue: Catalogue) -> str:
    is_there = any(_has(one, model) for one in catalogue.providers())
    why = "cannot make this one" if is_there else "is not there any more"
    return f"the model {safe(model, MAX_NAME_CHARS)}, which {why}"


def _is_barred(model: str, catalogue: Catalogue, tier: Tier) -> bool:
    """Say whether a member may not use a model, or nobody who has it."""
    owners = [one.name for one in catalogue.providers() if _has(one, model)]
    is_out_of_reach = owners and not any(_allows(tier, Setting.PROVIDERS, one) for one in owners)
    return bool(is_out_of_reach) or not _allows(tier, Setting.MODELS, model)


def _allows(tier: Tier, setting: Setting, name: str) -> bool:
    allowed = tier.allowed(setting)
    return allowed is None or name in allowed


def _has(backend: Provider, model: str) -> bool:
    return any(one.id == model for one in backend.models())
