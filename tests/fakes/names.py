"""Name servers that say what a test wants, also to be asked twice and answer differently."""

import socket
from collections.abc import Mapping, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override


class Names(AbstractResolver):
    """Knows the addresses of a few names.

    Attributes:
        asked: The names that it was asked for.
    """

    def __init__(self, known: Mapping[str, Sequence[str]]) -> None:
        self._known = known
        self.asked: list[str] = []

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self._known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [self._result(host, address, port) for address in self._known[host]]

    def _result(self, host: str, address: str, port: int) -> ResolveResult:
        return ResolveResult(
            hostname=host,
            host=address,
            port=port,
            family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST,
        )

    @override
    async def close(self) -> None:
        pass


class RebindingNames(Names):
    """Shows a public address to whoever looks first, and a private one to whoever connects."""

    @override
    def _result(self, host: str, address: str, port: int) -> ResolveResult:
        return Rebinding(super()._result(host, address, port))  # type: ignore[return-value]


class Rebinding(dict[str, object]):
    """A result whose address is public when it is read for the first time."""

    def __init__(self, result: ResolveResult) -> None:
        super().__init__(result)
        self._looks = 0

    @override
    def __getitem__(self, key: str) -> object:
        if key != "host":
            return super().__getitem__(key)
        self._looks += 1
        return "8.8.8.8" if self._looks == 1 else super().__getitem__(key)
