"""How a job lies in its row: the only place that knows both the columns and the object.

What only one method writes is not taken from a job that is saved: `cancel_requested` belongs to
`request_cancel`, `attempt` to `claim` and `adopt`, `charged_us` to the lanes.
"""

import dataclasses
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from jobs.model import (
    Address,
    Artifact,
    Failure,
    Job,
    JobId,
    Origin,
    Receipt,
    Requester,
)
from jobs.request import ResolvedRequest, VideoRequest
from jobs.states import JobState
from storage.times import (
    from_micros,
    from_micros_or_none,
    to_micros,
    to_micros_or_none,
)

SELECT_JOB = """
SELECT job.number, job.id, job.origin, job.origin_key, job.guild_id, job.user_id, job.backend,
    job.state, job.attempt, job.attempt_token, job.setbacks, job.lease_until, job.cancel_requested,
    job.created_at, job.due_at, job.started_at, job.rendered_at, job.ended_at, job.cost,
    job.estimate_s, job.provider_job_id, job.endpoint, job.card_id, job.message_id,
    job.parent_id, job.address, job.asked, job.request, job.warnings, job.receipt,
    job.artifact, job.failure, job.price_micros, job.currency, job.refused_by, job.roles,
    job.party, job.held_until, job.held_for, job.removed_at
FROM job
"""

INSERT_JOB = """
INSERT INTO job (
    id, origin, origin_key, guild_id, user_id, backend, state, attempt, attempt_token, setbacks,
    lease_until, cancel_requested, created_at, due_at, started_at, rendered_at, ended_at, cost,
    estimate_s, provider_job_id, endpoint, card_id, message_id, parent_id, address, asked,
    request, warnings, receipt, artifact, failure, price_micros, currency, refused_by, party,
    is_put_off, roles, held_until, held_for
) VALUES (
    :id, :origin, :origin_key, :guild_id, :user_id, :backend, :state, :attempt, :attempt_token,
    :setbacks, :lease_until, :cancel_requested, :created_at, :due_at, :started_at, :rendered_at,
    :ended_at, :cost, :estimate_s, :provider_job_id, :endpoint, :card_id, :message_id, :parent_id,
    :address, :asked, :request, :warnings, :receipt, :artifact, :failure, :price_micros,
    :currency, :refused_by, :party, :is_put_off, :roles, :held_until, :held_for
) ON CONFLICT (origin, origin_key) DO NOTHING
"""

# Fenced: nothing is written unless the row is where the writer believes it to be.
UPDATE_JOB = """
UPDATE job SET
    backend = :backend, state = :state, attempt_token = :attempt_token, setbacks = :setbacks,
    lease_until = :lease_until, due_at = :due_at, started_at = :started_at,
    rendered_at = :rendered_at, ended_at = :ended_at, cost = :cost, estimate_s = :estimate_s,
    provider_job_id = :provider_job_id, endpoint = :endpoint, message_id = :message_id,
    address = :address, request = :request, warnings = :warnings, receipt = :receipt,
    artifact = :artifact, failure = :failure, price_micros = :price_micros,
    currency = :currency, refused_by = :refused_by, is_put_off = :is_put_off,
    held_until = :held_until
WHERE id = :id AND attempt = :fence_attempt AND state = :fence_state
"""


