"""Reads what is stored about a person: counted, and row by row to be taken along."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jobs.model import JobId
from jobs.privacy.records import AccountRecord, Holdings, JobRecord, Whose
from storage.times import from_micros_or_none, to_micros

_JOBS = """
SELECT SUM(ended_at IS NOT NULL) AS videos, SUM(ended_at IS NULL) AS open_videos,
    SUM(artifact IS NOT NULL AND is_taken_down = 0) AS files,
    SUM(iif(is_taken_down, 0, coalesce(json_extract(artifact, '$.size'), 0))) AS file_bytes,
    COUNT(DISTINCT json_extract(asked, '$.image')) AS images, MIN(created_at) AS oldest
FROM job WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
"""

_OTHERS: Mapping[str, str] = {
    "bookings": """
        SELECT COUNT(*) AS number FROM ledger WHERE account IN (
            SELECT DISTINCT account FROM bucket
            WHERE (:guild_id IS NULL AND account GLOB 'guild:*/user:' || :user_id)
                OR account = 'guild:' || :guild_id || '/user:' || :user_id
        )
    """,
    "limits": """
        SELECT COUNT(*) AS number FROM quota_rule
        WHERE target = 'member:' || :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "extras": """
        SELECT COUNT(*) AS number FROM bonus WHERE user_id = :user_id
            AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "blocks": """
        SELECT COUNT(*) AS number FROM block
        WHERE user_id = :user_id
            AND (:guild_id IS NULL OR guild_id = :guild_id)
            AND (expires_at IS NULL OR expires_at > :now)
    """,
    "cases": """
        SELECT COUNT(*) AS number FROM mod_case
        WHERE (user_id = :user_id OR member_id = :user_id)
            AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "refused_prompts": """
        SELECT COUNT(*) AS number FROM refused_prompt
        WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "passes": """
        SELECT COUNT(*) AS number FROM policy_pass
        WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "done_to": """
        SELECT COUNT(*) AS number FROM audit
        WHERE (:guild_id IS NULL OR guild_id = :guild_id) AND (target = 'member:' || :user_id
            OR json_extract(after, '$.member') = '<@' || :user_id || '>')
    """,
    "done_by": """
        SELECT COUNT(*) AS number FROM audit
            WHERE (:guild_id IS NULL OR guild_id = :guild_id) AND actor_id = :user_id
    """,
    "servers": """
        SELECT COUNT(*) AS number FROM (
            SELECT guild_id FROM job WHERE user_id = :user_id
                AND (:guild_id IS NULL OR guild_id = :guild_id)
            UNION SELECT guild_id FROM quota_rule
                WHERE target = 'member:' || :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
            UNION SELECT guild_id FROM bonus WHERE user_id = :user_id
                AND (:guild_id IS NULL OR guild_id = :guild_id)
            UNION SELECT guild_id FROM block WHERE user_id = :user_id
                AND (:guild_id IS NULL OR guild_id = :guild_id)
            UNION SELECT guild_id FROM refused_prompt WHERE user_id = :user_id
                AND (:guild_id IS NULL OR guild_id = :guild_id)
            UNION SELECT guild_id FROM policy_pass WHERE user_id = :user_id
                AND (:guild_id IS NULL OR guild_id = :guild_id)
        )
    """,
}

# By what they are; a moderator's id in an act about somebody is the moderator's, and left out.
_ROWS: Mapping[str, str] = {
    "limits": """
        SELECT guild_id, setting, value FROM quota_rule
        WHERE target = 'member:' || :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "extras": """
        SELECT number, guild_id, unit, amount, created_at, expires_at, ended_at, reason
        FROM bonus WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "blocks": """
        SELECT guild_id, reason, created_at, expires_at
        FROM block WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "acts about you": """
        SELECT number, at, guild_id, kind, reason, before, after FROM audit
        WHERE (:guild_id IS NULL OR guild_id = :guild_id) AND actor_id <> :user_id
            AND (target = 'member:' || :user_id
            OR json_extract(after, '$.member') = '<@' || :user_id || '>')
    """,
    "acts of yours": """
        SELECT number, at, guild_id, kind, target, reason, before, after
        FROM audit WHERE (:guild_id IS NULL OR guild_id = :guild_id) AND actor_id = :user_id
    """,
    "sums": """
        SELECT account, window, unit, used, reserved FROM bucket
        WHERE (:guild_id IS NULL AND account GLOB 'guild:*/user:' || :user_id)
            OR account = 'guild:' || :guild_id || '/user:' || :user_id
    """,
    "bookings": """
        SELECT number, at, job_id, account, window, unit, kind, used_delta, reserved_delta
        FROM ledger WHERE account IN (
            SELECT DISTINCT account FROM bucket
            WHERE (:guild_id IS NULL AND account GLOB 'guild:*/user:' || :user_id)
                OR account = 'guild:' || :guild_id || '/user:' || :user_id
        ) ORDER BY number
    """,
    "turns": """
        SELECT backend, party, weight, queued, cost, running, vtime FROM user_lane
        WHERE user_id = :user_id AND (:guild_id IS NULL OR party = 'guild:' || :guild_id)
    """,
    "reports and appeals of yours": """
        SELECT guild_id, number, kind, cause, about, link, reason, rules, opened_at, state,
            decided_at, told_at, wants_dm
        FROM mod_case WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "refused prompts": """
        SELECT guild_id, prompt, digest, rules, expires_at FROM refused_prompt
        WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "prompts that pass after an appeal": """
        SELECT guild_id, digest, rules, expires_at FROM policy_pass
        WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    "reports about you": """
        SELECT guild_id, number, cause, about, link, opened_at, state, decided_at FROM mod_case
        WHERE member_id = :user_id AND user_id <> :user_id
            AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
}

_HAS_JOBS = """
SELECT 1 FROM job
WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id) LIMIT 1
"""

_JOB_ROWS = """
SELECT number, id, origin, origin_key, guild_id, backend, state, attempt, setbacks,
    created_at, due_at, started_at, rendered_at, ended_at, cost, estimate_s, provider_job_id,
    endpoint, card_id, message_id, parent_id, json_remove(address, '$.token') AS address, asked,
    request, warnings, receipt, artifact, failure, price_micros, currency, refused_by, party, roles,
    held_until, held_for, removed_at
