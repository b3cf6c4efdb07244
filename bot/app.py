"""Builds every object once: what all commands share.

`bot.run` adds Discord and the HTTP door to it, `bot.serve` the HTTP door alone.
"""

import logging
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot import __version__
from bot.backends import load_prices, open_backends
from bot.clock import SystemClock
from bot.settings import Settings
from jobs.board import Board
from jobs.estimate import Estimator
from jobs.events import Notices
from jobs.ids import draw_job_id
from jobs.mail import Mail
from jobs.model import Origin
from jobs.moderation.appeals import Appeals
from jobs.moderation.base_policy import load_policy
from jobs.moderation.courier import Courier
from jobs.moderation.guilds import Guilds
from jobs.moderation.herald import Herald
from jobs.moderation.management import Management
from jobs.moderation.policies import Policies
from jobs.moderation.takedown import Takedown
from jobs.ports import Clock, Delivery, GuildLog, MemberPost, Postings
from jobs.prices import PriceTable
from jobs.privacy.housekeeping import Housekeeping
from jobs.privacy.rights import Privacy
from jobs.quota.operator_file import load_rules
from jobs.request import MAX_SEED
from jobs.runner import Runner
from jobs.service import Draws, Service
from jobs.steps import Steps
from providers.registry import Registry
from storage.artifacts import FolderArtifactStore
from storage.database import Database
from storage.folder import DataFolder
from storage.inbox import SqliteInbox
from storage.jobs import SqliteJobStore
from storage.media.orders import PyAvMedia
from storage.moderation.appeals import SqliteAppealStore
from storage.moderation.cases import SqliteCaseStore
from storage.moderation.guilds import SqliteGuildStore
from storage.moderation.outcomes import SqliteOutcomeStore
from storage.moderation.policies import SqlitePolicyStore
from storage.privacy.deletion import SqlitePrivacyStore
from storage.privacy.retention import SqliteRetentionStore
from storage.quota.store import SqliteQuotaStore
from storage.values import SqliteValueStore
from storage.video_folder import SweptFolder

logger = logging.getLogger(__name__)

QUOTAS = "quotas.toml"  # in the data folder
POLICY = "policy.toml"  # there, too
DRAIN_S = 8.0  # Docker sends SIGKILL ten seconds after SIGTERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every command works with."""

    settings: Settings
    clock: Clock
    database: Database
    jobs: SqliteJobStore
    quotas: SqliteQuotaStore
    guilds: SqliteGuildStore
    cases: SqliteCaseStore
    outcomes: SqliteOutcomeStore
    appeals: Appeals
    inbox: SqliteInbox
    values: SqliteValueStore
    artifacts: FolderArtifactStore
    media: PyAvMedia
    catalogue: Registry
    notices: Notices
    estimator: Estimator
    prices: PriceTable
    service: Service
    management: Management
    policies: Policies
    policy_store: SqlitePolicyStore
    privacy_store: SqlitePrivacyStore
    retention: SqliteRetentionStore
    files: SweptFolder
    privacy: Privacy

    def herald(self, log: GuildLog) -> Herald:
        """Build what posts news in servers' log channels."""
        return Herald(guilds=self.guilds, log=log, notices=self.notices, clock=self.clock)

    def takedown(self, postings: Postings) -> Takedown:
        """Build what takes removed videos down."""
        return Takedown(
            cases=self.cases,
            artifacts=self.artifacts,
            postings=postings,
            notices=self.notices,
            clock=self.clock,
        )

    def courier(self, post: MemberPost) -> Courier:
        """Build what tells members the outcomes of their cases."""
        return Courier(outcomes=self.outcomes, post=post, notices=self.notices, clock=self.clock)

    def runner(self, deliveries: Mapping[Origin, Delivery]) -> Runner:
        """Build the runner over the given ways back."""
        board = Board(deliveries=deliveries, clock=self.clock)
        steps = Steps(
            jobs=self.jobs,
            quotas=self.quotas,
            catalogue=self.catalogue,
            artifacts=self.artifacts,
            media=self.media,
            deliveries=deliveries,
            board=board,
            clock=self.clock,
            version=__version__,
            prices=self.prices,
        )
        return Runner(
            jobs=self.jobs,
            catalogue=self.catalogue,
            steps=steps,
            mail=Mail(
                inbox=self.inbox,
                jobs=self.jobs,
                catalogue=self.catalogue,
                steps=steps,
                clock=self.clock,
            ),
            board=board,
            notices=self.notices,
            estimator=self.estimator,
            clock=self.clock,
            draw_token=lambda: secrets.token_hex(16),
            housekeeping=self.housekeeping(),
        )

    def housekeeping(self) -> Housekeeping:
        """Build what lets go of what is over."""
        days = self.settings.retention_days
        return Housekeeping(
            privacy=self.privacy,
            store=self.retention,
            files=self.files,
            clock=self.clock,
            retention=timedelta(days=days) if days else None,
        )


