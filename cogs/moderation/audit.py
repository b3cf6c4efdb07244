"""`/mod audit`: what moderators did, page by page.

A page's button holds what it narrows down to as numbers, so it works for ever; who presses it is
asked for the permission again, and sees only the server that it is pressed in.
"""

import re
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, cast

import discord
from discord.app_commands import Choice
from discord.ui import Button, LayoutView
from typing_extensions import override

from cogs.access import Access
from cogs.acknowledgement import fill, open_private
from cogs.lasting_buttons import LastingButton
from cogs.moderation.pages import audit_page, fitting
from jobs.errors import RequestError
from jobs.moderation.acts import ActKind
from jobs.ports import AuditLog

ON_A_PAGE = 10
LARGEST = 2**63 - 1  # what the database takes for a number
NUMBER = r"\d{1,20}"
KINDS = tuple(ActKind)  # a button knows a kind by its place here: new ones go to the end
KIND_CHOICES = [Choice(name=kind.label, value=kind.value) for kind in ActKind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which acts are looked for; 0 and None are all."""

    before: int = 0
    member_id: int = 0
    actor_id: int = 0
    kind: ActKind | None = None

    @property
    def custom_id(self) -> str:
        """Return the custom id of the button that searches so."""
        kind = 0 if self.kind is None else KINDS.index(self.kind) + 1
        return f"mod:audit:{self.before}:{self.member_id}:{self.actor_id}:{kind}"

    @classmethod
    def of_button(cls, match: re.Match[str]) -> Self:
        """Read a button's custom id."""
        before, member_id, actor_id, kind = (
            min(int(match[name]), LARGEST) for name in ("before", "member", "actor", "kind")
        )
        is_known = 0 < kind <= len(KINDS)
        return cls(
            before=before,
            member_id=member_id,
            actor_id=actor_id,
            kind=KINDS[kind - 1] if is_known else None,
        )


class AuditReader:
    """Shows the audit to those who may see it."""

    def __init__(self, *, access: Access, audit: AuditLog) -> None:
        self._access = access
        self._audit = audit

    async def show(self, interaction: discord.Interaction[Any], search: Search) -> None:
        """Answer with a page of the audit.

        Raises:
            NotAllowedError: The member is no moderator here.
        """
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        found = await self._audit.acts(
            interaction.guild_id or 0,
            limit=ON_A_PAGE + 1,
            before=search.before or None,
            kind=search.kind,
            actor_id=search.actor_id or None,
            member_id=search.member_id or None,
        )
        shown = fitting(found[:ON_A_PAGE])
        has_older = len(shown) < len(found)
        older = older_button(replace(search, before=shown[-1].number)) if has_older else None
        await fill(interaction, audit_page(shown, older))


class HasAudit(Protocol):
    """The client that the button belongs to."""

    @property
    def audit_reader(self) -> AuditReader:
        """Return what shows the audit."""
        ...


class OlderButton(
    LastingButton,
    template=rf"mod:audit:(?P<before>{NUMBER}):(?P<member>{NUMBER}):(?P<actor>{NUMBER}):(?P<kind>{NUMBER})",
):
    """Leads to the acts before the last one of a page."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        reader = cast("HasAudit", interaction.client).audit_reader
        await reader.show(interaction, Search.of_button(self.named))


def older_button(search: Search) -> Button[LayoutView]:
    """Return the button that leads on."""
    return Button(label="Older", style=discord.ButtonStyle.secondary, custom_id=search.custom_id)


def parse_kind(text: str | None) -> ActKind | None:
    """Read the option `kind`, which an API client may send as it likes.

    Raises:
        RequestError: There is no such kind.
    """
    if text is None:
        return None
    try:
        return ActKind(text)
    except ValueError as error:
        raise RequestError("`kind` must be one of those offered.", field="kind") from error
