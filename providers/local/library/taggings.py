"""Reads trigger words and titles from what trainers write into a file's metadata.

They are strangers' texts that are shown to people, so they are cut and cleaned.
"""

import json
from collections.abc import Mapping
from typing import Any

MOST_WORDS = 5
LONGEST_WORD = 60  # characters
LONGEST_TITLE = 80
MOST_BYTES = 4 * 1024**2  # of tag frequencies that are looked at
NEARLY_ALWAYS = 0.9  # of the pictures that the most frequent tag has


def trigger_words_of(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that bring out what was trained.

    The author's own (`modelspec.trigger_phrase`) if there are any; else the tags that nearly
    every picture of kohya's training had (`ss_tag_frequency`).
    """
    told = metadata.get("modelspec.trigger_phrase", "")
    words = told.split(",") if told.strip() else _frequent_tags(metadata)
    plain = dict.fromkeys(clean(word, LONGEST_WORD) for word in words)
    return tuple(word for word in plain if word)[:MOST_WORDS]


def title_of(metadata: Mapping[str, str]) -> str:
    """Return how the author calls it, or ""."""
    told = metadata.get("modelspec.title") or metadata.get("ss_output_name") or ""
    return clean(told, LONGEST_TITLE)


def clean(text: str, longest: int) -> str:
    """Return a stranger's text as one line that can be shown."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:longest]


def _frequent_tags(metadata: Mapping[str, str]) -> list[str]:
    counts: dict[str, int] = {}
    for tags in _tag_tables(metadata.get("ss_tag_frequency", "")):
        for tag, count in tags.items():
            if isinstance(count, int):
                counts[tag] = counts.get(tag, 0) + count
    most = max(counts.values(), default=0)
    frequent = [tag for tag, count in counts.items() if count >= NEARLY_ALWAYS * most]
    return frequent if len(frequent) <= MOST_WORDS else []  # captions that say little else


def _tag_tables(text: str) -> list[dict[str, Any]]:
    if len(text) > MOST_BYTES:
        return []
    try:
        tables = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(tables, dict):
        return []
    return [table for table in tables.values() if isinstance(table, dict)]
