"""A service's answer to a call, read without trust: what comes out can be stored and sent on."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER_S = 3600.0
SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer of any status; a redirect is an answer, too.

    Attributes:
        status: The HTTP status.
        body: At most 4 MiB.
        headers: By name, whatever its case.
    """

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def json(self) -> object:
        """Return the body's JSON, or None if it is not JSON.

        Numbers that JSON does not have become None, and halves of a character question marks.
        """
        try:
            read = _read_json(self.body)
            if b"\\ud" in self.body.lower():  # the escape of a half, if its other half is missing
                text = json.dumps(read, ensure_ascii=False)
                read = _read_json(text.encode(errors="replace"))
        except (ValueError, RecursionError):
            return None
        return read

    @property
    def retry_after_s(self) -> float | None:
        """Seconds after which the service wants to be asked again, at most an hour."""
        return read_retry_after(self.headers)


def _read_json(body: bytes) -> object:
    return json.loads(body, parse_constant=lambda _: None, parse_float=_finite)


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return a `Retry-After` in seconds, 0 to 3600; RFC 9110, 10.2.3.

    One that is a date counts from the answer's own `Date`, whatever our clock says.
    """
    told = headers.get("Retry-After", "").strip()
    if SECONDS.fullmatch(told):
        return min(float(told), LONGEST_RETRY_AFTER_S)
    try:
        wait = parsedate_to_datetime(told) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait / timedelta(seconds=1), 0.0), LONGEST_RETRY_AFTER_S)
