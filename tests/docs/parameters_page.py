"""docs/parameters.md, as its tests read it."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "parameters.md").read_text()


def table(heading: str, number: int = 0) -> list[list[str]]:
    """Return the rows of a table below a heading, its head first, as cells."""
    below = PAGE.split(f"\n## {heading}\n")[1]
    rows = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)[number].splitlines()
    cells = [row.removeprefix("|").removesuffix("|").split("|") for row in rows]
    return [[cell.strip() for cell in row] for row in cells if not row[0].startswith("--")]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def numbers(cell: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", cell.replace("-1", ""))]


# By the name of a field: its row.
NAMES = {quoted(row[0])[0]: row[1:] for row in table("What can be asked")[1:]}
PROTOCOL = table("What can be asked", 1)[1:]
HONOURS = table("Who honours it")
SCHEDULERS = {quoted(row[0])[0]: row[1:] for row in table("Schedulers")[1:]}
