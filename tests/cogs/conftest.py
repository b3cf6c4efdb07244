"""The real client over real sockets, in front of the real service on real SQLite.

Only what renders and what opens media is made up; Discord is the sandbox.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, cast

import aiohttp
import pytest
from typing_extensions import override

from bot.client import FlipbookClient
from bot.sandbox import Channel, Interaction, Member, Message, RateLimits, Sandbox
from cogs.moderation.commands import Moderation
from cogs.privacy import OwnData
from jobs.board import Board
from jobs.estimate import Estimator
from jobs.events import Notices
from jobs.mail import Mail
from jobs.model import Job, JobId, Origin
from jobs.moderation.appeals import Appeals
from jobs.moderation.base_policy import BASE, parse_policy
from jobs.moderation.blocking import Blocking
from jobs.moderation.casework import Casework
from jobs.moderation.clearing import Clearing
from jobs.moderation.decisions import Decisions
from jobs.moderation.guilds import Guilds
from jobs.moderation.management import Management
from jobs.moderation.outcomes import Outcomes
from jobs.moderation.policies import Policies, Policing
from jobs.moderation.review import Reviews
from jobs.privacy.housekeeping import Housekeeping
from jobs.privacy.rights import Privacy
from jobs.privacy.takeout import Takeout
from jobs.quota.allowances import Allowances
from jobs.quota.tiers import Setting, Value
from jobs.runner import Runner
from jobs.service import Draws, Service
from jobs.steps import Steps
from jobs.usage.spending import Spending
from providers.registry import Registry
from storage.artifacts import FolderArtifactStore
from storage.database import Database
from storage.inbox import SqliteInbox
from storage.jobs import SqliteJobStore
from storage.moderation.appeals import SqliteAppealStore
from storage.moderation.audit import SqliteAuditLog
from storage.moderation.cases import SqliteCaseStore
from storage.moderation.guilds import SqliteGuildStore
from storage.moderation.outcomes import SqliteOutcomeStore
from storage.moderation.policies import SqlitePolicyStore
from storage.privacy.deletion import SqlitePrivacyStore
from storage.privacy.retention import SqliteRetentionStore
from storage.quota.store import SqliteQuotaStore
from storage.usage import SqliteUsageStore
from storage.values import SqliteValueStore
from storage.video_folder import SweptFolder
from tests.factories import make_act, make_rule, make_token
from tests.fakes.clock import FakeClock
from tests.fakes.line import Line
from tests.fakes.media import VIDEO, FakeMedia
from tests.fakes.plotter import FakePlotter
from tests.fakes.provider import FakeProvider
from tests.fakes.quick_database import open_quickly
from tests.referee.referee import Referee

if TYPE_CHECKING:
    from jobs.ports import JobStore

CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"
MESSAGES = "/channels/{channel_id}/messages"
WEBHOOK_MESSAGE = "/webhooks/{application_id}/{interaction_token}/messages/{message_id}"


class SlowMedia(FakeMedia):
    """Checks an image only when it may; it may at first."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.go.set()

    @override
    async def check_image(self, content: bytes) -> bytes:
        await self.go.wait()
        return await super().check_image(content)


