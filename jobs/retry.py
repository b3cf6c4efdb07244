"""When something is tried again, as values that are easy to read and to test."""

from datetime import timedelta

MAX_ATTEMPTS = 5  # claims of one job before an interruption or an absent backend ends it
FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 300.0


def submit_delay(attempt: int, retry_after_s: float | None) -> timedelta:
    """Return how long a job waits before it is claimed again: doubling, or as the backend says."""
    doubled = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** max(0, attempt - 1))
    return timedelta(seconds=max(doubled, retry_after_s or 0.0))
