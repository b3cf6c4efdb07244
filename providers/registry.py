"""Brings the backends together: what all of them can render, and which is the default."""

from collections.abc import Sequence

from jobs.errors import RequestError
from jobs.ports import Provider
from jobs.request import ProviderName


class Registry:
    """The `Catalogue` of the backends that are on.

    Args:
        providers: Those that are on.
        default: Comes first, if it is one of them.
    """

    def __init__(self, providers: Sequence[Provider], default: ProviderName) -> None:
        self._providers = sorted(providers, key=lambda provider: provider.name is not default)

    def providers(self) -> Sequence[Provider]:
        """Return the backends that are on; the default one first."""
        return self._providers

    def provider(self, name: str) -> Provider:
        """Return a backend.

        Raises:
            RequestError: It is unknown or off.
        """
        for provider in self._providers:
            if provider.name == name:
                return provider
        names = [provider.name.value for provider in self._providers]
        if not names:
            message = "`provider`: none is set up here; its operator has to turn one on."
        elif name in {known.value for known in ProviderName}:
            message = f"`provider`: {name} is not set up here; use {' or '.join(names)}."
        else:
            message = f"`provider`: there is no such one; use {' or '.join(names)}."
        raise RequestError(message, field="provider")
