"""The picture of what was made and spent: one chart below the other, for the width of a phone.

It brings its own background, since no colour of text can be read on both of Discord's themes. The
colours are those of Okabe and Ito, which people with any kind of colour vision tell apart; what a
colour means stands in the chart's title, in that colour. Only the sandboxed child imports this.
"""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import IdentityTransform

WIDTH = 1080  # pixels; a phone shows them on about a third as many of its own
TITLE, LABEL = 40, 32  # pixels
CHART, LINE = 140, 54  # pixels of height: of a chart over time, of one kind of failure
ABOVE, BETWEEN, BEHIND_DAYS, BELOW = 98, 110, 164, 76  # pixels over and under the charts
LEFT, RIGHT = 164, 84  # pixels beside them

CARD, GRID, TEXT, QUIET = "#232428", "#3f4147", "#f2f3f5", "#b5bac1"
GREEN, BLUE, ORANGE, YELLOW, PURPLE, RED = (
    "#2bb58b",
    "#56b4e9",
    "#e69f00",
    "#f0e442",
    "#cc79a7",
    "#e8743b",
)
PROVIDERS = {"modelslab": ORANGE, "novita": BLUE}

MARGIN = 48  # pixels from the card's edge to its words
BARS = 500  # pixels from there to the bars of failures, behind their names
MAX_DAYS_NAMED = 5
STEPS = (1, 1.5, 2, 2.5, 3, 4, 5, 10)  # of the lines across, times a power of ten

Words = Sequence[tuple[str, str]]  # a text and its colour


def draw(sheet: Mapping[str, Any]) -> bytes:
    """Return a PNG of what `storage.plots.orders.sheet_of` tells."""
    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": LABEL})
    days = [date.fromisoformat(day) for day in sheet["days"]]
    over_time = [_videos, _seconds, *([_money] if sheet["money"] else []), _waiting]
    failures = sheet["failures"]
    heights = [CHART] * len(over_time) + ([LINE * len(failures)] if failures else [])
    gaps = [ABOVE, *[BETWEEN] * (len(over_time) - 1), *([BEHIND_DAYS] if failures else [])]
    figure, charts = _card(heights, gaps)
    for chart, fill in zip(charts, over_time, strict=False):
        _prepare(chart, len(days))
        fill(chart, sheet)
    _name_days(charts[len(over_time) - 1], days)
    if failures:
        _failures(charts[-1], failures)
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()


def _card(heights: Sequence[int], gaps: Sequence[int]) -> tuple[Figure, Sequence[Axes]]:
    """Return a card with round corners, and on it a chart of each height with a gap above it."""
    height = sum(heights) + sum(gaps) + BELOW
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)  # so that a point is a pixel
    FigureCanvasAgg(figure)
    figure.patch.set_alpha(0)
    card = FancyBboxPatch(
        (0, 0),
        WIDTH,
        height,
        boxstyle="round,pad=0,rounding_size=28",
        facecolor=CARD,
        linewidth=0,
        transform=IdentityTransform(),  # in pixels
        zorder=-1,  # behind the charts
    )
    figure.add_artist(card)
    charts: list[Axes] = []
    top = height
    for one, gap in zip(heights, gaps, strict=True):
        top -= gap
        place = (LEFT / WIDTH, (top - one) / height, 1 - (LEFT + RIGHT) / WIDTH, one / height)
        charts.append(figure.add_axes(place))
        top -= one
    return figure, charts


def _prepare(chart: Axes, days: int) -> None:
    """Leave of a chart only what tells something: a few lines across, and their numbers."""
    chart.patch.set_alpha(0)
    for spine in chart.spines.values():
        spine.set_visible(False)
    chart.grid(visible=True, axis="y", color=GRID, linewidth=2)
    chart.set_axisbelow(True)
    chart.tick_params(length=0, colors=QUIET, pad=12)
    chart.tick_params(axis="x", pad=22)
    chart.set_xlim(-0.6, days - 0.4)
    chart.set_xticks([])


def _videos(chart: Axes, sheet: Mapping[str, Any]) -> None:
    videos: Sequence[int] = sheet["videos"]
    chart.bar(range(len(videos)), videos, color=GREEN)
    _measure(chart, max(videos), lambda value: f"{value:,.0f}", whole=True)
    _title(chart, [("Videos a day", TEXT)])


def _seconds(chart: Axes, sheet: Mapping[str, Any]) -> None:
    seconds: Sequence[float] = sheet["seconds"]
    size, unit = _unit_of(max(seconds))
    scaled = [one / size for one in seconds]
    chart.bar(range(len(scaled)), scaled, color=GREEN)
    _measure(chart, max(scaled), lambda value: f"{value:,g} {unit}")
    _title(chart, [("Length of the videos a day", TEXT)])


