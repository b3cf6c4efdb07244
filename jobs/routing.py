"""Chooses the backend and the model for a request, from memory."""

import difflib
from collections.abc import Sequence

from jobs.errors import RequestError
from jobs.ports import Catalogue, Provider
from jobs.request import ModelInfo, VideoRequest


def route(request: VideoRequest, catalogue: Catalogue) -> tuple[Provider, ModelInfo]:
    """Return who renders the request, and with what.

    A named provider wins; otherwise the first backend that has the named model; otherwise
    the default backend with its default model.

    Raises:
        RequestError: The provider is off, or nobody has the model.
    """
    if request.provider is not None:
        providers: Sequence[Provider] = [catalogue.provider(request.provider)]
    else:
        providers = catalogue.providers()
    for provider in providers:
        for model in provider.models():
            if request.model is None or model.id == request.model:
                return provider, model
    raise _no_model(request.model, providers)


def _no_model(asked: str | None, providers: Sequence[Provider]) -> RequestError:
    """Say why: the model is broken, or unknown, or there is none at all."""
    faults = {name: why for provider in providers for name, why in provider.faults().items()}
    if asked in faults:
        return RequestError(faults[asked], field="model")
    names = sorted(model.id for provider in providers for model in provider.models())
    if asked is None or not names:
        why = next(iter(faults.values()), "No model can be used here at the moment.")
        return RequestError(why, field="model")
    near = difflib.get_close_matches(asked, names, n=3, cutoff=0.5) or names[:3]
    message = f"`model`: there is no {_quote(asked)} here; try {', '.join(near)} (see /models)."
    return RequestError(message, field="model")


def _quote(text: str) -> str:
    """Make a name from outside harmless in a message: short, plain, in quotes."""
    plain = "".join(c for c in text[:40] if c.isalnum() or c in "._- ")
    return f"'{plain}'"
