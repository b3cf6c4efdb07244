"""Names the motion of a seen figure, or none where it is not clearly one of them.

Places are in units in which the picture's side is 2, as in `draw`; the paths drawn there go twice
as far as is asked here.
"""

import numpy as np

from training.shapes.judging.outlines import Overlaps, overlap, turns_of
from training.shapes.judging.sighting import Floats, Track
from training.shapes.scenes.world import Motion

STAYS = 0.2  # how far a figure in its place may stray
MOVES = 0.4  # how far a moving one goes at least
STRAIGHT = 0.35  # how far it may stray from its line, as a share of its way
STEADY = 1.4  # how much larger a figure of steady size may get
GROWTH = 0.45  # change of scale over the clip, as a share of the mean; a drawn one has 0.97
TURN = 90.0  # degrees that a spinning figure turns at least; a drawn one turns 180
ROUND = 250.0  # degrees that an orbit goes round at least
ONE_WAY = 0.8  # share of the way that a steady change does not go back
SAME = 0.8  # overlap of the outlines of a figure that does not turn


def motion_of(track: Track, overlaps: Overlaps) -> Motion | None:
    """Return the motion that the track and the outlines show."""
    way = max(np.ptp(track.x), np.ptp(track.y))
    if way <= STAYS:
        return _in_place(track, overlaps)
    if way < MOVES or not _is_of_steady_size(track):
        return None
    return _straight(track) or _bouncing(track) or _orbiting(track)


def _in_place(track: Track, overlaps: Overlaps) -> Motion | None:
    growth = _one_way(track.scale / track.scale.mean())
    if abs(growth) >= GROWTH:
        return Motion.GROWING if growth > 0 else Motion.SHRINKING
    if not _is_of_steady_size(track):
        return None
    if abs(_one_way(np.cumsum([0, *turns_of(overlaps)]))) >= TURN:
        return Motion.SPINNING
    same = np.quantile(overlap(track.outlines, track.outlines), 0.1)
    return Motion.STILL if same >= SAME else None


def _is_of_steady_size(track: Track) -> bool:
    low, high = np.quantile(track.scale, [0.1, 0.9])
    return bool(high <= STEADY * low)


def _one_way(values: Floats) -> float:
    """Return how much the values change from first to last; 0 if they go back and forth."""
    change = float(values[-1] - values[0])
    path = float(np.abs(np.diff(values)).sum())
    return change if abs(change) >= ONE_WAY * path else 0.0


def _straight(track: Track) -> Motion | None:
    if np.ptp(track.x) > np.ptp(track.y):
        along, aside, (back, forth) = track.x, track.y, (Motion.LEFT, Motion.RIGHT)
    else:
        along, aside, (back, forth) = track.y, track.x, (Motion.UP, Motion.DOWN)
    way = _one_way(along)
    if abs(way) < MOVES or np.ptp(aside) > STRAIGHT * abs(way):
        return None
    return forth if way > 0 else back


def _bouncing(track: Track) -> Motion | None:
    height = float(np.ptp(track.y))
    is_upright = np.ptp(track.x) <= STRAIGHT * height
    is_bouncing = is_upright and _reversals(track.y, by=height / 2) >= 2
    return Motion.BOUNCING if is_bouncing else None


def _reversals(values: Floats, *, by: float) -> int:
    """Count how often the values turn round and go at least `by` the other way."""
    count, direction, extreme = 0, 0, float(values[0])
    for value in map(float, values):
        step = value - extreme
        if direction and step * direction >= 0:
            extreme = value
        elif abs(step) >= by:
            count += direction != 0
            direction, extreme = (1 if step > 0 else -1), value
    return count


def _orbiting(track: Track) -> Motion | None:
    x = track.x - (track.x.max() + track.x.min()) / 2
    y = track.y - (track.y.max() + track.y.min()) / 2
    distance = np.hypot(x, y)
    is_round = distance.min() >= 0.5 * distance.mean()
    swept = _one_way(np.degrees(np.unwrap(np.arctan2(y, x))))
    return Motion.ORBITING if is_round and abs(swept) >= ROUND else None