def _money(chart: Axes, sheet: Mapping[str, Any]) -> None:
    providers: Sequence[Mapping[str, Any]] = sheet["money"]
    below = [0.0] * len(sheet["days"])
    sign: str = sheet["currency"]
    is_code = sign.isalpha()  # too long to stand beside each line
    words = [(f"Money a day, {sign}" if is_code else "Money a day", TEXT)]
    for provider in providers:
        colour = PROVIDERS.get(provider["id"], QUIET)
        amounts: Sequence[float] = provider["amounts"]
        chart.bar(range(len(amounts)), amounts, bottom=below, color=colour)
        below = [low + amount for low, amount in zip(below, amounts, strict=True)]
        words.append((provider["name"], colour))
    _measure(chart, max(below), lambda value: _price(value, "" if is_code else sign))
    _title(chart, words)


def _waiting(chart: Axes, sheet: Mapping[str, Any]) -> None:
    """Draw two lines, with a gap where nothing was made and a dot where a day stands alone."""
    known = [one for one in sheet["most"] if one is not None]
    size, unit = _unit_of(max(known, default=0))
    dot = 12 if len(sheet["days"]) <= 31 else 5
    for name, colour, wide in (("most", PURPLE, 2), ("half", YELLOW, 1)):  # a ring, if both agree
        scaled = [math.nan if one is None else one / size for one in sheet[name]]
        (line,) = chart.plot(range(len(scaled)), scaled, color=colour, lw=5, marker="o")
        line.set(markersize=dot * wide, clip_on=False)
    _measure(chart, max(known, default=0) / size, lambda value: f"{value:,g} {unit}")
    _title(chart, [("Waiting", TEXT), ("half at most", YELLOW), ("nine of ten at most", PURPLE)])


def _failures(chart: Axes, failures: Sequence[tuple[str, int]]) -> None:
    """Draw a bar for each kind of failure; its words and its number stand beside it."""
    chart.set_axis_off()
    chart.set_xlim(0, WIDTH - LEFT - RIGHT)
    chart.set_ylim(len(failures), 0)
    most, room = max(count for _, count in failures), WIDTH - BARS - RIGHT - 120
    for line, (name, count) in enumerate(failures):
        middle, length = line + 0.5, max(6, room * count / most)
        chart.text(MARGIN - LEFT, middle, name, color=QUIET, va="center")
        chart.barh(middle, length, 0.6, left=BARS - LEFT, color=RED)
        chart.text(BARS - LEFT + length + 14, middle, f"{count:,}", color=TEXT, va="center")
    _title(chart, [("Not posted", TEXT)])


def _measure(
    chart: Axes, most: float, written: Callable[[float], str], *, whole: bool = False
) -> None:
    """Scale a chart from nothing to a little over its most, with two or three lines across."""
    chart.set_ylim(0, 1.05 * (max(most, 1) if whole else most or 1))
    chart.yaxis.set_major_locator(MaxNLocator(3, integer=whole, steps=STEPS))

    def label(value: float, _: float | None) -> str:
        return written(value) if value else "0"

    chart.yaxis.set_major_formatter(FuncFormatter(label))


def _title(chart: Axes, words: Words) -> None:
    """Write words one after the other above a chart, each in its colour."""
    figure = chart.figure
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)  # noqa: S101 - `_card` gave it one
    width, height = canvas.get_width_height()
    left, bottom = MARGIN, chart.get_position().y1 * height + 30
    for number, (text, colour) in enumerate(words):
        size, weight = (LABEL, "normal") if number else (TITLE, "bold")
        shown = figure.text(
            left / width, bottom / height, text, color=colour, fontsize=size, fontweight=weight
        )
        left += shown.get_window_extent(canvas.get_renderer()).width + 32


def _name_days(chart: Axes, days: Sequence[date]) -> None:
    """Name a few days below a chart, counted back from the last one."""
    step = next(step for step in (1, 2, 7, 14, 21) if len(days) <= MAX_DAYS_NAMED * step)
    places = range(len(days) - 1, -1, -step)
    chart.set_xticks(list(places), [f"{days[place].day} {days[place]:%b}" for place in places])


def _unit_of(seconds: float) -> tuple[int, str]:
    """Return what a chart counts in: seconds, minutes or hours."""
    if seconds < 120:
        return 1, "s"
    return (60, "min") if seconds < 7200 else (3600, "h")


def _price(amount: float, sign: str) -> str:
    """Write an amount as short as it is exact: `$20`, `$0.50`, `$0.002`."""
    number = f"{amount:,.2f}"
    if not math.isclose(float(number.replace(",", "")), amount):
        number = f"{amount:g}"
    return sign + number.removesuffix(".00")
