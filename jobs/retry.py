"""When something is tried again, as values that are easy to read and to test."""

from datetime import timedelta

MAX_SETBACKS = 5  # lost workers, absent backends and full disks that one job outlives
FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 300.0


def retry_delay(setbacks: int, retry_after_s: float | None) -> timedelta:
    """Return how long a job waits after its latest setback: doubling, or as the backend says."""
    doubled = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** max(0, setbacks - 1))
    return timedelta(seconds=max(doubled, retry_after_s or 0.0))
