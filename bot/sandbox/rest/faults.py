"""Scripted trouble: what a test wants Discord to do wrong, and when.

An answer can fail before or, worse, after the request took effect; it can come late or never, and
the connection itself can break.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum

from bot.sandbox.errors import SandboxError
from bot.sandbox.rest.call import Reply, Route
from bot.sandbox.rest.limiter import too_many
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.limits import Scope


class FaultKind(StrEnum):
    """When the trouble strikes."""

    INSTEAD = "instead"  # the request has no effect
    AFTER = "after"  # the request took effect, its answer is lost
    HOLD = "hold"  # the request took effect, its answer waits
    DROP_BEFORE = "drop before"  # the request has no effect, the connection is cut
    DROP_AFTER = "drop after"  # the request took effect, the connection is cut


DROPS = frozenset({FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER})
BEFORE = frozenset({FaultKind.INSTEAD, FaultKind.DROP_BEFORE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble, for the next `times` requests after the first `skip`."""

    kind: FaultKind
    status: int = 500
    code: int = 0
    message: str = "scripted fault"
    retry_after_s: float | None = None
    scope: Scope = Scope.USER
    delay_s: float | None = None
    times: int = 1
    skip: int = 0

    @classmethod
    def after(cls, status: int, *, times: int = 1, skip: int = 0) -> "Fault":
        """Carry the request out and answer with an error, e.g. 502."""
        return cls(kind=FaultKind.AFTER, status=status, times=times, skip=skip)

    @classmethod
    def instead(cls, status: int, *, code: int = 0, times: int = 1, skip: int = 0) -> "Fault":
        """Answer with an error and do nothing."""
        return cls(kind=FaultKind.INSTEAD, status=status, code=code, times=times, skip=skip)

    @classmethod
    def hold(cls, *, times: int = 1, skip: int = 0) -> "Fault":
        """Carry the request out and answer only when released."""
        return cls(kind=FaultKind.HOLD, times=times, skip=skip)

    @classmethod
    def slow(cls, delay_s: float, *, times: int = 1, skip: int = 0) -> "Fault":
        """Carry the request out and answer `delay_s` later by the sandbox's clock."""
        return cls(kind=FaultKind.HOLD, delay_s=delay_s, times=times, skip=skip)

    @classmethod
    def drop_before(cls, *, times: int = 1, skip: int = 0) -> "Fault":
        """Cut the connection instead of carrying the request out."""
        return cls(kind=FaultKind.DROP_BEFORE, times=times, skip=skip)

    @classmethod
    def drop_after(cls, *, times: int = 1, skip: int = 0) -> "Fault":
        """Carry the request out and cut the connection instead of answering."""
        return cls(kind=FaultKind.DROP_AFTER, times=times, skip=skip)

    @classmethod
    def rate_limit(
        cls, retry_after_s: float, *, scope: Scope = Scope.USER, times: int = 1, skip: int = 0
    ) -> "Fault":
        """Answer 429, as Discord does when a bucket is empty."""
        return cls(
            kind=FaultKind.INSTEAD,
            status=429,
            retry_after_s=retry_after_s,
            scope=scope,
            times=times,
            skip=skip,
        )

    def reply(self) -> Reply:
        """Write the error as Discord would."""
        if self.retry_after_s is not None:
            return too_many(self.scope, self.retry_after_s)
        return Reply(status=self.status, body={"message": self.message, "code": self.code})


class ScriptedFault:
    """A fault in place on a route; tells how often it struck."""

    def __init__(self, *, method: str, template: str, fault: Fault) -> None:
        self.fault = fault
        self.hits = 0
        self._seen = 0
        self._place = (method, template)
        self._released = asyncio.Event()

    def strikes(self, method: str, template: str) -> bool:
        """Decide about one request, and count it."""
        if (method, template) != self._place:
            return False
        self._seen += 1
        strikes = self.fault.skip < self._seen <= self.fault.skip + self.fault.times
        self.hits += strikes
        return strikes

    @property
    def is_spent(self) -> bool:
        """Whether it strikes no more and holds nothing that would have to be released."""
        is_used_up = self._seen >= self.fault.skip + self.fault.times
        return is_used_up and self.fault.kind != FaultKind.HOLD

    def release(self) -> None:
        """Let held requests have their answers."""
        self._released.set()

    async def held(self, clock: SandboxClock) -> None:
        """Wait for the release, or for as long as a slow answer takes."""
        release = asyncio.create_task(self._released.wait(), name="sandbox held answer")
        waits: set[asyncio.Task[object]] = {release}
        if self.fault.delay_s is not None:
            due = clock.now() + timedelta(seconds=self.fault.delay_s)
            waits.add(asyncio.create_task(clock.wait_until(due), name="sandbox slow answer"))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()


class Faults:
    """All scripted faults of a sandbox."""

    def __init__(self) -> None:
        self._scripted: list[ScriptedFault] = []
        self._known: set[tuple[str, str]] = set()

    def know(self, route: Route) -> None:
        """Learn of a route, so that a fault on no route at all is noticed."""
        self._known.add((route.method, route.template))

    def add(self, method: str, route_template: str, fault: Fault) -> ScriptedFault:
        """Put a fault in place, e.g. on `POST`, `/channels/{channel_id}/messages`.

        Raises:
            SandboxError: The sandbox has no such route.
        """
        if (method, route_template) not in self._known:
            known = [" ".join(place) for place in sorted(self._known)]
            near = get_close_matches(f"{method} {route_template}", known) or known
            raise SandboxError(f"no route {method} {route_template}; near: {', '.join(near)}")
        scripted = ScriptedFault(method=method, template=route_template, fault=fault)
        self._scripted.append(scripted)
        return scripted

    @property
    def pending(self) -> list[ScriptedFault]:
        """What has still to strike, or holds answers back."""
        return list(self._scripted)

    def take(self, method: str, template: str) -> ScriptedFault | None:
        """Find the fault that strikes a request, if any."""
        found = next((one for one in self._scripted if one.strikes(method, template)), None)
        self._scripted = [one for one in self._scripted if not one.is_spent]
        return found

    def clear(self) -> None:
        """Remove all faults and release what they hold."""
        for scripted in self._scripted:
            scripted.release()
        self._scripted.clear()
