"""Scripted trouble: what a test wants Discord to do wrong, and when.

An answer can fail before or, worse, after the request took effect; it can also never come.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from bot.sandbox.rest.call import Reply


class FaultKind(StrEnum):
    """When the trouble strikes."""

    INSTEAD = "instead"  # the request has no effect
    AFTER = "after"  # the request took effect, its answer is lost
    HOLD = "hold"  # the request took effect, no answer comes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble, for the next `times` requests after the first `skip`."""

    kind: FaultKind
    status: int = 500
    code: int = 0
    message: str = "scripted fault"
    retry_after_s: float | None = None
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
    def rate_limit(cls, retry_after_s: float, *, times: int = 1, skip: int = 0) -> "Fault":
        """Answer 429, as Discord does when a bucket is empty."""
        return cls(
            kind=FaultKind.INSTEAD,
            status=429,
            message="You are being rate limited.",
            retry_after_s=retry_after_s,
            times=times,
            skip=skip,
        )

    def reply(self) -> Reply:
        """Write the error as Discord would."""
        body: dict[str, object] = {"message": self.message, "code": self.code}
        if self.retry_after_s is None:
            return Reply(status=self.status, body=body)
        # Without `Via` clients take a 429 for a ban by Cloudflare (see discord.py, http.py).
        headers = {"Retry-After": str(self.retry_after_s), "Via": "1.1 google"}
        body |= {"retry_after": self.retry_after_s, "global": False}
        return Reply(status=self.status, body=body, headers=headers)


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

    def release(self) -> None:
        """Let held requests have their answers."""
        self._released.set()

    async def held(self) -> None:
        """Wait for the release."""
        await self._released.wait()


class Faults:
    """All scripted faults of a sandbox."""

    def __init__(self) -> None:
        self._scripted: list[ScriptedFault] = []

    def add(self, method: str, route_template: str, fault: Fault) -> ScriptedFault:
        """Put a fault in place, e.g. on `POST`, `/channels/{channel_id}/messages`."""
        scripted = ScriptedFault(method=method, template=route_template, fault=fault)
        self._scripted.append(scripted)
        return scripted

    def take(self, method: str, template: str) -> ScriptedFault | None:
        """Find the fault that strikes a request, if any."""
        return next((one for one in self._scripted if one.strikes(method, template)), None)

    def clear(self) -> None:
        """Remove all faults and release what they hold."""
        for scripted in self._scripted:
            scripted.release()
        self._scripted.clear()
