"""What managers do to their servers' settings, and what follows when Discord deletes something.

Each change is written with its act and then known to all who ask `Guilds`; changes are made one
after the other, so none overwrites what another has just set.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from jobs.errors import NotAllowedError, RequestError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.acts import Act, ActKind
from jobs.moderation.guilds import Guilds, GuildSettings, ModeratorPermission
from jobs.moderation.preferences import check_defaults
from jobs.ports import Catalogue, Clock, GuildStore, QuotaStore
from jobs.quota.amounts import parse_value
from jobs.quota.statements import Balance
from jobs.quota.tiers import ALLOWANCES, SERVER, Kind, Rule, Setting
from jobs.request import ProviderName

logger = logging.getLogger(__name__)

FLIPBOOK = 0  # who acts when something was deleted in Discord
MAX_CHANNELS, MAX_ROLES = 50, 25
MAX_RETENTION_DAYS = 3650

NameT = TypeVar("NameT", ProviderName, ModeratorPermission, Setting)
Change = Callable[[GuildSettings], GuildSettings]


class Management:
    """The managers' way in; every call is held to their server."""

    def __init__(  # noqa: PLR0913 - the subject's ports, each once
        self,
        *,
        guilds: Guilds,
        store: GuildStore,
        quotas: QuotaStore,
        catalogue: Catalogue,
        notices: Notices,
        clock: Clock,
        currency: str = "",
    ) -> None:
        self.guilds = guilds
        self.catalogue = catalogue
        self.currency = currency
        self._store = store
        self._quotas = quotas
        self._notices = notices
        self._clock = clock
        self._turn = asyncio.Lock()

    async def budgets(self, guild_id: int) -> Sequence[Balance]:
        """Return the allowances of the whole server that have a limit, with what is left."""
        server = Requester(guild_id=guild_id)
        return (await self._quotas.statement(server, now=self._clock.now())).server

    # Where `/video` works

    async def open_channel(self, by: Requester, channel_id: int) -> GuildSettings:
        """Let `/video` work in a channel, and only in those that were opened so.

        Raises:
            NotAllowedError: There are enough of them.
        """

        def change(settings: GuildSettings) -> GuildSettings:
            channels = settings.channels | {channel_id}
            if len(channels) > MAX_CHANNELS:
                raise NotAllowedError(f"There can be {MAX_CHANNELS} channels at most.")
            return settings.evolve(channels=channels)

        return await self._change(by, change)

    async def close_channel(self, by: Requester, channel_id: int) -> GuildSettings:
        """Let `/video` no longer work in a channel that was opened.

        Raises:
            NotAllowedError: It is the only one.
        """

        def change(settings: GuildSettings) -> GuildSettings:
            if settings.channels == frozenset({channel_id}):
                raise NotAllowedError(
                    "That is the only channel where `/video` works: add another one first, or let "
                    "it work everywhere with `/settings channels clear`."
                )
            return settings.evolve(channels=settings.channels - {channel_id})

        return await self._change(by, change)

    async def open_everywhere(self, by: Requester) -> GuildSettings:
        """Let `/video` work in every channel."""
        return await self._change(by, lambda settings: settings.evolve(channels=frozenset[int]()))

    # Everything else

    async def set_log_channel(self, by: Requester, channel_id: int | None) -> GuildSettings:
        """Choose where moderators are told what they should know; None is nowhere."""
        return await self._change(by, lambda settings: settings.evolve(log_channel_id=channel_id))

    async def set_defaults(
        self, by: Requester, provider: str | None, model: str | None
    ) -> GuildSettings:
        """Choose who renders, and with what, where a member does not say; None is no preference.

        Raises:
            RequestError: There is no such provider or model, or not together.
        """
        name = None if provider is None else read_name(ProviderName, "provider", provider)
        check_defaults(name, model, self.catalogue)
        return await self._change(
            by, lambda settings: settings.evolve(default_provider=name, default_model=model)
        )

    async def set_retention(self, by: Requester, days: int | None) -> GuildSettings:
        """Choose how long ended videos are kept; None is as long as the operator says.

        Raises:
            RequestError: It is no such number of days.
        """
        if days is not None and not 1 <= days <= MAX_RETENTION_DAYS:
            raise RequestError(
                f"`days` must be between 1 and {MAX_RETENTION_DAYS:,}.", field="days"
            )
        return await self._change(by, lambda settings: settings.evolve(retention_days=days))

    async def set_moderators(
        self,
        by: Requester,
        *,
        permission: str | None = None,
        add_role: int | None = None,
        remove_role: int | None = None,
    ) -> GuildSettings:
        """Choose who moderates: who has a permission, and who has one of some roles.

        Raises:
            RequestError: It is no permission that counts.
            NotAllowedError: Everybody would, or there are enough roles.
        """
        if add_role == by.guild_id:  # Discord's id of @everyone is the server's
            raise NotAllowedError("With that role, everybody here would be a moderator.")
        name = permission and read_name(ModeratorPermission, "permission", permission)

        def change(settings: GuildSettings) -> GuildSettings:
            roles = (settings.moderator_roles | {add_role} - {None}) - {remove_role}
            if len(roles) > MAX_ROLES:
                raise NotAllowedError(f"There can be {MAX_ROLES} roles at most.")
            return settings.evolve(
                moderator_permission=name or settings.moderator_permission, moderator_roles=roles
            )

        return await self._change(by, change)

    async def set_budget(self, by: Requester, limit: str, amount: str) -> Rule:
        """Limit what all members of a server may make together.

        Args:
            by: The manager.
            limit: One of the nine allowances.
            amount: As people write it; `unlimited` takes the limit away.

        Raises:
            RequestError: It is no such limit, or no amount of it.
        """
        setting = read_name(Setting, "limit", limit)
        if setting not in ALLOWANCES:
            raise RequestError("`limit` must be one of the choices.", field="limit")
        value = parse_value(setting, amount, self.currency)
        rule = Rule(target=SERVER, setting=setting, value=value)
        act = self._act(by.guild_id, by.user_id)
        if value is None:
            await self._quotas.clear_rules(SERVER, setting, act=act)
        else:
            await self._quotas.set_rule(rule, act=act)
        self._notices.news_added()
        return rule

    # What was deleted in Discord

    async def tidy(
        self,
        guild_id: int,
        *,
        has_role: Callable[[int], bool],
        has_channel: Callable[[int], bool],
    ) -> None:
        """Let go of roles and channels that a server no longer has.

        Where all channels are gone in which `/video` worked they stay in the settings, for
        otherwise it would suddenly work everywhere.
        """

        def without_roles(settings: GuildSettings) -> GuildSettings:
            roles = frozenset(filter(has_role, settings.moderator_roles))
            return settings.evolve(moderator_roles=roles)

        def without_channels(settings: GuildSettings) -> GuildSettings:
            log_channel = settings.log_channel_id
            is_there = log_channel is not None and has_channel(log_channel)
            return settings.evolve(
                channels=frozenset(filter(has_channel, settings.channels)) or settings.channels,
                log_channel_id=log_channel if is_there else None,
            )

        itself = Requester(guild_id=guild_id, user_id=FLIPBOOK)
        await self._change(itself, without_roles, reason="a role was deleted in Discord")
        await self._change(itself, without_channels, reason="a channel was deleted in Discord")
        await self._clear_rules_of_gone(guild_id, has_role)

    async def _clear_rules_of_gone(self, guild_id: int, has_role: Callable[[int], bool]) -> None:
        targets = {rule.target for rule in await self._quotas.rules(guild_id)}
        for target in sorted(targets, key=str):
            if target.kind is Kind.ROLE and not has_role(target.id):
                act = self._act(
                    guild_id,
                    FLIPBOOK,
                    kind=ActKind.QUOTA_CLEAR,
                    target=str(target),
                    reason="the role was deleted in Discord",
                )
                await self._quotas.clear_rules(target, None, act=act)
                self._notices.news_added()

    async def _change(self, by: Requester, change: Change, *, reason: str = "") -> GuildSettings:
        """Write what a change makes of a server's settings; what stays as it was is no act."""
        async with self._turn:
            before = self.guilds.of(by.guild_id)
            after = change(before)
            if after == before:
                return before
            act = self._act(by.guild_id, by.user_id, reason=reason)
            await self._store.save_settings(after, act=act)
            self.guilds.learn(after)
        self._notices.news_added()
        return after

    def _act(
        self,
        guild_id: int,
        actor_id: int,
        *,
        kind: ActKind = ActKind.SETTINGS,
        target: str = str(SERVER),
        reason: str = "",
    ) -> Act:
        return Act(
            guild_id=guild_id,
            actor_id=actor_id,
            kind=kind,
            target=target,
            at=self._clock.now(),
            reason=reason,
        )


def read_name(kind: type[NameT], field: str, text: str) -> NameT:
    """Read one of a closed set of names.

    Raises:
        RequestError: It is none of them.
    """
    try:
        return kind(text)
    except ValueError as error:
        names = ", ".join(one.value for one in kind)
        raise RequestError(f"`{field}` must be one of: {names}.", field=field) from error
