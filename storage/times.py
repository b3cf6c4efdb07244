"""How a time stands in the database: whole microseconds since 1970 in UTC, and nothing else."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(time: datetime) -> int:
    """Return an aware time as an integer; a naive one is a TypeError."""
    return (time - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the time in UTC."""
    return _EPOCH + micros * _MICROSECOND


def to_micros_or_none(time: datetime | None) -> int | None:
    """Return a time that may be missing as an integer that may be missing."""
    return None if time is None else to_micros(time)


def from_micros_or_none(micros: int | None) -> datetime | None:
    """Return the time, or None if there is none."""
    return None if micros is None else from_micros(micros)