def to_columns(job: Job) -> Mapping[str, object]:
    """Return the values of a row by column name."""
    return {
        "id": job.id,
        "origin": job.origin.value,
        "origin_key": job.origin_key,
        "guild_id": job.requester.guild_id,
        "user_id": job.requester.user_id,
        "backend": job.backend,
        "state": job.state.value,
        "attempt": job.attempt,
        "attempt_token": job.attempt_token,
        "setbacks": job.setbacks,
        "lease_until": to_micros_or_none(job.lease_until),
        "cancel_requested": int(job.cancel_requested),
        "created_at": to_micros(job.created_at),
        "due_at": to_micros_or_none(job.due_at),
        "started_at": to_micros_or_none(job.started_at),
        "rendered_at": to_micros_or_none(job.rendered_at),
        "ended_at": to_micros_or_none(job.ended_at),
        "cost": job.request.cost,
        "estimate_s": job.estimate_s,
        "provider_job_id": job.provider_job_id,
        "endpoint": job.endpoint,
        "card_id": job.address.card_id,
        "message_id": job.message_id,
        "parent_id": job.parent_id,
        "address": job.address.model_dump_json(exclude={"card_id"}),
        "asked": job.asked.model_dump_json(),
        "request": job.request.model_dump_json(),
        "warnings": json.dumps(job.warnings),
        "receipt": None if job.receipt is None else job.receipt.model_dump_json(),
        "artifact": None if job.artifact is None else json.dumps(dataclasses.asdict(job.artifact)),
        "failure": None if job.failure is None else json.dumps(dataclasses.asdict(job.failure)),
        "price_micros": job.price_micros,
        "currency": job.currency,
        "refused_by": json.dumps(job.refused_by),
        "party": job.requester.party,
        "roles": json.dumps(job.requester.role_ids),
        "is_put_off": int(job.is_held or (job.state is JobState.QUEUED and job.due_at is not None)),
        "held_until": to_micros_or_none(job.held_until),
        "held_for": job.held_for,
    }


def to_job(row: sqlite3.Row) -> Job:
    """Return the job that a row of `SELECT_JOB` holds."""
    return Job(
        id=JobId(row["id"]),
        origin=Origin(row["origin"]),
        origin_key=row["origin_key"],
        requester=_to_requester(row),
        address=Address.model_validate_json(row["address"]).evolve(card_id=row["card_id"]),
        asked=VideoRequest.model_validate_json(row["asked"]),
        request=ResolvedRequest.model_validate_json(row["request"]),
        warnings=tuple(json.loads(row["warnings"])),
        state=JobState(row["state"]),
        attempt=row["attempt"],
        attempt_token=row["attempt_token"],
        setbacks=row["setbacks"],
        provider_job_id=row["provider_job_id"],
        endpoint=row["endpoint"],
        estimate_s=row["estimate_s"],
        price_micros=row["price_micros"],
        currency=row["currency"],
        refused_by=tuple(json.loads(row["refused_by"])),
        held_for=row["held_for"],
        cancel_requested=bool(row["cancel_requested"]),
        message_id=row["message_id"],
        parent_id=None if row["parent_id"] is None else JobId(row["parent_id"]),
        **_outcome_of(row),
        **_times_of(row),
    )


def _outcome_of(row: sqlite3.Row) -> dict[str, Any]:  # any of three types, each under its name
    receipt, artifact, failure = row["receipt"], row["artifact"], row["failure"]
    return {
        "receipt": None if receipt is None else Receipt.model_validate_json(receipt),
        "artifact": None if artifact is None else Artifact(**json.loads(artifact)),
        "failure": None if failure is None else Failure(**json.loads(failure)),
    }


def _times_of(row: sqlite3.Row) -> dict[str, Any]:  # `created_at` is never None, the others may be
    return {
        "created_at": from_micros(row["created_at"]),
        "due_at": from_micros_or_none(row["due_at"]),
        "held_until": from_micros_or_none(row["held_until"]),
        "lease_until": from_micros_or_none(row["lease_until"]),
        "started_at": from_micros_or_none(row["started_at"]),
        "rendered_at": from_micros_or_none(row["rendered_at"]),
        "ended_at": from_micros_or_none(row["ended_at"]),
        "removed_at": from_micros_or_none(row["removed_at"]),
    }


def _to_requester(row: sqlite3.Row) -> Requester:
    kind, _, number = row["party"].partition(":")
    return Requester(
        user_id=row["user_id"],
        guild_id=row["guild_id"],
        role_ids=tuple(json.loads(row["roles"])),
        key_id=int(number) if kind == "key" else 0,
    )
