"""What fires on a prompt, what does not, and what no list may do to those who wait."""

import sys
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import RequestError
from jobs.moderation.folding import fold
from jobs.moderation.policy import Action, PolicyRule, RuleKind, RuleSet, checked, forms_of

LIST_LENGTH = 5000
PROMPT_CHARS = 1024
HIDDEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u2066\u2069\u034f\ufe0f\U000e0041"


def rule(
    text: str, kind: str = "word", action: Action = Action.REFUSE, *, number: int = 1
) -> PolicyRule:
    return checked(PolicyRule(kind=RuleKind(kind), text=text, action=action, number=number))


def fired(prompt: str, *rules: PolicyRule) -> list[str]:
    return [prompt[hit.start : hit.end] for hit in RuleSet.of(rules).hits(prompt)]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("ass", "class"),
        ("ass", "assassin"),
        ("ass", "bass_line"[1:4] + "ets"),
        ("white power", "snow white powerful"),
        ("sex", "Essex in Sussex"),
        ("cat", "concatenate"),
        ("нато", "донатом"),
    ],
)
def test_a_longer_word_is_no_hit(text: str, prompt: str) -> None:
    kind = "phrase" if " " in text else "word"
    assert fired(prompt, rule(text, kind)) == []


@pytest.mark.parametrize(
    ("text", "prompt", "hit"),
    [
        ("gore", "some GORE here", "GORE"),
        ("gore", "go\u200bre", "go\u200bre"),
        ("gore", "ｇｏｒｅ!", "ｇｏｒｅ"),  # noqa: RUF001 - letters that look alike are the point
        ("gore", "𝓰𝓸𝓻𝓮", "𝓰𝓸𝓻𝓮"),  # noqa: RUF001 - as above
        ("gore", "ⓖⓞⓡⓔ", "ⓖⓞⓡⓔ"),
        ("gore", "gоrе", "gоrе"),  # noqa: RUF001 - as above
        ("gore", "g̶o̶r̶e̶", "g̶o̶r̶e̶"),
        ("sex", "ЅЕХ", "ЅЕХ"),  # noqa: RUF001 - as above
        ("sex", "ѕех", "ѕех"),  # noqa: RUF001 - as above
        ("НАТО", "про нато", "нато"),  # noqa: RUF001 - as above
        ("straße", "die STRASSE", "STRASSE"),
        ("裸体", "我要裸体画", "裸体"),
        ("white power", "white -- \n POWER", "white -- \n POWER"),
    ],
)
def test_a_word_is_found_however_it_is_hidden_and_where_it_is(
    text: str, prompt: str, hit: str
) -> None:
    kind = "phrase" if " " in text else "word"
    assert fired(prompt, rule(text, kind)) == [hit]


@given(
    before=st.text(alphabet="xyz ", max_size=20),
    hidden=st.lists(st.sampled_from(HIDDEN), min_size=3, max_size=3),
    after=st.text(alphabet="xyz ", max_size=20),
)
def test_marks_that_nobody_sees_hide_nothing(before: str, hidden: list[str], after: str) -> None:
    word = "".join(letter + mark for letter, mark in zip("gor", hidden, strict=True)) + "E"
    prompt = f"{before} {word} {after}"
    assert fired(prompt, rule("gore")) == [word]


@given(st.text(max_size=60), st.booleans())
def test_every_folded_letter_leads_back_to_its_part_in_order(text: str, by_looks: bool) -> None:  # noqa: FBT001 - given by hypothesis
    folded = fold(text, is_by_looks=by_looks)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert list(folded.starts) == sorted(folded.starts)
    assert all(
        0 <= start < end <= len(text) for start, end in zip(folded.starts, folded.ends, strict=True)
    )
    assert "  " not in folded.text
    assert folded.text == folded.text.strip(" ")


