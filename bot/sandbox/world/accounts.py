"""Those who act, and what lets them: accounts and roles."""

from dataclasses import dataclass


@dataclass(slots=True, eq=False, kw_only=True)
class User:
    """An account."""

    id: str
    name: str
    is_bot: bool = False
    takes_direct: bool = False
    """Whether direct messages reach them; here everybody has them switched off at first."""

    @property
    def mention(self) -> str:
        """The text that mentions this user."""
        return f"<@{self.id}>"


@dataclass(slots=True, eq=False, kw_only=True)
class Role:
    """A role of a guild; @everyone has the guild's own id."""

    id: str
    name: str
    permissions: set[str]
    position: int = 0
    is_managed: bool = False
    is_mentionable: bool = False

    @property
    def mention(self) -> str:
        """The text that mentions this role."""
        return f"<@&{self.id}>"
