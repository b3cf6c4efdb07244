"""When something is tried again, as values that are easy to read and to test."""

from datetime import timedelta

MAX_SETBACKS = 5  # lost workers, absent backends and full disks that one job outlives
FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 300.0
# How long a job waits for a paid backend that cannot be reached: nothing is sent meanwhile, and
# nothing is charged.
PATIENCE = timedelta(hours=1)
PATIENT_DELAY_S = 60.0  # at most between two tries, as a lost backend is tried once a minute
PATIENT_SETBACKS = round(PATIENCE.total_seconds() / PATIENT_DELAY_S)


def retry_delay(
    setbacks: int, retry_after_s: float | None, *, longest_s: float = LONGEST_DELAY_S
) -> timedelta:
    """Return how long a job waits after its latest setback: doubling, or as the backend says."""
    doubled = min(longest_s, FIRST_DELAY_S * 2 ** max(0, setbacks - 1))
    return timedelta(seconds=max(doubled, retry_after_s or 0.0))
