"""What ids of jobs are made of: people type them, and a protocol counts with them as numbers."""

import secrets

from jobs.model import JobId

LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/l/i: an id is typed by people
LENGTH = 8


def draw_job_id() -> JobId:
    """Draw an id: 8 of 31 letters, about 8.5e11 of them."""
    return JobId("".join(secrets.choice(LETTERS) for _ in range(LENGTH)))
