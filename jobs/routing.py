"""Chooses the backend and the model for a request, from memory."""

import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from jobs.errors import RequestError
from jobs.limits import resolve
from jobs.model import HealthState
from jobs.ports import Catalogue, Provider
from jobs.quota.tiers import UNLIMITED, Setting, Tier
from jobs.request import ModelInfo, ResolvedRequest, VideoRequest

NO_PROVIDER = "None of the providers that you may use here is on; `/quota show` names them."
NO_MODEL = "None of the models that you may use here is there; `/quota show` names them."


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who renders a request, with which model, and what of it is not honoured."""

    provider: Provider
    model: ModelInfo
    request: ResolvedRequest
    warnings: tuple[str, ...]


def route(
    request: VideoRequest,
    catalogue: Catalogue,
    *,
    draw_seed: Callable[[], int],
    without: Collection[str] = (),
    tier: Tier = UNLIMITED,
) -> Route:
    """Return who renders the request.

    A named provider wins. Otherwise it is the first backend that is able to: it has the model,
    finds nothing senseless in the request, and does not refuse everyone. The default backend
    comes first, and one that cannot be reached just now after all that can.

    Args:
        request: As it was asked.
        catalogue: The backends that are on.
        draw_seed: Gives a seed where none was asked.
        without: Names of backends that have turned this very request away.
        tier: What is left open falls on what its member may use; what is named is taken as it is.

    Raises:
        RequestError: Nobody is able to; the message is that of the backend that comes first.
    """
    models = tier.allowed(Setting.MODELS)
    if request.provider is not None:
        return _at(catalogue.provider(request.provider), request, draw_seed, models)
    allowed = tier.allowed(Setting.PROVIDERS)
    providers = [
        one
        for one in catalogue.providers()
        if one.name not in without and (allowed is None or one.name in allowed)
    ]
    if not providers and allowed is not None:
        raise RequestError(NO_PROVIDER, field="provider")
    owners = [one for one in providers if _model_at(one, request.model, models) is not None]
    if not owners:
        raise _no_model(request.model, providers, models)
    refusals: list[RequestError] = []
    for provider in sorted(owners, key=_rank):
        try:
            return _at(provider, request, draw_seed, models)
        except RequestError as error:
            refusals.append(error)
    raise refusals[0]


def _rank(provider: Provider) -> int:
    """Put backends that can be reached first; the order of the catalogue decides the rest."""
    return list(HealthState).index(provider.health.state)


def _at(
    provider: Provider,
    request: VideoRequest,
    draw_seed: Callable[[], int],
    models: Collection[str] | None,
) -> Route:
    """Return the route to one backend.

    Raises:
        RequestError: It is not able to.
    """
    model = _model_at(provider, request.model, models)
    if model is None:
        raise _no_model(request.model, [provider], models)
    resolved = resolve(request, model, draw_seed=draw_seed)
    warnings = tuple(provider.check(resolved))
    if provider.health.state is HealthState.OUT:
        raise RequestError(_out(provider), field="provider")
    return Route(provider=provider, model=model, request=resolved, warnings=warnings)


def _model_at(
    provider: Provider, model: str | None, allowed: Collection[str] | None
) -> ModelInfo | None:
    """Return the model of that name at a backend, or the first one that is allowed there."""
    if model is not None:
        return next((one for one in provider.models() if one.id == model), None)
    fitting = (one for one in provider.models() if allowed is None or one.id in allowed)
    return next(fitting, None)


def _out(provider: Provider) -> str:
    reason = provider.health.reason or f"{provider.name.heading} takes no videos at the moment."
    return f"{reason.removesuffix('.')}; nothing was charged."


def _no_model(
    asked: str | None, providers: Sequence[Provider], allowed: Collection[str] | None
) -> RequestError:
    """Say why: it is not allowed, or broken, or unknown, or nobody can tell what there is."""
    if asked is None and allowed is not None:
        return RequestError(NO_MODEL, field="model")
    faults = {name: why for provider in providers for name, why in provider.faults().items()}
    if asked in faults:
        return RequestError(faults[asked], field="model")
    names = sorted(model.id for provider in providers for model in provider.models())
    if asked is None or not names:
        whys = [*faults.values(), *(one.health.reason for one in providers if one.health.reason)]
        why = next(iter(whys), "No model can be used here at the moment.")
        return RequestError(why, field="model")
    near = difflib.get_close_matches(asked, names, n=3, cutoff=0.5) or names[:3]
    message = f"`model`: there is no {_quote(asked)} here; try {', '.join(near)} (see /models)."
    return RequestError(message, field="model")


def _quote(text: str) -> str:
    """Make a name from outside harmless in a message: short, plain, in quotes."""
    plain = "".join(c for c in text[:40] if c.isalnum() or c in "._- ")
    return f"'{plain}'"
