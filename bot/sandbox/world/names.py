"""Finds things by their names, which tests and files use where Discord uses ids."""

from collections.abc import Collection
from typing import Protocol, TypeVar

from bot.sandbox.errors import SandboxError


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


def named(things: Collection[T], name: str) -> T:
    """Find one thing by its name.

    Raises:
        SandboxError: None has that name; the message lists those there are.
    """
    for thing in things:
        if thing.name == name:
            return thing
    raise SandboxError(f"nothing is named {name!r}; there: {[thing.name for thing in things]}")