FROM job WHERE user_id = :user_id
    AND (:guild_id IS NULL OR guild_id = :guild_id) AND number < :before
ORDER BY number DESC LIMIT :limit
"""

_ON_JOBS: Mapping[str, str] = {
    "events": """
        SELECT at, attempt, from_state, to_state, note FROM job_event
        WHERE job_id = :id ORDER BY number
    """,
    "reservations": """
        SELECT account, window, unit, amount, state, side FROM reservation WHERE job_id = :id
    """,
    "letters": """
        SELECT letter.received_at, CAST(letter.body AS TEXT) AS body
        FROM letter JOIN attempt ON attempt.token = letter.token
        WHERE attempt.job_id = :id ORDER BY letter.number
    """,
}

_TIMES = frozenset({"at", "due_at", "received_at", "held_until"})
_JSON = frozenset(
    {"address", "asked", "request", "warnings", "receipt", "artifact", "failure", "refused_by"}
    | {"roles", "note", "before", "after", "value", "rules"}
)
_ABOVE_ALL = 2**63 - 1


def count(connection: sqlite3.Connection, whose: Whose, *, now: datetime) -> Holdings:
    """Count what is stored about a person."""
    values = {**_values(whose), "now": to_micros(now)}
    row = connection.execute(_JOBS, values).fetchone()
    numbers: dict[str, int] = {
        name: connection.execute(statement, values).fetchone()["number"]
        for name, statement in _OTHERS.items()
    }
    return Holdings(
        videos=row["videos"] or 0,
        open_videos=row["open_videos"] or 0,
        files=row["files"] or 0,
        file_bytes=row["file_bytes"] or 0,
        images=row["images"] or 0,
        oldest=from_micros_or_none(row["oldest"]),
        **numbers,
    )


def has_jobs(connection: sqlite3.Connection, whose: Whose) -> bool:
    """Say whether a job of a person is there, whatever its state."""
    return connection.execute(_HAS_JOBS, _values(whose)).fetchone() is not None


def account(connection: sqlite3.Connection, whose: Whose) -> AccountRecord:
    """Return what hangs on no single job."""
    values = _values(whose)
    return AccountRecord(
        rows={
            name: [_readable(row) for row in connection.execute(statement, values)]
            for name, statement in _ROWS.items()
        }
    )


def jobs(
    connection: sqlite3.Connection, whose: Whose, *, before: int | None, limit: int
) -> Sequence[JobRecord]:
    """Return a person's jobs with all that hangs on them, newest first."""
    place = {"before": _ABOVE_ALL if before is None else before, "limit": limit}
    rows = connection.execute(_JOB_ROWS, {**_values(whose), **place}).fetchall()
    return [_to_record(connection, row) for row in rows]


def to_json(items: Sequence[str]) -> str:
    """Return ids as `json_each` takes them."""
    return json.dumps(list(items))


def _to_record(connection: sqlite3.Connection, row: sqlite3.Row) -> JobRecord:
    content = _readable(row)
    for name, statement in _ON_JOBS.items():
        content[name] = [_readable(one) for one in connection.execute(statement, (row["id"],))]
    artifact, address = content.get("artifact") or {}, content.get("address") or {}
    link, is_removed = "", row["removed_at"] is not None
    if row["message_id"] is not None and row["guild_id"] and not is_removed:
        place = f"{row['guild_id']}/{address.get('channel_id')}/{row['message_id']}"
        link = f"https://discord.com/channels/{place}"
    return JobRecord(
        number=row["number"],
        id=JobId(row["id"]),
        content=content,
        receipt=content.get("receipt"),
        file="" if is_removed else artifact.get("name", ""),
        link=link,
    )


def _readable(row: sqlite3.Row) -> dict[str, Any]:  # what JSON holds
    """Return a row with its times as text and its JSON as what it means."""
    return {name: _value(name, row[name]) for name in row.keys()}  # noqa: SIM118 - a Row is no dict


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if value is None:
        return None
    if name in _TIMES or name.endswith("_at"):
        found = from_micros_or_none(value)
        return None if found is None else found.isoformat()
    return json.loads(value) if name in _JSON else value


def _values(whose: Whose) -> dict[str, object]:
    return {"user_id": whose.user_id, "guild_id": whose.guild_id}
