"""The Discord client: what it listens to, which cogs it has, and when its commands are synced."""

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
import discord
from discord.ext import commands
from typing_extensions import override

from cogs.access import Access
from cogs.cases.buttons import CASE_BUTTONS
from cogs.cases.desk import CaseDesk
from cogs.cases.member_post import DiscordMemberPost
from cogs.cases.pages import news_buttons
from cogs.cases.reports import ReportsCog
from cogs.delivery import DiscordDelivery
from cogs.desk import Desk
from cogs.errors import FlipbookTree
from cogs.help import HelpCog
from cogs.models import ModelsCog
from cogs.moderation.audit import AuditReader, OlderButton
from cogs.moderation.block import BlockGroup
from cogs.moderation.cases import CasesGroup, RemovalGroup
from cogs.moderation.commands import Moderation, ModGroup
from cogs.moderation.departures import DeparturesCog
from cogs.moderation.guild_log import DiscordGuildLog
from cogs.moderation.jobs import JobsGroup
from cogs.moderation.policy import PolicyGroup
from cogs.moderation.policy_pages import review_buttons
from cogs.moderation.postings import DiscordPostings
from cogs.moderation.quota import QuotaGroup
from cogs.moderation.review import ReviewButton, ReviewDesk, review_command
from cogs.moderation.settings import SettingsGroup
from cogs.moderation.usage import usage_commands
from cogs.privacy import DeleteButton, OwnData, PrivacyDesk, PrivacyGroup
from cogs.queue import QueueCog
from cogs.quota import QuotaCog
from cogs.video import VideoCog
from cogs.views import BUTTONS
from jobs.moderation.management import Management
from jobs.ports import Clock, ValueStore
from jobs.quota.allowances import Allowances
from jobs.service import Service

logger = logging.getLogger(__name__)

LONGEST_RATE_LIMIT_S = 60.0  # a longer one is raised, and the runner waits instead of a request


