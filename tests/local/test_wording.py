"""What is added to prompts: style, trigger words and embeddings; what was asked stays."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.prompts import parse_prompt, write_prompt
from jobs.request import MAX_SEED, Segment
from providers.local.emphasis import phrases
from providers.local.wording import (
    LOOKS,
    QUALITY,
    added_to,
    enhanced,
    trigger_warnings,
    with_tokens,
    with_triggers,
)

SEEDS = st.integers(0, MAX_SEED)
PROMPTS = st.text("()[]\\:.,|13 ab", min_size=1, max_size=40).filter(str.strip)


def parts(*prompts: str) -> tuple[Segment, ...]:
    return tuple(Segment(prompt=prompt, frames=8) for prompt in prompts)


def texts(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.prompt for segment in segments]


def test_the_seed_chooses_one_of_several_looks() -> None:
    made = [enhanced("a cat", seed=seed) for seed in range(50)]
    assert made[7] == enhanced("a cat", seed=7)
    assert len(set(made)) == len(LOOKS) == len({word for look in LOOKS for word in look}) / 3
    for prompt in made:
        assert prompt.startswith(f"a cat, {', '.join(QUALITY)}, ")
        assert any(prompt.endswith(", ".join(look)) for look in LOOKS)


def test_a_prompt_that_ends_like_a_sentence_is_gone_on_with() -> None:
    assert enhanced("a cat. ").startswith("a cat, masterpiece, ")


@settings(deadline=None)
@given(PROMPTS, SEEDS)
def test_enhancing_twice_is_enhancing_once(prompt: str, seed: int) -> None:
    once = enhanced(prompt, seed=seed)
    assert enhanced(once, seed=seed) == once


@settings(deadline=None)
@given(PROMPTS, SEEDS)
def test_what_is_asked_keeps_its_weights_and_what_is_added_has_none(prompt: str, seed: int) -> None:
    own = phrases(prompt.rstrip(" ,."))
    made = phrases(enhanced(prompt, seed=seed))
    plain = "".join(phrase.text for phrase in own)
    assert "".join(phrase.text for phrase in made).startswith(plain)
    assert {phrase.weight for phrase in own} <= {phrase.weight for phrase in made}
    assert made[-1].weight == 1
    assert made[-1].text.endswith(tuple(look[-1] for look in LOOKS))


@settings(deadline=None)
@given(PROMPTS, SEEDS)
def test_an_enhanced_prompt_is_shown_so_that_it_can_be_asked_again(prompt: str, seed: int) -> None:
    segments = tuple(
        Segment(prompt=enhanced(p.strip(), seed=seed), frames=8) for p in (prompt, "b")
    )
    assert parse_prompt(write_prompt(segments)) == segments


def test_the_first_trigger_word_is_put_before_parts_that_have_none() -> None:
    asked = parts("a cat", "a TOON style dog", "a (cartoon:1.2) cow")
    words = ["toon style", "cartoon"]
    assert texts(with_triggers(asked, words)) == [
        "toon style, a cat",
        "a TOON style dog",
        "a (cartoon:1.2) cow",
    ]
    assert trigger_warnings(asked, words, loras={}) == [
        "The model's trigger word “toon style” is put in front of `prompt`."
    ]


def test_a_trigger_word_inside_another_word_does_not_count() -> None:
    (part,) = with_triggers(parts("a cartoonish cat"), ["toon", "cartoon"])
    assert part.prompt == "toon, a cartoonish cat"


def test_a_bracket_of_a_trigger_word_does_not_act_on_the_prompt() -> None:
    (part,) = with_triggers(parts("a cat"), ["(ink wash"])
    assert part.prompt == "(ink wash,) a cat"


@pytest.mark.parametrize("words", [[], ["cat"]])
def test_where_no_trigger_word_is_missing_nothing_changes(words: list[str]) -> None:
    asked = parts("a cat", "two cat toys")
    assert with_triggers(asked, words) == asked
    assert trigger_warnings(asked, words, loras={"ink": words}) == []


def test_a_loras_trigger_words_are_told_where_no_part_has_one() -> None:
    loras = {"ink": ["ink wash", "sumi"], "dusk": [], "many": list("uvwxyz")}
    assert trigger_warnings(parts("a cat", "sumi"), [], loras=loras) == [
        "No prompt has a trigger word of many: “u”, “v”, “w”."
    ]


def test_an_embedding_is_written_as_its_token_wherever_it_stands_as_a_word() -> None:
    tokens = {"bad-hands": "<bad-hands>", "bad": "<bad>"}
    asked = "(Bad-Hands:1.4), bad, badly, [bad]"
    assert with_tokens(asked, tokens) == "(<bad-hands>:1.4), <bad>, badly, [<bad>]"


def test_embeddings_that_no_prompt_names_are_put_behind_every_part() -> None:
    assert texts(added_to(parts("a (cat", "dogs."), "grain", ["swirl", "grain"])) == [
        "a (cat,) swirl",
        "dogs, swirl",
    ]
    assert texts(added_to(parts("a swirl", "dogs."), "", ["swirl"])) == ["a swirl", "dogs."]
