"""How long a render may be silent before its device is taken for hung.

A card that waits for a lost interrupt says nothing and never ends; nor does a worker that has a
large model to load, for a while. What was seen of this render tells the two apart.
"""

from dataclasses import dataclass
from datetime import datetime

from providers.local.wire import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker may be silent before it is taken for dead, in seconds.

    Attributes:
        start_s: Until it is ready: torch on a cold disk.
        render_s: Between two news of a render whose pace is not known: a large model from a slow
            disk, or the first step of the largest clip on a CPU.
        pace: How many times as long as ever before in the same stage.
        least_s: What is granted at any pace, to a disk or a CPU that others use as well.
        stop_s: Between the end of its stdin and its own.
        kill_s: Until a killed process is gone; one that a driver holds may never be.
        look_s: How often this is looked at.
        idle_s: Without a render, after which it is ended to free memory; 0 is never.
    """

    start_s: float = 180.0
    render_s: float = 900.0
    pace: float = 20.0
    least_s: float = 120.0
    stop_s: float = 3.0
    kill_s: float = 10.0
    look_s: float = 5.0
    idle_s: float = 0.0


class Pulse:
    """The silences of one render, stage by stage."""

    def __init__(self, patience: Patience, now: datetime) -> None:
        self._patience = patience
        self._heard_at = now
        self._stage: Stage | None = None
        self._longest_s: float | None = None

    def hear(self, stage: Stage, now: datetime) -> None:
        """Note that there was news."""
        silent_s = (now - self._heard_at).total_seconds()
        self._heard_at = now
        if stage is self._stage:
            self._longest_s = max(self._longest_s or 0.0, silent_s)
        else:
            self._stage, self._longest_s = stage, None

    @property
    def limit_s(self) -> float:
        """Return how long a silence is granted now."""
        if self._longest_s is None:
            return self._patience.render_s
        granted_s = max(self._patience.least_s, self._patience.pace * self._longest_s)
        return min(self._patience.render_s, granted_s)
