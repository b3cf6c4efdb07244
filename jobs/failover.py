"""Finds another backend for a job that its backend turned away for no fault of the job's own.

Only after a verified refusal: nothing was sent, because the backend is switched off here, or the
answer was an explicit no that is about the account. Where the asker named a backend, or the others
would cost more than was reserved, the job stays refused.
"""

from collections.abc import Mapping

from jobs.errors import RequestError
from jobs.model import Job
from jobs.ports import Catalogue
from jobs.prices import PriceTable
from jobs.quota.books import amounts_of
from jobs.quota.tiers import UNLIMITED, Tier, may_use
from jobs.request import ProviderName
from jobs.routing import Route, route


def elsewhere(
    job: Job, catalogue: Catalogue, prices: PriceTable, *, tier: Tier = UNLIMITED
) -> Mapping[str, object] | None:
    """Return what changes on a job that moves on to another backend, or None if it may not.

    It is resolved anew from what was asked, with the seed that it already has; what the new
    backend cannot honour is told like at the first. No backend is asked twice, and none that its
    member may not use.
    """
    if job.asked.provider is not None:
        return None
    refused_by = (*job.refused_by, job.backend)
    without = refused_by
    while True:
        try:
            found = route(
                job.asked,
                catalogue,
                draw_seed=lambda: job.request.seed,
                without=without,
                tier=tier,
            )
        except RequestError:
            return None
        price_micros = _price_of(job, found, prices)
        is_barred = not may_use(tier, found.request)
        if is_barred or price_micros is None or _costs_more(job, found, price_micros):
            without = (*without, found.provider.name)
            continue
        return {
            "request": found.request,
            "warnings": (_news(job, found), *found.warnings),
            "price_micros": price_micros if job.price_micros is not None else None,
            "refused_by": refused_by,
            "estimate_s": None,
        }


def _price_of(job: Job, found: Route, prices: PriceTable) -> int | None:
    """Return the price of a route in the job's currency; None if it cannot be compared."""
    price_micros = prices.price_of(found.request)
    is_unknown = price_micros is None and found.provider.is_paid and not _was_unknown(job)
    is_foreign = bool(price_micros and job.price_micros and prices.currency != job.currency)
    return None if is_unknown or is_foreign else price_micros or 0


def _was_unknown(job: Job) -> bool:
    """Say whether nobody knew what the job would cost; our own machine is known to cost nothing."""
    return job.price_micros is None and job.request.provider is not ProviderName.LOCAL


def _costs_more(job: Job, found: Route, price_micros: int) -> bool:
    """Say whether a route takes more of any unit than was reserved for the job."""
    reserved = amounts_of(job.request, job.price_micros)
    wanted = amounts_of(found.request, price_micros)
    return any(amount > reserved.get(unit, 0) for unit, amount in wanted.items())


def _news(job: Job, found: Route) -> str:
    here, there = job.request.provider, found.provider.name
    return f"{here.heading} takes no videos at the moment, so {there.label} makes this one."