@given(st.text(max_size=60))
def test_folding_what_is_folded_changes_nothing(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(st.text(alphabet="abcdeABCDE éÉñ", max_size=40))
def test_case_and_composition_make_no_difference(text: str) -> None:
    assert fold(text.upper()).text == fold(text.lower()).text
    assert fold(unicodedata.normalize("NFD", text)).text == fold(text).text


@given(st.text(min_size=1, max_size=30))
def test_a_word_that_is_taken_fires_on_itself(text: str) -> None:
    try:
        taken = rule(text)
    except RequestError:
        return
    assert RuleSet.of([taken]).hits(f"a {taken.text} b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(a+)+$", "take for ever"),
        ("(a|aa)+$", "take for ever"),
        ("(x+x+)+y", "take for ever"),
        ("a*", "fires on every prompt"),
        ("", "fires on every prompt"),
        ("(unclosed", "is no regex"),
        ("x{99999999999999999999}", "is no regex"),
        ("a" * 1001, "at most 1,000"),
    ],
)
def test_a_regex_that_cannot_be_kept_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        rule(text, "regex")


@pytest.mark.parametrize(("text", "kind"), [("", "word"), ("...", "phrase"), ("\u200b", "word")])
def test_a_word_without_a_letter_is_refused(text: str, kind: str) -> None:
    with pytest.raises(RequestError, match="letter or a digit"):
        rule(text, kind)


def test_a_regex_that_takes_too_long_on_a_prompt_counts_as_held_never_as_passed() -> None:
    endless = PolicyRule(
        kind=RuleKind.REGEX, text="(q+)+$", action=Action.FLAG, number=1
    )  # kept before it was known how bad it is
    (hit,) = RuleSet.of([endless]).hits("q" * 1000 + "!")
    assert hit.is_overdue
    assert hit.action is Action.HOLD


def test_a_regex_fires_whatever_the_case_and_shows_where() -> None:
    assert fired("My BIG guns", rule(r"\bgun\w*", "regex")) == ["guns"]


def test_the_strongest_rule_comes_first_and_each_fires_once() -> None:
    rules = [
        rule("one", action=Action.FLAG, number=1),
        rule("two", action=Action.REFUSE, number=2),
        rule("three", action=Action.HOLD, number=3),
    ]
    hits = RuleSet.of(rules).hits("one one two three")
    assert [hit.rule.number for hit in hits] == [2, 3, 1]


@pytest.mark.parametrize("wording", ["w{:04d}x", "a w{:04d}x", "a tree by w{:04d}x"])
def test_a_list_of_five_thousand_costs_a_prompt_as_much_as_a_short_one(wording: str) -> None:
    kind = "phrase" if " " in wording else "word"
    texts = [wording.format(number) for number in range(LIST_LENGTH)]
    long = RuleSet.of(rule(text, kind, number=place) for place, text in enumerate(texts))
    short = RuleSet.of([rule(texts[0], kind)])
    prompt = ("a tree by the river " * 60)[:PROMPT_CHARS]
    assert len(long.hits(f"{prompt} {texts[-1]}")) == 1
    assert calls(lambda: long.hits(prompt)) == calls(lambda: short.hits(prompt)) > len(prompt)


def calls(work: Callable[[], object]) -> int:
    """Count the calls of functions, Python's own and built-in ones."""
    events: list[str] = []
    work()  # what is remembered of letters is remembered now
    forms_of.cache_clear()
    sys.setprofile(lambda _frame, event, _argument: events.append(event))
    try:
        work()
    finally:
        sys.setprofile(None)
    return sum(event in ("call", "c_call") for event in events)


def test_the_end_of_a_prompt_is_not_taken_for_a_longer_phrase() -> None:
    rules = RuleSet.of([rule("red", number=1), rule("red fox runs", "phrase", number=2)])
    assert [hit.rule.number for hit in rules.hits("a fox and a red")] == [1]
    assert [hit.rule.number for hit in rules.hits("a red fox runs")] == [1, 2]
