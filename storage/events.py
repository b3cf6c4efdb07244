"""The append-only story of a job: every move that was written, in the transaction of the move."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.model import Job, JobId
from jobs.states import JobState
from storage.times import from_micros, to_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One line of the story; `before` is None where the job begins."""

    at: datetime
    attempt: int
    before: JobState | None
    after: JobState
    note: Mapping[str, object]


def append_event(
    connection: sqlite3.Connection,
    job: Job,
    *,
    before: JobState | None,
    at: datetime,
    note: Mapping[str, object],
) -> None:
    """Write that `job` came from `before` to the state it is in now."""
    connection.execute(
        "INSERT INTO job_event (job_id, at, attempt, from_state, to_state, note) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (job.id, to_micros(at), job.attempt, before, job.state, json.dumps(note)),
    )


def events_of(connection: sqlite3.Connection, job_id: JobId) -> Sequence[JobEvent]:
    """Return a job's story from its beginning."""
    rows = connection.execute(
        "SELECT at, attempt, from_state, to_state, note FROM job_event "
        "WHERE job_id = ? ORDER BY number",
        (job_id,),
    )
    return [_to_event(row) for row in rows]


def _to_event(row: sqlite3.Row) -> JobEvent:
    return JobEvent(
        at=from_micros(row["at"]),
        attempt=row["attempt"],
        before=None if row["from_state"] is None else JobState(row["from_state"]),
        after=JobState(row["to_state"]),
        note=json.loads(row["note"]),
    )
