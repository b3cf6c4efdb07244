"""Cuts one page out of a channel's messages.

Source: Discord's "Message" resource, "Get Channel Messages": a limit of 1 to 100, and at most one
of `around`, `before` and `after`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.sandbox.errors import invalid
from bot.sandbox.rules.bounds import check_range
from bot.sandbox.rules.shapes import timestamp

MAX_LIMIT = 100
NUMBER = re.compile("[0-9]{1,20}")
BEARINGS = ("around", "before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which messages somebody wants to see: so many, on one side of an id."""

    limit: int
    bearing: str = ""
    id: int = 0

    def cut(self, ids: Sequence[int]) -> list[int]:
        """Choose among ids; none of their order is kept."""
        ordered = sorted(ids)
        older = [id_ for id_ in ordered if id_ < self.id]
        match self.bearing:
            case "after":
                return [id_ for id_ in ordered if id_ > self.id][: self.limit]
            case "around":
                half = self.limit // 2
                newer = [id_ for id_ in ordered if id_ >= self.id]
                return older[max(0, len(older) - half) :] + newer[: self.limit - half]
            case "before":
                return older[-self.limit :]
            case _:
                return ordered[-self.limit :]


def read_page(query: Mapping[str, str]) -> Page:
    """Read the query of a list.

    Raises:
        ApiError: 50035; the limit is out of range, or an id is none, or there are two.
    """
    limit = _number(query, "limit", 50)
    check_range(("limit",), limit, 1, MAX_LIMIT)
    given = [name for name in BEARINGS if name in query]
    if len(given) > 1:
        code = "MESSAGE_LIST_EXCLUSIVE"  # ours; that they exclude each other is documented
        raise invalid((given[1],), code, f"{given[0]} and {given[1]} are mutually exclusive")
    if not given:
        return Page(limit=limit)
    return Page(limit=limit, bearing=given[0], id=_number(query, given[0], 0))


def read_archive_page(query: Mapping[str, str]) -> tuple[int, datetime | None]:
    """Read how many archived threads are wanted, and archived before when.

    Source: "List Public Archived Threads"; 2 to 100 is the range in Discord's OpenAPI document.

    Raises:
        ApiError: 50035.
    """
    limit = _number(query, "limit", MAX_LIMIT)
    check_range(("limit",), limit, 2, MAX_LIMIT)
    if "before" not in query:
        return limit, None
    before = datetime.fromisoformat(timestamp(("before",), query["before"]))
    return limit, before if before.tzinfo else before.replace(tzinfo=UTC)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not NUMBER.fullmatch(text):
        raise invalid((name,), "NUMBER_TYPE_COERCE", f'Value "{text[:100]}" is not int.')
    return int(text)
