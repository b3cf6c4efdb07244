"""Leads a client in the same process to the sandbox: the way in for tests that need no proxy.

A connector is a public parameter of discord.py's `Client` and of aiohttp's `ClientSession`.
"""

import socket
import ssl
from collections.abc import Collection
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override


class SandboxResolver(AbstractResolver):
    """Resolves Discord's names to the sandbox's TLS port and no name to anything else."""

    def __init__(self, *, hosts: Collection[str], port: int) -> None:
        self._hosts = frozenset(hosts)
        self._port = port

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host not in self._hosts:
            raise OSError(f"{host}:{port} is outside of the sandbox")
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self._port,
                family=family,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    @override
    async def close(self) -> None:
        pass


def new_connector(*, hosts: Collection[str], port: int, ca_file: Path) -> aiohttp.TCPConnector:
    """Make a connector that trusts the sandbox's CA and reaches nothing but the sandbox."""
    context = ssl.create_default_context(cafile=str(ca_file))
    resolver = SandboxResolver(hosts=hosts, port=port)
    return aiohttp.TCPConnector(resolver=resolver, ssl=context)
