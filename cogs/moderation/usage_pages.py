"""What `/mod usage` and `/mod export` say: the totals in words, and the chart told to the blind."""

from collections.abc import Mapping, Sequence
from datetime import date

from discord.ui import Container, LayoutView, MediaGallery, TextDisplay

from cogs.cards import WORKING, still
from cogs.text import alt_text
from jobs.prices import write_price
from jobs.request import ProviderName
from jobs.usage.days import HALF, NINE_OF_TEN, Usage, wait_at
from jobs.usage.spending import Export, Report

PICTURE = "usage.png"
MAX_MEMBERS = 5
MAX_FAILURES = 5
MINUTE_S, HOUR_S = 60, 3600
NOTHING = "No video was made here, and none failed."


def usage_page(report: Report) -> LayoutView:
    """Return the totals, with the picture under the name `PICTURE` if there is one."""
    usage = report.usage
    box: Container[LayoutView] = Container(accent_colour=WORKING)
    for line in usage_lines(usage):
        box.add_item(TextDisplay(line))
    if report.picture is not None:
        gallery: MediaGallery[LayoutView] = MediaGallery()
        box.add_item(gallery.add_item(media=f"attachment://{PICTURE}", description=told(usage)))
    if report.trouble:
        box.add_item(TextDisplay(f"-# {report.trouble}"))
    return still(LayoutView(timeout=None).add_item(box))


def usage_lines(usage: Usage) -> list[str]:
    """Say in a few lines what was made, by whom, what it cost, and what was not made."""
    title = f"### The last {len(usage.days)} days"
    waiting = f" {_videos(usage.waiting)} still open." if usage.waiting else ""
    small = f"-# A video counts on the day it ended, in UTC; today is not over.{waiting}"
    if usage.is_empty:
        return [title, NOTHING, small]
    members = {user_id: count for user_id, count in usage.members.items() if user_id}
    most = [f"<@{user_id}> {count:,}" for user_id, count in list(members.items())[:MAX_MEMBERS]]
    return [
        title,
        f"**{' · '.join(totals(usage))}**",
        *([f"Money: {_money_words(usage)}"] if usage.money else []),
        *_waiting_line(usage),
        *([f"Most videos: {' · '.join(most)}"] if most else []),
        *_not_posted_line(usage),
        small,
    ]


def totals(usage: Usage) -> Sequence[str]:
    """Return the sums: videos, how long they are, what they cost."""
    by_currency: dict[str, int] = {}
    for (_, currency), micros in usage.money.items():
        by_currency[currency] = by_currency.get(currency, 0) + micros
    return [
        _videos(usage.videos),
        f"{span(usage.video_ms / 1000)} of video",
        *(write_price(micros, currency) for currency, micros in by_currency.items()),
    ]


def told(usage: Usage) -> str:
    """Tell the picture in words, for those who do not see it."""
    first, last = usage.days[0].day, usage.days[-1].day
    best = max(usage.days, key=lambda one: one.videos)
    busiest = f", most on {day_words(best.day)} ({best.videos:,})" if best.videos else ""
    money = f" Money: {_money_words(usage)}." if usage.money else ""
    waiting = "".join(f" {line}" for line in _waiting_line(usage))
    return (
        alt_text(
            f"Charts by day from {day_words(first)} to {day_words(last)}. "
            f"{_videos(usage.videos)}{busiest}; {span(usage.video_ms / 1000)} of video.{money}"
            f"{waiting}{''.join(f' {line}' for line in _not_posted_line(usage))}"
        )
        or ""
    )


def export_sentence(export: Export) -> str:
    """Say what is in a file, what is not, and how to get that."""
    days = f"{export.first} to {export.last}"
    rows = "1 row" if export.rows == 1 else f"{export.rows:,} rows"
    prompts = "with" if export.with_prompts else "without"
    said = f"{rows}, {days} (UTC), {prompts} prompts."
    if export.left_out is None:
        return said
    until = export.left_out.date()
    return (
        f"{said} **The file is full:** what ended before {export.left_out:%Y-%m-%d %H:%M} is not "
        f"in it. For that, ask for `until:{until}`, or for fewer days."
    )


def span(seconds: float) -> str:
    """Say how long something is, no more exactly than anybody reads."""
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:,.1f} h"


def day_words(day: date) -> str:
    """Name a day."""
    return f"{day.day} {day:%B %Y}"


def _waiting_line(usage: Usage) -> list[str]:
    half, most = wait_at(HALF, usage.waits), wait_at(NINE_OF_TEN, usage.waits)
    if half is None or most is None:
        return []
    return [f"Waiting: half at most {span(half)}, nine of ten at most {span(most)}."]


def _not_posted_line(usage: Usage) -> list[str]:
    """Say why videos were not posted; what somebody cancelled is no failure."""
    failed = _listed(usage.failures)
    cancelled = f"{usage.cancelled:,} cancelled" if usage.cancelled else ""
    parts = [
        *([f"{sum(usage.failures.values()):,} failed ({failed})"] if failed else []),
        cancelled,
    ]
    said = "; ".join(part for part in parts if part)
    return [f"Not posted: {said}."] if said else []


def _listed(kinds: Mapping[str, int]) -> str:
    shown = [f"{kind} {count:,}" for kind, count in list(kinds.items())[:MAX_FAILURES]]
    rest = sum(list(kinds.values())[MAX_FAILURES:])
    return ", ".join([*shown, *([f"other {rest:,}"] if rest else [])])


def _money_words(usage: Usage) -> str:
    return ", ".join(
        f"{ProviderName(provider).label} {write_price(micros, currency)}"
        for (provider, currency), micros in usage.money.items()
    )


def _videos(count: int) -> str:
    return "1 video" if count == 1 else f"{count:,} videos"
