"""The brackets of a prompt mean what they mean in AUTOMATIC1111's webui, and are never an error."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.local.emphasis import HEAVIEST, LIGHTEST, Phrase, joined, phrases

# Much of what can go wrong is near these characters.
PROMPTS = st.text("()[]\\:.,13-+ ab", max_size=40) | st.text(max_size=200)


def read(prompt: str) -> list[tuple[str, float]]:
    return [(phrase.text, phrase.weight) for phrase in phrases(prompt)]


def text_of(prompt: str) -> str:
    return "".join(phrase.text for phrase in phrases(prompt))


def by_character(found: tuple[Phrase, ...]) -> list[tuple[str, float]]:
    return [(character, phrase.weight) for phrase in found for character in phrase.text]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red ball", [("a red ball", 1)]),
        ("a (red) ball", [("a ", 1), ("red", 1.1), (" ball", 1)]),
        ("((red))", [("red", 1.1**2)]),
        ("[red]", [("red", 1 / 1.1)]),
        ("[[red]]", [("red", 1 / 1.1**2)]),
        ("([red])", [("red", 1)]),
        ("(red:1.3)", [("red", 1.3)]),
        ("(red:.5)", [("red", 0.5)]),
        ("(red: 2 )", [("red", 2)]),
        ("(a (red:1.5) ball:2)", [("a ", 2), ("red", 3), (" ball", 2)]),
        ("[a (red:2)]", [("a ", 1 / 1.1), ("red", 2 / 1.1)]),
        (
            "(worst quality:2), ((monochrome))",
            [("worst quality", 2), (", ", 1), ("monochrome", 1.1**2)],
        ),
        ("(same)(weight)", [("sameweight", 1.1)]),
        ("", []),
        ("()", []),
    ],
)
def test_brackets_weigh_what_they_enclose(prompt: str, expected: list[tuple[str, float]]) -> None:
    found = read(prompt)
    assert [text for text, _ in found] == [text for text, _ in expected]
    assert [weight for _, weight in found] == pytest.approx([weight for _, weight in expected])


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (r"\(literal\]", "(literal]"),
        (r"a \[b\] \\ c", r"a [b] \ c"),
        ("a smile :) and 10:30", "a smile :) and 10:30"),
        ("closed) never] opened", "closed) never] opened"),
        ("at 10:30) sharp", "at 10:30) sharp"),
        ("C:\\path\\", "C:\\path\\"),
    ],
)
def test_brackets_that_are_escaped_or_never_opened_are_characters(prompt: str, text: str) -> None:
    assert read(prompt) == [(text, 1)]


def test_a_bracket_that_is_never_closed_acts_to_the_end() -> None:
    assert read("a (red ball") == [("a ", 1), ("red ball", 1.1)]
    assert read("a [red ball") == [("a ", 1), ("red ball", 1 / 1.1)]
    assert read("(x:1.3") == [("x:1.3", 1.1)]


def test_only_a_number_before_a_round_bracket_is_a_weight() -> None:
    assert read("(ratio 16:9)") == [("ratio 16", 9)]  # as there
    assert read("(x:1.2.3)") == [("x:1.2.3", 1.1)]
    assert read("(x:heavy)") == [("x:heavy", 1.1)]
    assert read("[x:0.5]") == [("x:0.5", 1 / 1.1)]


def test_brackets_of_two_kinds_may_cross() -> None:
    assert read("(a [b) c]") == [("a ", 1.1), ("b", 1.1 / 1.1), (" c", 1 / 1.1)]


@pytest.mark.parametrize("number", ["0", "-3", "0.001"])
def test_a_weight_that_is_not_positive_is_the_lightest(number: str) -> None:
    assert read(f"(x:{number})") == [("x", LIGHTEST)]


@pytest.mark.parametrize("prompt", ["(x:99)", f"(x:{'9' * 400})", "(" * 99 + "x"])
def test_a_weight_that_is_absurd_is_the_heaviest(prompt: str) -> None:
    assert read(prompt) == [("x", HEAVIEST)]


@settings(deadline=None)
@given(PROMPTS)
@example("(" * 1024)
@example("(x:0" + ":0)" * 500)
@example(":" + " " * 900)
def test_no_text_is_an_error_and_weights_are_positive_and_bounded(prompt: str) -> None:
    found = phrases(prompt)
    assert all(phrase.text and LIGHTEST <= phrase.weight <= HEAVIEST for phrase in found)
    assert all(a.weight != b.weight for a, b in pairwise(found))


@settings(deadline=None)
@given(PROMPTS)
@example("a\\(b\\c\\")
def test_every_letter_stays_and_in_its_order(prompt: str) -> None:
    before, after = ([c for c in text if c.isalpha()] for text in (prompt, text_of(prompt)))
    assert before == after


@settings(deadline=None)
@given(st.text(max_size=100))
def test_escaped_text_is_read_as_it_is(text: str) -> None:
    escaped = re.sub(r"([()\[\]\\])", r"\\\1", text)
    assert read(escaped) == ([(text, 1)] if text else [])


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="()[]\\"), max_size=100))
def test_text_without_brackets_is_one_phrase(text: str) -> None:
    assert read(text) == ([(text, 1)] if text else [])


@settings(deadline=None)
@given(PROMPTS.filter(bool), PROMPTS.filter(bool))
@example("(x:1.3", "b")
@example("(x\\", "b")
@example("[a (b", "c")
@example("(a", "1)")
def test_what_is_joined_keeps_its_weights(first: str, second: str) -> None:
    both = by_character(phrases(joined([first, second])))
    before, after = by_character(phrases(first)), by_character(phrases(second))
    assert both[: len(before)] == before
    assert [character for character, _ in both[len(before) :][:2]] == [",", " "]
    assert both[len(before) + 2 :] == after


def test_nothing_is_joined_to_nothing() -> None:
    assert joined(["", "a", ""]) == "a"
    assert joined([]) == ""
