"""`/mod`: the moderators' commands, put together from what each of them is about."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range

from cogs.moderation.audit import KIND_CHOICES, AuditReader, Search, parse_kind
from jobs.moderation.appeals import Appeals
from jobs.moderation.blocking import Blocking
from jobs.moderation.casework import Casework
from jobs.moderation.clearing import Clearing
from jobs.moderation.decisions import Decisions
from jobs.moderation.outcomes import Outcomes
from jobs.moderation.policies import Policing
from jobs.moderation.review import Reviews
from jobs.ports import AuditLog
from jobs.usage.spending import Spending


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """What moderators work with, beside the quotas.

    Attributes:
        decisions: What becomes of jobs whose submit was never answered.
        clearing: How videos are stopped.
        blocking: Whom they keep out.
        audit: What they did.
        spending: What was made and spent.
        casework: What members report and appeal.
        appeals: What they appeal of refused prompts.
        outcomes: What became of all that, as they read it.
        policing: What prompts may not hold.
        reviews: What becomes of prompts that were held.
    """

    decisions: Decisions
    clearing: Clearing
    blocking: Blocking
    audit: AuditLog
    spending: Spending
    casework: Casework
    appeals: Appeals
    outcomes: Outcomes
    policing: Policing
    reviews: Reviews


class ModGroup(app_commands.Group):
    """Everything that takes a moderator."""

    def __init__(
        self,
        *,
        groups: Iterable[app_commands.Group | app_commands.Command[Any, ..., Any]],
        audit_reader: AuditReader,
    ) -> None:
        super().__init__(
            name="mod",
            description="For moderators",
            default_permissions=discord.Permissions(manage_messages=True),
        )
        self._audit_reader = audit_reader
        for group in groups:
            self.add_command(group)

    @app_commands.command(name="audit", description="What moderators did: who, what, when and why")
    @app_commands.describe(
        member="Only what was done to this member, or to a video of theirs",
        moderator="Only what this one did",
        kind="Only this",
        before="Only acts before the one of this number",
    )
    @app_commands.choices(kind=KIND_CHOICES)
    async def audit(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        moderator: discord.User | None = None,
        kind: str | None = None,
        before: Range[int, 1, 2**53 - 1] | None = None,
    ) -> None:
        """Show the newest acts; the page itself asks for the permission."""
        search = Search(
            before=before or 0,
            member_id=0 if member is None else member.id,
            actor_id=0 if moderator is None else moderator.id,
            kind=parse_kind(kind),
        )
        await self._audit_reader.show(interaction, search)
