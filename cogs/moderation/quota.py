"""`/mod quota`: who may make how much, decided and explained by moderators."""

from enum import StrEnum

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from cogs.access import Access
from cogs.acknowledgement import fill, open_private
from cogs.completion import MAX_CHOICES, as_choices, complete_last, contains
from cogs.options import chosen
from cogs.quota import member_of
from cogs.quota_pages import (
    cleared_sentence,
    explained_page,
    granted_sentence,
    reset_sentence,
    revoked_sentence,
    rules_page,
    set_sentence,
)
from jobs.errors import RequestError
from jobs.quota.allowances import Allowances
from jobs.quota.amounts import words_of
from jobs.quota.books import Unit
from jobs.quota.tiers import ALLOWANCES, EVERYONE, Kind, Setting, Target

ReasonOption = Range[str, 1, 200]
AmountOption = Range[str, 1, 400]
EXTRAS = "extras"

SETTING_CHOICES = [Choice(name=one.label, value=one.value) for one in Setting]
ALLOWANCE_CHOICES = [Choice(name=one.label, value=one.value) for one in ALLOWANCES]
EXTRAS_CHOICE = Choice(name="extras that were granted", value=EXTRAS)

WHY = "Why, for the audit"
WHICH = "What is limited"
MEMBER = "For one member; neither member nor role means everyone here"
ROLE = "For all who have a role; the most generous of a member's roles counts"


class Grantable(StrEnum):
    """What extras can be given of."""

    VIDEOS = "videos"
    SECONDS = "seconds"
    MONEY = "money"


UNITS = {
    Grantable.VIDEOS: Unit.VIDEOS,
    Grantable.SECONDS: Unit.VIDEO_MS,
    Grantable.MONEY: Unit.MONEY_MICROS,
}
WHAT_CHOICES = [Choice(name=one.value, value=one.value) for one in Grantable]