@dataclass
class House:
    """Everything around a client; each `open_client` is a start of the bot."""

    sandbox: Sandbox
    database: Database
    jobs: SqliteJobStore
    inbox: SqliteInbox
    quotas: SqliteQuotaStore
    line: Line
    values: SqliteValueStore
    artifacts: FolderArtifactStore
    clock: FakeClock
    guild_store: SqliteGuildStore
    audit: SqliteAuditLog
    files: SweptFolder
    cases: SqliteCaseStore
    guilds: Guilds = field(default_factory=Guilds)
    policies: Policies = field(default_factory=lambda: Policies(base=parse_policy(BASE)))
    media: SlowMedia = field(default_factory=SlowMedia)
    provider: FakeProvider = field(default_factory=lambda: FakeProvider(video=VIDEO))
    notices: Notices = field(default_factory=Notices)
    plotter: FakePlotter = field(default_factory=FakePlotter)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.catalogue = Registry(providers=[self.provider], default=self.provider.name)
        self.estimator = Estimator(jobs=self.jobs, slots=lambda _: 1)
        self.decisions = Decisions(
            jobs=cast("JobStore", self.line), notices=self.notices, clock=self.clock
        )
        self.blocking = Blocking(
            guilds=self.guild_store, jobs=self.jobs, notices=self.notices, clock=self.clock
        )
        self.policy_store = SqlitePolicyStore(self.database)
        self.outcomes = SqliteOutcomeStore(self.database)
        self.appeals = Appeals(
            store=SqliteAppealStore(self.database),
            cases=self.cases,
            notices=self.notices,
            clock=self.clock,
        )
        self.moderation = Moderation(
            decisions=self.decisions,
            clearing=Clearing(
                jobs=cast("JobStore", self.line), notices=self.notices, clock=self.clock
            ),
            blocking=self.blocking,
            policing=Policing(
                policies=self.policies,
                store=self.policy_store,
                notices=self.notices,
                clock=self.clock,
            ),
            reviews=Reviews(
                jobs=cast("JobStore", self.line),
                blocking=self.blocking,
                notices=self.notices,
                clock=self.clock,
            ),
            audit=self.audit,
            casework=Casework(
                cases=self.cases,
                jobs=self.jobs,
                guilds=self.guild_store,
                notices=self.notices,
                clock=self.clock,
            ),
            appeals=self.appeals,
            outcomes=Outcomes(store=self.outcomes, clock=self.clock),
            spending=Spending(
                store=SqliteUsageStore(self.database),
                plotter=self.plotter,
                notices=self.notices,
                clock=self.clock,
            ),
        )
        self.management = Management(
            guilds=self.guilds,
            store=self.guild_store,
            quotas=self.quotas,
            catalogue=self.catalogue,
            notices=self.notices,
            clock=self.clock,
        )
        store = SqlitePrivacyStore(self.database)
        self.retention = SqliteRetentionStore(self.database)
        self.privacy = Privacy(
            store=store, jobs=self.jobs, files=self.files, notices=self.notices, clock=self.clock
        )
        self.own_data = OwnData(
            privacy=self.privacy,
            takeout=Takeout(store=store, files=self.files, clock=self.clock),
            departures=self.retention,
            days=90,
        )
        self.housekeeping = Housekeeping(
            privacy=self.privacy,
            store=self.retention,
            files=self.files,
            clock=self.clock,
            retention=timedelta(days=90),
        )
        self.allowances = Allowances(
            quotas=self.quotas,
            jobs=self.jobs,
            catalogue=self.catalogue,
            notices=self.notices,
            clock=self.clock,
            currency="USD",
        )
        self.service = Service(
            jobs=cast("JobStore", self.line),
            quotas=self.quotas,
            catalogue=self.catalogue,
            artifacts=self.artifacts,
            media=self.media,
            notices=self.notices,
            estimator=self.estimator,
            clock=self.clock,
            draws=Draws(job_id=lambda: JobId(f"job{next(self._ids):05d}"), seed=lambda: 4242),
            policies=self.policies,
            appeals=self.appeals,
        )

    async def limit(self, setting: Setting, value: Value) -> None:
        """Set a limit for everyone in the server."""
        act = make_act(guild_id=int(self.sandbox.guild.id))
        await self.quotas.set_rule(make_rule(setting, value), act=act)

    @asynccontextmanager
    async def open_client(self, *, dev_guild: int | None = None) -> AsyncGenerator[FlipbookClient]:
        """Start the bot, and close it like an operator would."""
        for settings in await self.guild_store.all_settings():
            self.guilds.learn(settings)
        context = ssl.create_default_context(cafile=str(self.sandbox.ca_file))
        client = FlipbookClient(
            service=self.service,
            moderation=self.moderation,
            management=self.management,
            allowances=self.allowances,
            own_data=self.own_data,
            values=self.values,
            clock=self.clock,
            proxy=self.sandbox.proxy_url,
            connector=aiohttp.TCPConnector(ssl=context),
            guild_ready_timeout=0.05,
            dev_guild=dev_guild,
        )
        async with client:
            await client.login(self.sandbox.token)
            gateway = asyncio.create_task(client.connect())
            await self.sandbox.wait_ready(10)
            await client.wait_until_ready()
            yield client
            await settled()
        await gateway

    @asynccontextmanager
    async def running(self, client: FlipbookClient) -> AsyncGenerator[Runner]:
        """Run the runner on this client's delivery."""
        deliveries = {Origin.DISCORD: client.delivery}
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
            version="test",
        )
        runner = Runner(
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
            draw_token=make_token,
            housekeeping=self.housekeeping,
        )
        task = asyncio.create_task(runner.run(drain_s=5))
        try:
            yield runner
        finally:
            runner.stop()
            await task

    def advance(self, seconds: float) -> None:
        """Let time pass for Discord and for us."""
        self.sandbox.clock.advance(seconds)
        self.clock.advance(seconds)

    async def all_jobs(self) -> list[Job]:
        """Return every job that was ever queued."""
        found: list[Job] = []
        for is_open in (True, False):
            found += await self.jobs.list_jobs(is_open=is_open, limit=100)
        return found

    async def video(
        self, member: Member, place: Channel | None = None, **options: object
    ) -> Interaction:
        """Send `/video` as a client that checks nothing."""
        options = {"prompt": "a red circle"} | options
        return await self.sandbox.invoke(member, place or self.sandbox.channel, "video", options)

    async def queued(self, member: Member, **options: object) -> tuple[Job, Message]:
        """Ask for a video and return the job with its card."""
        interaction = await self.video(member, None, **options)
        return await self.job_of(interaction), await interaction.wait_answer()

    async def job_of(self, interaction: Interaction) -> Job:
        """Return the job that an interaction queued, once its card is shown."""
        answer = await interaction.wait_answer()
        assert not answer.is_ephemeral, answer.text
        return next(job for job in await self.all_jobs() if job.origin_key == interaction.id)

    async def refused(self, interaction: Interaction) -> str:
        """Return the one ephemeral sentence of a refusal, after checking that it is one."""
        answer = await interaction.wait_answer()
        await settled()
        assert answer.is_ephemeral
        assert not interaction.channel.messages
        assert "\n" not in answer.text
        assert answer.text.endswith(".")
        assert await self.all_jobs() == []
        return answer.text


