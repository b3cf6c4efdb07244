"""Jobs as a CSV file that any spreadsheet opens (docs/moderation.md tells its columns).

Models and prompts are other people's words, and a spreadsheet computes what begins like a formula:
such a cell gets an apostrophe in front, which makes it text.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal

from jobs.prices import MICROS
from jobs.text import plain
from jobs.usage.days import JobRow

COLUMNS = (
    "id",
    "asked_at",
    "member_id",
    "provider",
    "model",
    "state",
    "seconds",
    "frames",
    "size",
    "steps",
    "price",
    "currency",
    "waited_s",
    "rendered_s",
    "counted",
)
PROMPT = "prompt"  # one column more, where prompts were asked for
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes UTF-8 for something else
_FORMULA = frozenset("=+-@")  # https://owasp.org/www-community/attacks/CSV_Injection


class UsageFile:
    """Takes rows until it is full."""

    def __init__(self, *, with_prompts: bool, max_bytes: int) -> None:
        self._with_prompts = with_prompts
        self._room = max_bytes
        self._parts: list[bytes] = []
        self.rows = 0
        columns = (*COLUMNS, PROMPT) if with_prompts else COLUMNS
        self._take(BYTE_ORDER_MARK + _line(columns))

    @property
    def content(self) -> bytes:
        """The file as it is now."""
        return b"".join(self._parts)

    def add(self, rows: Iterable[JobRow]) -> JobRow | None:
        """Add jobs, and return the first one for which there was no room."""
        for row in rows:
            if not self._take(_line(cells_of(row, with_prompt=self._with_prompts))):
                return row
            self.rows += 1
        return None

    def _take(self, line: str) -> bool:
        content = line.encode()
        if len(content) > self._room:
            return False
        self._room -= len(content)
        self._parts.append(content)
        return True


def cells_of(row: JobRow, *, with_prompt: bool) -> Sequence[str]:
    """Return a job in the order of the columns; what there is not is empty."""
    counted = {None: "", True: "yes", False: "no"}[row.counted]
    cells = (
        row.id,
        f"{row.asked_at:%Y-%m-%dT%H:%M:%SZ}",
        str(row.member_id or ""),
        row.provider,
        guarded(row.model),
        row.state.value,
        "" if row.video_ms is None else _number(Decimal(row.video_ms) / 1000),
        str(row.frames),
        f"{row.width}x{row.height}",
        str(row.steps),
        "" if row.price_micros is None else _number(Decimal(row.price_micros) / MICROS),
        row.currency,
        _seconds(row.waited_s),
        _seconds(row.rendered_s),
        counted,
    )
    return (*cells, guarded(row.prompt or "")) if with_prompt else cells


def guarded(text: str) -> str:
    """Return other people's words on one line, as a cell that no spreadsheet takes for a formula.

    Full-width signs count too: some spreadsheets take them for the plain ones.
    """
    line = plain(text)
    first = unicodedata.normalize("NFKC", line[:1])[:1]
    return f"'{line}" if first in _FORMULA else line


def _line(cells: Sequence[str]) -> str:
    target = io.StringIO()
    csv.writer(target).writerow(cells)
    return target.getvalue()


def _number(exact: Decimal) -> str:
    """Write a number without an exponent and without zeros at its end."""
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"
