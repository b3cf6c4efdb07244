"""Whom a message mentions: what a request was allowed to say, not who happens to be online.

Source: Discord's "Message" resource (`mentions`, `mention_roles`, `mention_everyone`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mentions:
    """The users and roles that a message mentions, by id, and whether it mentions everyone."""

    users: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    everyone: bool = False


NOBODY = Mentions()
