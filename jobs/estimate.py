"""How long a video will take, from what finished ones really took; silent until some have."""

from collections.abc import Callable

from jobs.model import Job, Standing
from jobs.ports import JobStore
from jobs.request import ResolvedRequest

ENOUGH_RENDERS = 3


class Estimator:
    """Turns cost into seconds by the median rate of a backend's newest renders."""

    def __init__(self, *, jobs: JobStore, slots: Callable[[str], int]) -> None:
        self._jobs = jobs
        self._slots = slots

    async def seconds(self, request: ResolvedRequest) -> float | None:
        """Return the render time of a request in seconds, or None if too little is known."""
        rate = await self._rate(request.provider)
        return None if rate is None else rate * request.cost

    async def standing(self, job: Job) -> Standing:
        """Return a job's place, and the seconds until it is rendered, if they are known."""
        ahead, cost_ahead = await self._jobs.ahead_of(job)
        rate = await self._rate(job.backend)
        if rate is None:
            return Standing(ahead=ahead)
        waiting = cost_ahead / max(1, self._slots(job.backend))
        return Standing(ahead=ahead, eta_s=rate * (waiting + job.request.cost))

    async def _rate(self, backend: str) -> float | None:
        rates = await self._jobs.rates(backend)
        return rates[len(rates) // 2] if len(rates) >= ENOUGH_RENDERS else None
