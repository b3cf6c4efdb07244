"""Opens and closes a stand-in for Discord on loopback, and is what tests and the demo hold.

It serves three ports: TLS for Discord's host names, a CONNECT proxy that leads only there, and
plain HTTP. An unmodified bot needs nothing but the proxy's address and the CA file.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

import aiohttp

from bot.sandbox.client.actions import Actions
from bot.sandbox.client.invocation import Invocations
from bot.sandbox.client.person import Person
from bot.sandbox.client.render import render
from bot.sandbox.gateway.gateway import Gateway
from bot.sandbox.hosts import HOSTS
from bot.sandbox.network.authority import write_authority
from bot.sandbox.network.cdn import Cdn
from bot.sandbox.network.connector import new_connector
from bot.sandbox.network.proxy import ConnectProxy
from bot.sandbox.page.page import Page
from bot.sandbox.rest.api import Rest
from bot.sandbox.rest.exchange import Observer
from bot.sandbox.rest.faults import Faults
from bot.sandbox.rest.limiter import Limiter
from bot.sandbox.servers import Servers
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.credentials import Credentials
from bot.sandbox.world.entities import Guild, Member, Message
from bot.sandbox.world.fixture import LOUNGE, build
from bot.sandbox.world.journal import Journal
from bot.sandbox.world.limits import RateLimits
from bot.sandbox.world.session_starts import SessionStarts
from bot.sandbox.world.world import World


class Sandbox(Actions):
    """A small Discord of one's own."""

    def __init__(
        self,
        *,
        data_dir: Path,
        clock: SandboxClock,
        world_file: Path | Traversable = LOUNGE,
        rate_limits: RateLimits | None = None,
    ) -> None:
        world, requests = World(clock=clock), Journal()
        super().__init__(world=world, invocations=Invocations(world=world, journal=requests))
        self.clock = clock
        self.requests = requests
        self.faults = Faults()
        limits = rate_limits or RateLimits.observed()
        self.limits = Limiter(clock=clock, limits=limits)
        self.session_starts = SessionStarts(clock=clock, limits=limits)
        self.cdn = Cdn(world)
        self.ca_file = data_dir / "ca.pem"
        self._credentials = Credentials(world.bot.id)
        self.gateway = Gateway(
            world=world,
            credentials=self._credentials,
            starts=self.session_starts,
            event_limit=limits.gateway_events,
        )
        self._tls_port = 0
        self.proxy_url = ""
        self.http_url = ""
        self.refused_hosts: list[str] = []
        build(world, world_file)
        self.guild = next(iter(world.guilds.values()))
        self.channel = next(iter(self.guild.channels.values()))

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        data_dir: Path,
        *,
        clock: SandboxClock | None = None,
        http_port: int = 0,
        world_file: Path | Traversable = LOUNGE,
        rate_limits: RateLimits | None = None,
        observers: Iterable[Observer] = (),
    ) -> AsyncGenerator[Self, None]:
        """Open a sandbox on loopback; its CA is written to `ca.pem` in `data_dir`.

        Args:
            data_dir: A folder of its own; made if it is not there.
            clock: Time, to be advanced by whoever holds it.
            http_port: Where the chat page is; 0 is any free port, as for the other ports.
            world_file: Who and what is there, in the format of `world/lounge.toml`.
            rate_limits: How often the bot may do what; `RateLimits.observed()` by default.
            observers: Are shown every REST request once it is answered, e.g. a `traffic_log`.

        Raises:
            SandboxError: The world file is not of the format.
        """
        sandbox = cls(
            data_dir=data_dir,
            clock=clock or SandboxClock(),
            world_file=world_file,
            rate_limits=rate_limits,
        )
        async with AsyncExitStack() as stack:
            await sandbox._start(stack, http_port, observers)
            yield sandbox

    async def _start(
        self, stack: AsyncExitStack, http_port: int, observers: Iterable[Observer]
    ) -> None:
        servers = self._servers(observers)
        tls_port = await stack.enter_async_context(servers.tls(write_authority(self.ca_file)))
        http_port = await stack.enter_async_context(servers.plain(http_port))
        proxy = ConnectProxy(hosts=HOSTS, target_port=tls_port)
        proxy_port = await stack.enter_async_context(proxy.serve())
        self.refused_hosts = proxy.refused
        self._tls_port = tls_port
        self.http_url = f"http://127.0.0.1:{http_port}"
        self.proxy_url = f"http://127.0.0.1:{proxy_port}"
        stack.push_async_callback(self.gateway.close)
        stack.callback(self.faults.clear)

    def _servers(self, observers: Iterable[Observer]) -> Servers:
        rest = Rest(
            world=self.world,
            credentials=self._credentials,
            journal=self.requests,
            faults=self.faults,
            limiter=self.limits,
            observers=observers,
        )
        page = Page(
            world=self.world,
            actions=self,
            journal=self.requests,
            faults=self.faults,
            is_connected=lambda: self.gateway.is_connected,
            drop_gateway=self.drop_gateway,
        )
        return Servers(
            world=self.world,
            gateway=self.gateway,
            rest=rest,
            cdn=self.cdn,
            page=page,
            session_starts=self.session_starts,
        )

    @property
    def token(self) -> str:
        """The bot's token; Discord resets that of a bot which starts too many sessions."""
        return self._credentials.token

    @property
    def crashes(self) -> list[Exception]:
        """What went wrong in the sandbox itself while it answered a request."""
        return self.requests.crashes

    def connector(self) -> aiohttp.TCPConnector:
        """Make a connector for a client in this process; it reaches nothing but the sandbox."""
        return new_connector(hosts=HOSTS, port=self._tls_port, ca_file=self.ca_file)

    def environment(self) -> dict[str, str]:
        """Tell what a bot's process needs in its environment."""
        return {
            "DISCORD_TOKEN": self.token,
            "DISCORD_PROXY": self.proxy_url,
            "SSL_CERT_FILE": str(self.ca_file),
        }

    async def wait_for(self, predicate: Callable[[], object], timeout_s: float = 30) -> None:
        """Wait until `predicate` holds; it is looked at again after each change.

        Raises:
            SandboxTimeoutError: It did not hold in time.
        """
        await self.world.changes.wait_for(
            predicate, timeout_s=timeout_s, describe=lambda: f"requests:\n{self.requests.tail()}"
        )

    async def wait_ready(self, timeout_s: float = 30) -> None:
        """Wait until a bot is connected and its commands are known.

        Raises:
            SandboxTimeoutError: No bot came in time.
        """
        await self.wait_for(lambda: self.is_connected and self.has_commands, timeout_s)

    async def wait_gone(self, timeout_s: float = 30) -> None:
        """Wait until no bot is connected, e.g. after one was killed.

        Raises:
            SandboxTimeoutError: One still was.
        """
        await self.wait_for(lambda: not self.is_connected, timeout_s)

    def member(self, name: str, *, server: str | None = None) -> Person:
        """Return somebody to act as, in the first channel of a server (the first, by default).

        Raises:
            SandboxError: There is no such server or member.
        """
        guild = self.guild if server is None else self.world.guild(server)
        channel = next(iter(guild.channels.values()))
        member = guild.member(name)
        return Person(member=member, channel=channel, actions=self, journal=self.requests)

    @property
    def ana(self) -> Member:
        """A member of the first server (as in `lounge.toml`, like the others)."""
        return self.guild.member("ana")

    @property
    def ben(self) -> Member:
        """Another member of the first server."""
        return self.guild.member("ben")

    @property
    def max(self) -> Member:
        """The moderator of the first server."""
        return self.guild.member("max")

    @property
    def olga(self) -> Member:
        """The owner of the first server."""
        return self.guild.member("olga")

    @property
    def is_connected(self) -> bool:
        """Whether a bot is connected: it has identified or resumed."""
        return self.gateway.is_connected

    @property
    def has_commands(self) -> bool:
        """Whether commands were ever synced and not all removed."""
        return any(self.world.commands.values())

    async def drop_gateway(self, code: int | None = 4000) -> None:
        """Close the bot's gateway connections; it will RESUME unless `code` ends its session.

        None cuts them, so that the bot gets no code at all.
        """
        await self.gateway.drop(code)

    def reconnect_gateway(self) -> None:
        """Ask the bot to reconnect and resume, as Discord does when it moves sessions."""
        self.gateway.reconnect()

    def invalidate_session(self, *, resumable: bool) -> None:
        """Tell the bot that its session is invalid; if not `resumable` it must identify again."""
        self.gateway.sessions.invalidate(is_resumable=resumable)

    def mute_gateway(self) -> None:
        """Let nothing through on the present connections, heartbeats' ACKs neither: zombies."""
        self.gateway.mute()

    def refuse_gateway(self, times: int = 1) -> None:
        """Answer the next `times` attempts to connect with 503."""
        self.gateway.refuse(times)

    def outage(self, guild: Guild) -> None:
        """Make a server unavailable, as when Discord has an outage; the bot stays a member."""
        self.world.outage(guild)

    def restore(self, guild: Guild) -> None:
        """End a server's outage."""
        self.world.restore(guild)

    def render(self, message: Message) -> str:
        """Write a message as plain text for a terminal."""
        return render(message)