@asynccontextmanager
async def open_parts(settings: Settings, *, store_dir: Path | None = None) -> AsyncGenerator[Parts]:
    """Open the data folder, the database and the backends, and close them again.

    Args:
        settings: Where everything is.
        store_dir: Holds database and videos instead of the data folder.

    Raises:
        StorageError: The folder is in use, or the database cannot be opened.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        folder = DataFolder(root=store_dir or settings.data_dir)
        stack.enter_context(folder.hold())
        database = await stack.enter_async_context(Database.open(folder.database))
        artifacts = FolderArtifactStore(folder.videos)
        prices = load_prices(settings)
        operator = load_rules(settings.data_dir / QUOTAS, currency=prices.currency)
        jobs, notices = SqliteJobStore(database, operator=operator), Notices()
        quotas = SqliteQuotaStore(database, operator=operator, currency=prices.currency)
        guilds = SqliteGuildStore(database)
        backends = open_backends(settings, clock=clock, folder=folder, endpoints=jobs.endpoints)
        catalogue = Registry(
            providers=await stack.enter_async_context(backends), default=settings.default_provider
        )
        policy_store = SqlitePolicyStore(database)
        base = load_policy(settings.data_dir / POLICY)
        policies = Policies(await policy_store.all_rules(), base=base)
        media, cases = PyAvMedia(), SqliteCaseStore(database)
        appeals = Appeals(
            store=SqliteAppealStore(database), cases=cases, notices=notices, clock=clock
        )
        estimator = Estimator(jobs=jobs, slots=lambda name: catalogue.provider(name).slots)
        service = Service(
            jobs=jobs,
            quotas=quotas,
            catalogue=catalogue,
            artifacts=artifacts,
            media=media,
            notices=notices,
            estimator=estimator,
            clock=clock,
            draws=Draws(job_id=draw_job_id, seed=lambda: secrets.randbelow(MAX_SEED + 1)),
            prices=prices,
            policies=policies,
            appeals=appeals,
        )
        management = Management(
            guilds=Guilds(await guilds.all_settings()),
            store=guilds,
            quotas=quotas,
            catalogue=catalogue,
            notices=notices,
            clock=clock,
            currency=prices.currency,
        )
        privacy_store, files = SqlitePrivacyStore(database), SweptFolder(folder.videos)
        yield Parts(
            settings=settings,
            clock=clock,
            database=database,
            jobs=jobs,
            quotas=quotas,
            guilds=guilds,
            cases=cases,
            outcomes=SqliteOutcomeStore(database),
            appeals=appeals,
            inbox=SqliteInbox(database),
            values=SqliteValueStore(database),
            artifacts=artifacts,
            media=media,
            catalogue=catalogue,
            notices=notices,
            estimator=estimator,
            prices=prices,
            service=service,
            management=management,
            policies=policies,
            policy_store=policy_store,
            privacy_store=privacy_store,
            retention=SqliteRetentionStore(database),
            files=files,
            privacy=Privacy(
                store=privacy_store, jobs=jobs, files=files, notices=notices, clock=clock
            ),
        )
