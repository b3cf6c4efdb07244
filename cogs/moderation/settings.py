"""`/settings`: what those decide who manage a server.

Discord hides the commands from members without Manage Server, but a server's managers may change
that, and an API client need not ask: the permission is checked again in each of them.
"""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from typing_extensions import override

from cogs import completion
from cogs.access import check_manager
from cogs.acknowledgement import fill, open_private
from cogs.desk import requester_of
from cogs.moderation.settings_pages import (
    budget_sentence,
    defaults_line,
    log_line,
    moderators_line,
    places_line,
    retention_line,
    settings_page,
)
from cogs.preflight import check_log_channel
from jobs.errors import RequestError
from jobs.moderation.guilds import ModeratorPermission
from jobs.moderation.management import MAX_RETENTION_DAYS, Management
from jobs.quota.tiers import ALLOWANCES

Name = Range[str, 1, 100]

PERMISSIONS = [Choice(name=one.label, value=one.value) for one in ModeratorPermission]
LIMITS = [Choice(name=one.label, value=one.value) for one in ALLOWANCES]


class PlaceOption(app_commands.Transformer):
    """A channel in which, or in whose threads, people write; only its id is needed."""

    @property
    @override
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    @override
    def channel_types(self) -> list[discord.ChannelType]:
        kinds = discord.ChannelType
        return [kinds.text, kinds.news, kinds.forum, kinds.voice, kinds.stage_voice]

    @override
    async def transform(self, interaction: discord.Interaction, value: object, /) -> int:
        """Return the id; an API client may send a thread, which is nothing to be set.

        Raises:
            TypeError: It is no channel of a server; discord.py makes a `TransformerError` of it.
        """
        if not isinstance(value, app_commands.AppCommandChannel):
            raise TypeError(f"{value!r} is no channel")
        return value.id


Place = app_commands.Transform[int, PlaceOption]


class ChannelsGroup(app_commands.Group):
    """Chooses where `/video` works."""

    def __init__(self, *, management: Management) -> None:
        super().__init__(name="channels", description="Where /video works")
        self._management = management

    @app_commands.command(name="add", description="Let /video work in this channel")
    @app_commands.describe(channel="With its threads; it then works only in the channels added so")
    async def add(self, interaction: discord.Interaction, channel: Place) -> None:
        """Add a channel."""
        check_manager(interaction)
        if await open_private(interaction):
            by = requester_of(interaction)
            await fill(interaction, places_line(await self._management.open_channel(by, channel)))

    @app_commands.command(name="remove", description="Let /video no longer work in this channel")
    @app_commands.describe(channel="One of those that were added")
    async def remove(self, interaction: discord.Interaction, channel: Place) -> None:
        """Remove a channel."""
        check_manager(interaction)
        if await open_private(interaction):
            by = requester_of(interaction)
            settings = await self._management.close_channel(by, channel)
            await fill(interaction, places_line(settings))

    @app_commands.command(name="clear", description="Let /video work in every channel")
    async def clear(self, interaction: discord.Interaction) -> None:
        """Remove all channels."""
        check_manager(interaction)
        if await open_private(interaction):
            by = requester_of(interaction)
            await fill(interaction, places_line(await self._management.open_everywhere(by)))


class SettingsGroup(app_commands.Group):
    """Changes a server's settings, and shows them."""

    def __init__(self, *, management: Management) -> None:
        super().__init__(
            name="settings",
            description="What Flipbook does in this server",
            guild_only=True,
            default_permissions=discord.Permissions(manage_guild=True),
        )
        self._management = management
        self.add_command(ChannelsGroup(management=management))

    @app_commands.command(name="show", description="All settings of this server")
    async def show(self, interaction: discord.Interaction) -> None:
        """Show everything."""
        check_manager(interaction)
        if not await open_private(interaction):
            return
        guild_id, management = interaction.guild_id or 0, self._management
        budgets = await management.budgets(guild_id)
        view = settings_page(management.guilds.of(guild_id), budgets, management.currency)
        await fill(interaction, view)

    @app_commands.command(name="log", description="Where moderators are told what happens")
    @app_commands.describe(channel="Acts of moderators, and warnings; left out: nowhere")
    async def log(
        self, interaction: discord.Interaction, channel: discord.TextChannel | None = None
    ) -> None:
        """Choose the log channel."""
        check_manager(interaction)
        check_log_channel(channel)
        if await open_private(interaction):
            by, channel_id = requester_of(interaction), None if channel is None else channel.id
            settings = await self._management.set_log_channel(by, channel_id)
            await fill(interaction, log_line(settings))

    @app_commands.command(name="defaults", description="Who renders if a member does not say")
    @app_commands.describe(
        provider="Preferred if it can; left out: none",
        model="Preferred if it is there; left out: none",
    )
    async def defaults(
        self,
        interaction: discord.Interaction,
        provider: Name | None = None,
        model: Name | None = None,
    ) -> None:
        """Choose the provider and the model."""
        check_manager(interaction)
        if await open_private(interaction):
            by = requester_of(interaction)
            settings = await self._management.set_defaults(by, provider or None, model or None)
            await fill(interaction, defaults_line(settings))

    @app_commands.command(name="moderators", description="Who may use /mod")
    @app_commands.describe(
        permission="Who has it is a moderator; managers always are",
        add_role="Its members are moderators too",
        remove_role="Its members are no longer, unless they have the permission",
    )
    @app_commands.choices(permission=PERMISSIONS)
    async def moderators(
        self,
        interaction: discord.Interaction,
        permission: str | None = None,
        add_role: discord.Role | None = None,
        remove_role: discord.Role | None = None,
    ) -> None:
        """Choose who moderates."""
        check_manager(interaction)
        if permission is None and add_role is None and remove_role is None:
            raise RequestError("Pick at least one of the options.", field="permission")
        if await open_private(interaction):
            settings = await self._management.set_moderators(
                requester_of(interaction),
                permission=permission,
                add_role=None if add_role is None else add_role.id,
                remove_role=None if remove_role is None else remove_role.id,
            )
            await fill(interaction, moderators_line(settings))

    @app_commands.command(name="retention", description="How long ended videos are kept")
    @app_commands.describe(
        days="Then they go, with prompts and files; left out: as long as the bot's operator says"
    )
    async def retention(
        self,
        interaction: discord.Interaction,
        days: Range[int, 1, MAX_RETENTION_DAYS] | None = None,
    ) -> None:
        """Choose how long."""
        check_manager(interaction)
        if await open_private(interaction):
            settings = await self._management.set_retention(requester_of(interaction), days)
            await fill(interaction, retention_line(settings))

    @app_commands.command(name="budget", description="What all members together may make")
    @app_commands.describe(
        limit="What is limited, and for how long",
        amount="Such as 100, 600 s or 25.00; unlimited takes the limit away, none stops all",
    )
    @app_commands.choices(limit=LIMITS)
    async def budget(self, interaction: discord.Interaction, limit: str, amount: Name) -> None:
        """Limit the whole server."""
        check_manager(interaction)
        if await open_private(interaction):
            management = self._management
            rule = await management.set_budget(requester_of(interaction), limit, amount)
            settings = management.guilds.of(interaction.guild_id or 0)
            await fill(interaction, budget_sentence(rule, settings, management.currency))

    @defaults.autocomplete("provider")
    async def complete_provider(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the providers that are on."""
        del interaction
        return completion.complete_providers(self._management.catalogue, current)

    @defaults.autocomplete("model")
    async def complete_model(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the models of the provider that was picked, or of all."""
        picked: str | None = interaction.namespace.provider
        return completion.complete_models(self._management.catalogue, current, picked)
