"""Opens and closes a stand-in for Discord on loopback, and is what tests and the demo hold.

It serves three ports: TLS for Discord's host names, a CONNECT proxy that leads only there, and
plain HTTP. An unmodified bot needs nothing but the proxy's address and the CA file.
"""

import base64
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

import aiohttp

from bot.sandbox.client.actions import Actions
from bot.sandbox.client.invocation import Invocations
from bot.sandbox.client.render import render
from bot.sandbox.gateway.gateway import Gateway
from bot.sandbox.hosts import HOSTS
from bot.sandbox.network.authority import write_authority
from bot.sandbox.network.connector import new_connector
from bot.sandbox.network.proxy import ConnectProxy
from bot.sandbox.page.page import Page
from bot.sandbox.rest.api import Rest
from bot.sandbox.rest.faults import Faults
from bot.sandbox.servers import Servers
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.entities import Member, Message
from bot.sandbox.world.fixture import LOUNGE, build
from bot.sandbox.world.journal import Journal
from bot.sandbox.world.world import World


class Sandbox(Actions):
    """A small Discord of one's own."""

    def __init__(
        self, *, data_dir: Path, clock: SandboxClock, world_file: Path | Traversable = LOUNGE
    ) -> None:
        world, requests = World(clock=clock), Journal()
        super().__init__(world=world, invocations=Invocations(world=world, journal=requests))
        self.clock = clock
        self.requests = requests
        self.faults = Faults()
        self.ca_file = data_dir / "ca.pem"
        self.token = _new_token(world.bot.id)
        self.gateway = Gateway(world=world, token=self.token)
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
    ) -> AsyncGenerator[Self, None]:
        """Open a sandbox on loopback; its CA is written to `ca.pem` in `data_dir`.

        Args:
            data_dir: A folder of its own; made if it is not there.
            clock: Time, to be advanced by whoever holds it.
            http_port: Where the chat page is; 0 is any free port, as for the other ports.
            world_file: Who and what is there, in the format of `world/lounge.toml`.

        Raises:
            SandboxError: The world file is not of the format.
        """
        sandbox = cls(data_dir=data_dir, clock=clock or SandboxClock(), world_file=world_file)
        async with AsyncExitStack() as stack:
            await sandbox._start(stack, http_port)
            yield sandbox

    async def _start(self, stack: AsyncExitStack, http_port: int) -> None:
        rest = Rest(world=self.world, token=self.token, journal=self.requests, faults=self.faults)
        page = Page(world=self.world, actions=self)
        servers = Servers(world=self.world, gateway=self.gateway, rest=rest, page=page)
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

    async def drop_gateway(self, code: int = 4000) -> None:
        """Close the bot's gateway connections; it will RESUME unless `code` ends its session."""
        await self.gateway.drop(code)

    def render(self, message: Message) -> str:
        """Write a message as plain text for a terminal."""
        return render(message)


def _new_token(bot_id: str) -> str:
    """Make a token that looks like Discord's."""
    head = base64.urlsafe_b64encode(bot_id.encode()).decode().rstrip("=")
    return f"{head}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(27)}"
