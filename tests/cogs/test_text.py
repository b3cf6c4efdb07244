"""Text from outside shows as it was written and does nothing else."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs.text import ISOLATE, POP_ISOLATE, alt_text, plain, safe

HOSTILE = st.text(max_size=300) | st.text(
    alphabet="\\`*_~|<>@#&!:[]()\n\u202e\u200b-1a ", max_size=300
)


def inner(text: str) -> str:
    assert text.startswith(ISOLATE)
    assert text.endswith(POP_ISOLATE)
    return text[1:-1]


@given(HOSTILE, st.integers(min_value=10, max_value=200))
def test_safe_text_keeps_its_limit_and_its_line(text: str, limit: int) -> None:
    shown = safe(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) == 1


@given(HOSTILE)
def test_every_character_that_means_something_is_escaped(text: str) -> None:
    shown = inner(safe(text, 5000))
    rest = re.sub(r"\\[^0-9A-Za-z\s]", "", shown)
    assert not set(rest) & set("\\`*_~|<>#[]():")
    assert not re.search("@(?!\u200b)", shown)


@given(HOSTILE)
def test_nothing_invisible_or_turning_survives(text: str) -> None:
    hidden = {c for c in plain(text) if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Cn", "Co"}}
    assert hidden <= {"\u200c", "\u200d"}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a  red\n\ncircle ", "a red circle"),
        ("<@123>", "\\<@\u200b123\\>"),
        ("@everyone", "@\u200beveryone"),
        ("**bold**", "\\*\\*bold\\*\\*"),
        ("https://evil.example", "https\\://evil.example"),
        ("a\u202eb", "ab"),
        ("שלום", "שלום"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_what_a_prompt_becomes(written: str, shown: str) -> None:
    assert inner(safe(written, 100)) == shown


def test_a_cut_never_splits_an_escape() -> None:
    assert inner(safe("*" * 50, 20)).endswith("\\*…")


def test_a_prompt_of_nothing_visible_has_no_alt_text() -> None:
    assert alt_text("\u200b\u2060") is None
    assert len(alt_text("x" * 5000) or "") == 1024