class QuotaGroup(app_commands.Group):
    """Sets, takes back and explains limits."""

    def __init__(self, *, allowances: Allowances, access: Access) -> None:
        super().__init__(name="quota", description="Who may make how much")
        self._allowances = allowances
        self._access = access

    @app_commands.command(name="set", description="Limit a member, a role, or everyone here")
    @app_commands.describe(
        limit=WHICH,
        amount="Such as 20, 90 s, 5.50, a list of names, unlimited, or none",
        member=MEMBER,
        role=ROLE,
        reason=WHY,
    )
    @app_commands.choices(limit=SETTING_CHOICES)
    async def set_limit(
        self,
        interaction: discord.Interaction,
        limit: str,
        amount: AmountOption,
        member: discord.Member | discord.User | None = None,
        role: discord.Role | None = None,
        reason: ReasonOption = "",
    ) -> None:
        """Set one limit."""
        self._access.check_moderator(interaction)
        target, setting = target_of(member, role), setting_of(limit)
        if not await open_private(interaction):
            return
        by = member_of(interaction, interaction.user)
        rule = await self._allowances.set(target, setting, amount, by=by, reason=reason)
        await fill(interaction, set_sentence(rule, self._allowances.currency))

    @app_commands.command(name="clear", description="Remove a limit, or all that were set")
    @app_commands.describe(
        limit="Which one; all of them if left out", member=MEMBER, role=ROLE, reason=WHY
    )
    @app_commands.choices(limit=[*SETTING_CHOICES, EXTRAS_CHOICE])
    async def clear(
        self,
        interaction: discord.Interaction,
        limit: str | None = None,
        member: discord.Member | discord.User | None = None,
        role: discord.Role | None = None,
        reason: ReasonOption = "",
    ) -> None:
        """Remove limits, or a member's extras."""
        self._access.check_moderator(interaction)
        target = target_of(member, role)
        setting = None if limit in (None, EXTRAS) else setting_of(limit)
        if limit == EXTRAS and target.kind is not Kind.MEMBER:
            raise RequestError("Extras are one member's: name the `member`.", field="member")
        if not await open_private(interaction):
            return
        by, currency = member_of(interaction, interaction.user), self._allowances.currency
        if limit == EXTRAS:
            taken = await self._allowances.revoke(target.id, by=by, reason=reason)
            await fill(interaction, revoked_sentence(target.id, taken, currency))
            return
        rules = await self._allowances.clear(target, setting, by=by, reason=reason)
        await fill(interaction, cleared_sentence(target, rules, currency))

    @app_commands.command(name="grant", description="Give a member an extra, used first")
    @app_commands.describe(
        member="Who gets it",
        what="Of what",
        amount="How much, such as 5, 30 s, or 2.50",
        expires="How long it lasts, such as 12h, 7d or 2w; until it is used up if left out",
        reason=WHY,
    )
    @app_commands.choices(what=WHAT_CHOICES)
    async def grant(
        self,
        interaction: discord.Interaction,
        member: discord.Member | discord.User,
        what: str,
        amount: Range[str, 1, 40],
        expires: Range[str, 1, 40] = "",
        reason: ReasonOption = "",
    ) -> None:
        """Give an extra."""
        self._access.check_moderator(interaction)
        kind = chosen(Grantable, "what", what) or Grantable.VIDEOS
        if not await open_private(interaction):
            return
        by = member_of(interaction, interaction.user)
        bonus = await self._allowances.grant(
            member.id, UNITS[kind], amount, by=by, expires=expires, reason=reason
        )
        await fill(interaction, granted_sentence(bonus, self._allowances.currency))

    @app_commands.command(name="reset", description="Give back what a member has used")
    @app_commands.describe(
        member="Whose", limit="Which allowance; all of them if left out", reason=WHY
    )
    @app_commands.choices(limit=ALLOWANCE_CHOICES)
    async def reset(
        self,
        interaction: discord.Interaction,
        member: discord.Member | discord.User,
        limit: str | None = None,
        reason: ReasonOption = "",
    ) -> None:
        """Let an allowance begin anew."""
        self._access.check_moderator(interaction)
        setting = None if limit is None else setting_of(limit)
        if not await open_private(interaction):
            return
        by = member_of(interaction, interaction.user)
        given = await self._allowances.reset(member.id, setting, by=by, reason=reason)
        await fill(interaction, reset_sentence(member.id, given, self._allowances.currency))

    @app_commands.command(name="explain", description="Why a member can, or cannot, make a video")
    @app_commands.describe(member="Who")
    async def explain(
        self, interaction: discord.Interaction, member: discord.Member | discord.User
    ) -> None:
        """Show every number of a member's quota, and which layer set it."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        account = await self._allowances.account(member_of(interaction, member))
        has_left = not isinstance(member, discord.Member)
        await fill(interaction, explained_page(account, has_left=has_left))

    @app_commands.command(name="list", description="All limits that are set in this server")
    async def list_rules(self, interaction: discord.Interaction) -> None:
        """Show the server's limits."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        rules = await self._allowances.rules(interaction.guild_id or 0)
        roles = interaction.guild.roles if interaction.guild else []
        view = rules_page(
            rules,
            known_roles=frozenset(role.id for role in roles),
            currency=self._allowances.currency,
        )
        await fill(interaction, view)

    @set_limit.autocomplete("amount")
    async def complete_amount(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete the last name of a list, and offer the words that every limit knows."""
        if not self._access.is_moderator(interaction):
            return []
        limit = str(interaction.namespace.limit)
        if limit not in {*Setting}:
            return []
        setting = Setting(limit)
        words = [word for word in words_of(setting) if contains(word, current)]
        names = self._allowances.names(setting)
        completed = complete_last(names, current) if names else []
        return [*as_choices((word, word) for word in words), *completed][:MAX_CHOICES]


def target_of(member: discord.Member | discord.User | None, role: discord.Role | None) -> Target:
    """Return whom a command is about.

    Raises:
        RequestError: Two are named at once.
    """
    if member is not None and role is not None:
        raise RequestError("Name a `member` or a `role`, not both at once.", field="role")
    if member is not None:
        return Target(kind=Kind.MEMBER, id=member.id)
    if role is None or role.is_default():
        return EVERYONE
    return Target(kind=Kind.ROLE, id=role.id)


def setting_of(limit: str) -> Setting:
    """Read which limit is meant.

    Raises:
        RequestError: There is none of that name.
    """
    setting = chosen(Setting, "limit", limit)
    if setting is None:
        raise RequestError("`limit` is missing.", field="limit")
    return setting
