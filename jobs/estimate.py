"""How long a video will take, from what finished ones really took; silent until some have."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime

from jobs.model import Job, Standing
from jobs.ports import JobStore
from jobs.request import ResolvedRequest

ENOUGH_RENDERS = 3
ENOUGH_OF_A_SIZE = 10  # then only those of about this cost count
ENOUGH_FOR_TAILS = 10  # of fewer, the slowest says little about what is unusual


class Estimator:
    """Turns cost into seconds by the rates of a backend's newest renders."""

    def __init__(self, *, jobs: JobStore, slots: Callable[[str], int]) -> None:
        self._jobs = jobs
        self._slots = slots

    async def seconds(self, request: ResolvedRequest) -> float | None:
        """Return the usual render time of a request in seconds, or None if too little is known."""
        rate = median_rate(await self._rates(request.provider, request.cost))
        return None if rate is None else rate * request.cost

    async def standing(self, job: Job) -> Standing:
        """Return a job's place, and the seconds until it is rendered, if they are known."""
        ahead, cost_ahead = await self._jobs.ahead_of(job)
        rates = await self._rates(job.backend, job.request.cost)
        rate = median_rate(rates)
        if rate is None:
            return Standing(ahead=ahead)
        cost = cost_ahead / max(1, self._slots(job.backend)) + job.request.cost
        return Standing(ahead=ahead, eta_s=rate * cost, slow_eta_s=quantile(rates, 0.9) * cost)

    async def is_late(self, job: Job, *, now: datetime) -> bool:
        """Say whether a render has been under way for longer than 95 of 100 take."""
        if job.started_at is None or job.rendered_at is not None:
            return False
        rates = await self._rates(job.backend, job.request.cost)
        if len(rates) < ENOUGH_FOR_TAILS:
            return False
        return (now - job.started_at).total_seconds() > quantile(rates, 0.95) * job.request.cost

    async def _rates(self, backend: str, cost: int) -> Sequence[float]:
        """Return the rates of renders of about that cost, or of all if those are few."""
        like = await self._jobs.rates(backend, like=cost)
        return like if len(like) >= ENOUGH_OF_A_SIZE else await self._jobs.rates(backend)


def median_rate(rates: Sequence[float]) -> float | None:
    """Return the median of sorted rates, or None if they are too few."""
    return rates[len(rates) // 2] if len(rates) >= ENOUGH_RENDERS else None


def quantile(rates: Sequence[float], share: float) -> float:
    """Return the smallest of sorted rates that `share` of them do not exceed (nearest rank)."""
    return rates[max(0, math.ceil(share * len(rates)) - 1)]
