"""The rows that are printed in the end, and how samples become one of their cells.

One form for all of them, so that a number is never seen without how often it was measured.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was measured; `aim` is empty where nobody has promised anything."""

    what: str
    measured: str
    aim: str = ""


HEAD = Row(what="what", measured="measured", aim="aim")


def quantile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that `share` of all samples do not exceed (nearest rank)."""
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]


def tail_ms(seconds: Sequence[float]) -> str:
    """Write median and 99th percentile; for samples that are many."""
    half, tail = median(seconds), quantile(seconds, 0.99)
    return f"p50 {_ms(half)}, p99 {_ms(tail)} ms (n={len(seconds):,})"


def spread_ms(seconds: Sequence[float]) -> str:
    """Write median and range in milliseconds; for samples that are few."""
    low, high = _ms(min(seconds)), _ms(max(seconds))
    return f"{_ms(median(seconds))} ms, {low} to {high} (n={len(seconds)})"


def spread_s(seconds: Sequence[float]) -> str:
    """Write median and range in seconds; for samples that are few."""
    text = f"{median(seconds):.1f} s"
    if len(seconds) == 1:
        return f"{text} (n=1)"
    return f"{text}, {min(seconds):.1f} to {max(seconds):.1f} (n={len(seconds)})"


def rate(seconds: Sequence[float]) -> str:
    """Write how many a second there were, one after the other, and how long one took."""
    return f"{len(seconds) / sum(seconds):,.0f}/s; {tail_ms(seconds)}"


def table(rows: Sequence[Row]) -> str:
    """Write rows as aligned text."""
    lines = [(row.what, row.measured, row.aim) for row in (HEAD, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    lines.insert(1, ("-" * widths[0], "-" * widths[1], "-" * widths[2]))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _ms(seconds: float) -> str:
    ms = seconds * 1000
    return f"{ms:.0f}" if ms >= 10 else f"{ms:.2f}"
