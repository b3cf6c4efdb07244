"""Remembers every REST request, so that tests and people can see what the bot really sent."""

from dataclasses import dataclass, field
from datetime import datetime

from typing_extensions import override

from bot.sandbox.json_types import JsonObject

KEPT = 10_000
"""So many that no test misses one, and few enough for a bot that runs for days."""


@dataclass(slots=True, eq=False, kw_only=True)
class LoggedRequest:
    """A request; `status` is None until it is answered."""

    method: str
    route: str
    path: str
    time: datetime
    status: int | None = None
    json: JsonObject | list[JsonObject] | None = None
    files: list[str] = field(default_factory=list[str])

    def line(self) -> str:
        """Write the request on one line."""
        return f"{self.time:%H:%M:%S.%f} {self.method} {self.path} -> {self.status or 'no answer'}"


class Journal(list[LoggedRequest]):
    """The last requests in the order of their arrival."""

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = 0
        """How many came before those that are kept."""
        self.crashes: list[Exception] = []
        """Mistakes of the sandbox's own, which it answered with a 500."""

    @override
    def append(self, entry: LoggedRequest, /) -> None:
        super().append(entry)
        if len(self) > KEPT:
            del self[0]
            self.forgotten += 1

    def of(self, method: str, route: str) -> list[LoggedRequest]:
        """List the requests of one route, by its template."""
        return [entry for entry in self if (entry.method, entry.route) == (method, route)]

    def tail(self, length: int = 15) -> str:
        """Write the last requests one a line."""
        return "\n".join(entry.line() for entry in self[-length:]) or "(no requests)"
