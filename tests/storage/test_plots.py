"""Pictures of what was made and spent, drawn in real child processes."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from jobs.errors import PlotError
from jobs.usage.days import DayOfUse, Usage, days_until
from storage.plots.orders import MISSING, MatplotlibPlotter, PlotLimits, picture_of, sheet_of

TODAY = date(2026, 11, 21)
ROOT = Path(__file__).parents[2]
CARD = (0x23, 0x24, 0x28, 255)

EMPTY = Usage(days=tuple(DayOfUse(day=day) for day in days_until(TODAY, 7)))
ONE = Usage(
    days=(
        *EMPTY.days[:6],
        DayOfUse(day=TODAY, videos=1, video_ms=2000, waits={3: 1}, members={5: 1}),
    )
)


def busy(days: int) -> Usage:
    """Return days that have everything."""
    return Usage(
        days=tuple(
            DayOfUse(
                day=day,
                videos=200 + number,
                video_ms=400_000,
                money={("novita", "USD"): 5_000_000, ("modelslab", "USD"): 3_000_000 + number},
                waits={10: 100, 400 + number: 101},
                failures={"refused": 3, "undelivered": 2, "internal": 1},
                cancelled=4,
            )
            for number, day in enumerate(days_until(TODAY, days))
        )
    )


@pytest.mark.parametrize("usage", [EMPTY, ONE, busy(7), busy(90)], ids=["none", "one", "7", "90"])
async def test_a_picture_has_the_width_of_a_phone_and_brings_its_own_background(
    usage: Usage,
) -> None:
    content = await MatplotlibPlotter().draw(usage)
    assert len(content) < 1024**2
    image = Image.open(BytesIO(content))
    assert (image.format, image.mode, image.width) == ("PNG", "RGBA", 1080)
    assert image.height <= 2000
    corner = image.getchannel("A").getpixel((0, 0))
    assert corner == 0, "its corners are round"
    assert image.getpixel((20, image.height // 2)) == CARD


async def test_what_is_drawn_holds_nothing_that_a_member_wrote_and_no_id() -> None:
    usage = Usage(days=(DayOfUse(day=TODAY, videos=1, members={123456789: 1}),))
    assert "123456789" not in json.dumps(sheet_of(usage))


def test_money_is_drawn_in_the_currency_that_was_used_last() -> None:
    older = DayOfUse(day=TODAY - timedelta(days=1), money={("novita", "EUR"): 9_000_000})
    newer = DayOfUse(day=TODAY, money={("novita", "USD"): 1_500_000, ("local", "USD"): 1})
    sheet = sheet_of(Usage(days=(older, newer)))
    assert sheet["currency"] == "$"
    assert sheet["money"] == [
        {"id": "local", "name": "the local engine", "amounts": [0, 1e-06]},
        {"id": "novita", "name": "Novita", "amounts": [0, 1.5]},
    ]


def test_rare_failures_are_drawn_together() -> None:
    codes = ("refused", "internal", "disk_full", "bad_file", "undelivered", "no_download", "x")
    failures = {code: 10 - number for number, code in enumerate(codes)}
    sheet = sheet_of(Usage(days=(DayOfUse(day=TODAY, failures=failures),)))
    drawn = sheet["failures"]
    assert isinstance(drawn, list)
    assert drawn[-1] == ("other", 6 + 5 + 4)
    assert len(drawn) == 5


async def test_a_child_out_of_memory_costs_the_picture_and_nothing_else() -> None:
    limits = PlotLimits(memory_bytes=64 * 1024**2)
    with pytest.raises(PlotError, match="could not be drawn"):
        await MatplotlibPlotter(limits=limits).draw(ONE)


async def test_a_child_that_takes_too_long_is_ended() -> None:
    with pytest.raises(PlotError, match="could not be drawn"):
        await MatplotlibPlotter(limits=PlotLimits(wall_s=0.01)).draw(ONE)


async def said_of(sheet: Mapping[str, object], *, blocked: str) -> str:
    """Have a child draw in a Python where a module is not installed, and return its answer."""
    code = (
        "import sys, json, storage.plots.child as child\n"
        f"sys.modules[{blocked!r}] = None\n"
        "print(json.dumps(child.answer_to(json.load(sys.stdin))))"
    )
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdin=PIPE,
        stdout=PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    output, _ = await child.communicate(json.dumps(sheet).encode())
    return output.decode().strip()


async def test_without_matplotlib_the_child_says_so() -> None:
    assert await said_of(sheet_of(ONE), blocked="matplotlib") == '{"error": "missing"}'
    assert "missing" not in await said_of(sheet_of(ONE), blocked="numpy.linalg")


def test_a_missing_matplotlib_is_told_with_the_remedy() -> None:
    with pytest.raises(PlotError) as caught:
        picture_of(b'{"error": "missing"}', 0)
    assert caught.value.user_message == MISSING
    assert "pip install 'flipbook[plots]'" in MISSING
    assert MISSING.endswith(".")


async def test_the_bot_never_loads_what_draws() -> None:
    code = (
        "import sys, bot.run, storage.plots.orders, storage.plots.child\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'matplotlib'])"
    )
    # An empty environment: a measured test run would load what measures it.
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), stdout=PIPE, env={}, cwd=ROOT
    )
    output, _ = await child.communicate()
    assert output == b"[]\n"
