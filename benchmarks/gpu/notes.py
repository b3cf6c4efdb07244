"""Keeps what was measured, after every row: an interrupted run loses nothing, the next goes on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

Values = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Notes:
    """One file of results; those of another device, other libraries or other sizes are not kept.

    Attributes:
        path: The file.
        values: What is in it; times are in seconds and end in `_s`.
    """

    path: Path
    values: Values = field(default_factory=dict)

    def begin(self, **about: object) -> None:
        """Take up the file if it is about the same, else start anew."""
        try:
            old = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            old = {}
        is_same = all(old.get(name) == value for name, value in about.items())
        self.values = {**old} if is_same else {**about}

    def add(self, row: str, found: Mapping[str, Any]) -> None:
        """Write down what a row found."""
        self.values |= found
        self.values["rows"] = [*dict.fromkeys([*self.values.get("rows", []), row])]
        self.save()

    def save(self) -> None:
        """Write the file."""
        self.path.write_text(json.dumps(self.values, indent=2) + "\n")

    def has(self, row: str) -> bool:
        """Say whether a row was measured."""
        return row in self.values.get("rows", [])


def timed(name: str, seconds: Sequence[float]) -> Values:
    """Return a median under `<name>_s`, and the range and number of samples beside it."""
    digits = [round(each, 4) for each in seconds]
    return {
        f"{name}_s": round(median(seconds), 4),
        f"{name}_range_s": [min(digits), max(digits), len(digits)],
    }