async def settled() -> None:
    """Wait until no command, button, form or event of the client is at work any more."""
    names = ("CommandTree-invoker", "discord-ui-", "discord.py: ")
    async with asyncio.timeout(10):
        while mine := [one for one in asyncio.all_tasks() if one.get_name().startswith(names)]:
            await asyncio.wait(mine)


@pytest.fixture
def judges_refusals() -> bool:
    """Flipbook asks for nothing that Discord's document forbids, whatever the answer."""
    return True


@pytest.fixture
async def house(tmp_path: Path, referee: Referee) -> AsyncIterator[House]:
    limits = RateLimits.observed(identify_pause_s=0)  # bots are started again at once
    async with (
        Sandbox.open(tmp_path, rate_limits=limits, observers=(referee.observe,)) as sandbox,
        open_quickly(tmp_path / "flipbook.db") as database,
    ):
        jobs = SqliteJobStore(database)
        yield House(
            sandbox=sandbox,
            database=database,
            jobs=jobs,
            inbox=SqliteInbox(database),
            quotas=SqliteQuotaStore(database),
            line=Line(jobs),
            values=SqliteValueStore(database),
            artifacts=FolderArtifactStore(tmp_path / "videos"),
            clock=FakeClock(now=sandbox.clock.now()),
            guild_store=SqliteGuildStore(database),
            audit=SqliteAuditLog(database),
            files=SweptFolder(tmp_path / "videos"),
            cases=SqliteCaseStore(database),
        )


@pytest.fixture
async def client(house: House) -> AsyncIterator[FlipbookClient]:
    async with house.open_client() as opened:
        yield opened


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that left an error in the log which it did not expect."""
    yield
    if "expects_errors" in request.fixturenames:
        return
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not errors, [record.getMessage() for record in errors]


@pytest.fixture
def expects_errors() -> None:
    """Say that errors in the log are what a test is about."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kept-under-another-name.mp4"
    path.write_bytes(VIDEO)
    return path


@pytest.fixture
async def started(house: House, client: FlipbookClient) -> AsyncIterator[House]:
    async with house.running(client):
        yield house