class FlipbookClient(commands.Bot):
    """A `commands.Bot` without prefix commands, privileged intents or caches.

    Args:
        service: Takes the orders.
        moderation: Takes what moderators decide.
        management: Takes what managers set.
        allowances: Knows who may make how much.
        own_data: Knows what is stored about whom.
        values: Remembers which commands were last synced.
        clock: Tells how long interaction tokens live.
        proxy: An HTTP proxy for all of Discord's traffic.
        dev_guild: A server that gets all commands at once, instead of everybody.
        connector: A connector for tests.
        guild_ready_timeout: Seconds of silence after which all servers count as known.
    """

    def __init__(  # noqa: PLR0913 - each an outside thing, once
        self,
        *,
        service: Service,
        moderation: Moderation,
        management: Management,
        allowances: Allowances,
        own_data: OwnData,
        values: ValueStore,
        clock: Clock,
        proxy: str | None = None,
        dev_guild: int | None = None,
        connector: aiohttp.BaseConnector | None = None,
        guild_ready_timeout: float = 0.5,
        syncs_at_start: bool = True,
    ) -> None:
        outside: dict[str, Any] = {"proxy": proxy} | ({"connector": connector} if connector else {})
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=FlipbookTree,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_contexts=discord.app_commands.AppCommandContext(guild=True),
            allowed_installs=discord.app_commands.AppInstallationType(guild=True),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=guild_ready_timeout,
            max_ratelimit_timeout=LONGEST_RATE_LIMIT_S,
            **outside,
        )
        self._service = service
        self._moderation = moderation
        self._management = management
        self._allowances = allowances
        self._own_data = own_data
        self._clock = clock
        self._values = values
        self._dev_guild = dev_guild
        self._syncs_at_start = syncs_at_start
        self._has_gateway = False
        self._delivery = DiscordDelivery(client=self, clock=clock, catalogue=service.catalogue)
        self._guild_log = DiscordGuildLog(
            self, buttons={"case": news_buttons, "held": review_buttons}
        )
        self._postings = DiscordPostings(self)
        self._access = Access(management.guilds)
        self._desk = Desk(
            service=service,
            delivery=self._delivery,
            guilds=management.guilds,
            access=self._access,
            appeals=moderation.appeals,
        )
        self._member_post = DiscordMemberPost(self)
        self._case_desk = CaseDesk(
            casework=moderation.casework,
            appeals=moderation.appeals,
            outcomes=moderation.outcomes,
            access=self._access,
        )
        self._privacy_desk = PrivacyDesk(
            own_data=own_data, guilds=management.guilds, catalogue=service.catalogue
        )
        self._review_desk = ReviewDesk(
            access=self._access,
            reviews=moderation.reviews,
            service=service,
            delivery=self._delivery,
        )
        self._audit_reader = AuditReader(access=self._access, audit=moderation.audit)

    @property
    def delivery(self) -> DiscordDelivery:
        """The way back into Discord, for the runner."""
        return self._delivery

    @property
    def guild_log(self) -> DiscordGuildLog:
        """The way to servers' log channels, for the herald."""
        return self._guild_log

    @property
    def postings(self) -> DiscordPostings:
        """The way to what was posted, for what takes videos down."""
        return self._postings

    @property
    def member_post(self) -> DiscordMemberPost:
        """The ways to those who brought a case, for what tells outcomes."""
        return self._member_post

    @property
    def case_desk(self) -> CaseDesk:
        """Where reports, appeals and decisions are left, also by their buttons."""
        return self._case_desk

    @property
    def review_desk(self) -> ReviewDesk:
        """Where held prompts are decided about, also by their buttons."""
        return self._review_desk

    @property
    def desk(self) -> Desk:
        """Where commands and buttons leave their orders."""
        return self._desk

    @property
    def audit_reader(self) -> AuditReader:
        """What shows the audit, also to those who press its button."""
        return self._audit_reader

    @property
    def privacy_desk(self) -> PrivacyDesk:
        """What answers people about their data, also those who press its button."""
        return self._privacy_desk

    @property
    def is_connected(self) -> bool:
        """Discord's gateway is open now; `is_ready` stays true when it breaks."""
        return self._has_gateway and not self.is_closed()

    async def on_connect(self) -> None:
        """Note a new session; `on_ready` follows it later, even after the next break."""
        self._has_gateway = True

    async def on_resumed(self) -> None:
        """Note that a broken session goes on."""
        self._has_gateway = True

    async def on_disconnect(self) -> None:
        """Note that the gateway broke, or that it could not be reached again."""
        self._has_gateway = False

    @override
    async def setup_hook(self) -> None:
        """Add what answers interactions, and sync the commands if they changed."""
        await self.load()
        if not self._syncs_at_start:
            return
        try:
            await self.sync(self._dev_guild)
        except discord.HTTPException:
            # The commands that were synced before still work, so this must not stop the bot.
            logger.exception("Commands not synced", extra={"action": "sync_failed"})

    async def load(self) -> None:
        """Add cogs and buttons; once for each client."""
        catalogue = self._service.catalogue
        for cog in (
            VideoCog(desk=self._desk),
            QueueCog(desk=self._desk),
            QuotaCog(allowances=self._allowances),
            ModelsCog(catalogue=catalogue),
            HelpCog(catalogue=catalogue),
            DeparturesCog(
                client=self,
                management=self._management,
                departures=self._own_data.departures,
                clock=self._clock,
            ),
        ):
            await self.add_cog(cog)
        reports = ReportsCog(desk=self._case_desk)
        await self.add_cog(reports)
        self.tree.add_command(reports.menu)
        self.tree.add_command(PrivacyGroup(desk=self._privacy_desk))
        self.tree.add_command(SettingsGroup(management=self._management))
        self.tree.add_command(self._mod_group())
        self.add_dynamic_items(*BUTTONS, *CASE_BUTTONS, ReviewButton, OlderButton, DeleteButton)

    def _mod_group(self) -> ModGroup:
        moderation, access = self._moderation, self._access
        jobs = JobsGroup(
            access=access,
            service=self._service,
            decisions=moderation.decisions,
            clearing=moderation.clearing,
            delivery=self._delivery,
        )
        quota = QuotaGroup(allowances=self._allowances, access=access)
        block = BlockGroup(access=access, blocking=moderation.blocking)
        usage = usage_commands(access=access, spending=moderation.spending)
        cases = CasesGroup(access=access, casework=moderation.casework)
        policy = PolicyGroup(access=access, policing=moderation.policing)
        review = review_command(self._review_desk)
        removal = RemovalGroup(access=access, casework=moderation.casework)
        return ModGroup(
            groups=[jobs, quota, block, policy, review, cases, removal, *usage],
            audit_reader=self._audit_reader,
        )

    async def sync(self, guild_id: int | None = None, *, force: bool = False) -> bool:
        """Bring the commands to Discord if they differ from those synced last.

        Discord shows a server its own commands beside the global ones, and keeps both until they
        are removed: a server that was synced sees each command twice once there are global ones.

        Args:
            guild_id: The server that gets all commands at once; None is everybody.
            force: Sync even if nothing changed.

        Returns:
            Whether they were sent.

        Raises:
            discord.HTTPException: Discord did not take them.
        """
        guild = None if guild_id is None else discord.Object(id=guild_id)
        if guild is not None:
            self.tree.copy_global_to(guild=guild)
        name = f"commands:{'global' if guild_id is None else guild_id}"
        digest = self._digest(guild)
        is_known = await self._values.get_value(name) == digest
        if not force and is_known and not await self._are_missing(guild):
            return False
        await self.tree.sync(guild=guild)
        await self._values.set_value(name, digest)
        logger.info("Commands synced: %s", name, extra={"action": "commands_synced"})
        if guild is not None:
            logger.info(
                "The commands of server %s stand beside the global ones, if there are any",
                guild.id,
                extra={"action": "guild_commands_synced"},
            )
        return True

    async def _are_missing(self, guild: discord.Object | None) -> bool:
        """Say whether Discord lacks synced commands; if it does not tell, it lacks none."""
        try:
            there = {command.name for command in await self.tree.fetch_commands(guild=guild)}
        except discord.HTTPException:
            return False
        return not there >= {command.name for command in self.tree.get_commands(guild=guild)}

    def _digest(self, guild: discord.Object | None) -> str:
        """Hash the commands together with the application that has them."""
        payloads: list[Mapping[str, Any]] = [
            command.to_dict(self.tree) for command in self.tree.get_commands(guild=guild)
        ]
        content = json.dumps([self.application_id, payloads], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
