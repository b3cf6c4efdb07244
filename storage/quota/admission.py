"""Admits a job: looks up what its member may do, checks it, and books it, in one transaction."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from jobs.errors import NotAllowedError
from jobs.model import Job, Requester
from jobs.quota import admission
from jobs.quota.books import Charge
from jobs.quota.statements import Terms
from jobs.quota.tiers import OperatorRules, Setting
from storage.moderation.news import news_into
from storage.privacy.deletion import is_being_forgotten
from storage.quota import books, rules
from storage.quota.bonuses import open_bonuses

FORGETTING = "Your data is being deleted just now; ask again in a minute."
COUNTED = 1000  # as many waiting videos of one member are told apart

_WAITING_OF_MEMBER = """
SELECT COUNT(*) AS number FROM (
    SELECT 1 FROM job INDEXED BY job_waiting
    WHERE state = 'queued' AND guild_id = :guild_id AND user_id = :user_id LIMIT :limit
)
"""

_WAITING_OF_KEY = """
SELECT COUNT(*) AS number FROM (
    SELECT 1 FROM job INDEXED BY job_waiting_key
    WHERE state = 'queued' AND user_id = 0 AND party = :party LIMIT :limit
)
"""


def admit(connection: sqlite3.Connection, job: Job, operator: OperatorRules) -> None:
    """Check a job that was just inserted, reserve what it costs, and give its lanes their terms.

    Raises:
        NotAllowedError: Its member is blocked, asks for more at a time than they may, or has
            their data deleted just now.
        QuotaExceededError: An allowance has no room; the transaction must roll back.
    """
    now, requester = job.created_at, job.requester
    if is_being_forgotten(connection, requester.guild_id, requester.user_id):
        raise NotAllowedError(FORGETTING)
    terms = admission.terms_for(job, rules.terms_of(connection, requester, operator, now=now))
    admission.check(job, terms, waiting=_waiting(connection, job, terms))
    charges = admission.charges_for(job, terms, open_bonuses(connection, requester, now=now))
    books.reserve(connection, job.id, charges, at=now)
    rules.set_lanes(connection, job.backend, requester, terms)
    _warn(connection, job, charges)


def readmit(
    connection: sqlite3.Connection, job: Job, operator: OperatorRules, *, now: datetime
) -> None:
    """Give the lanes of a job that was held their terms: they may have been swept away since."""
    terms = rules.terms_of(connection, job.requester, operator, now=now)
    rules.set_lanes(connection, job.backend, job.requester, admission.terms_for(job, terms))


def waiting_of(
    connection: sqlite3.Connection, requester: Requester, *, limit: int = COUNTED
) -> int:
    """Count the videos of a member, or of an API key, in the queue, as far as `limit`."""
    values = {
        "party": requester.party,
        "guild_id": requester.guild_id,
        "user_id": requester.user_id,
        "limit": limit,
    }
    question = _WAITING_OF_KEY if requester.key_id else _WAITING_OF_MEMBER
    row = connection.execute(question, values).fetchone()
    number: int = row["number"]
    return number


def _waiting(connection: sqlite3.Connection, job: Job, terms: Terms) -> int:
    """Count those that wait beside the job itself, if anybody asks: some wait in thousands."""
    most = terms.tier.limit(Setting.WAITING)
    if most is None:
        return 0
    return waiting_of(connection, job.requester, limit=max(COUNTED, most + 2)) - 1


def _warn(connection: sqlite3.Connection, job: Job, charges: Sequence[Charge]) -> None:
    """Have the log channel told when the server's budget runs low."""
    for charge in charges:
        for limit in charge.limits:
            span = books.span_of_charge(charge, limit)
            taken = sum(books.taken_in(connection, charge.account, charge.unit, span))
            news = admission.budget_warning(charge, limit, taken=taken, span=span)
            if news is not None:
                key, text = news
                news_into(connection, job.requester.guild_id, key, text, at=job.created_at)
