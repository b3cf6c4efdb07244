"""What the moderators' guide says of the exported file is what stands in it."""

import re
from pathlib import Path

from jobs.usage.csv_file import COLUMNS, PROMPT

GUIDE = Path(__file__).parents[2] / "docs/moderation.md"


def test_every_column_of_the_exported_file_is_told_in_its_order() -> None:
    _, _, section = GUIDE.read_text().partition("### The list as a file")
    section, _, _ = section.partition("\n## ")
    rows: list[str] = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert told == [*COLUMNS, PROMPT]
