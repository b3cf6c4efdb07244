"""A model that was taught few words says beforehand which of a prompt it was not taught."""

import json
import shutil
from pathlib import Path

import pytest

from jobs.request import ModelInfo, ResolvedRequest, Segment
from providers.local.library.vocabulary import unknown_words_warning, words_in
from providers.local.provider import LocalProvider
from tests.factories import make_model, make_request
from tests.local.videos import SHAPES, Opener

KNOWN = frozenset({"a", "and", "red", "ball", "big", "on", "the"})


def request(prompt: str = "a red ball", **overrides: object) -> ResolvedRequest:
    return make_request(**{"prompt": prompt, "model": "toy", **overrides})


def said(asked: ResolvedRequest, model: ModelInfo | None = None) -> str | None:
    model = model or make_model(id="toy", words=KNOWN)
    return unknown_words_warning(asked, model, is_embedded=False)


@pytest.mark.parametrize(
    "prompt",
    [
        "a red ball on the ball",
        "A RED Ball!",
        "(red:1.3) ball, 4k, 8 balls2 1girl ½ ²",
        "red-ball, ball's ball\u2019s 'ball' \\ | ??? 🌋",
        "a red <lora:neon:0.8> ball <|endoftext|>",
    ],
)
def test_numbers_marks_and_tags_are_no_words(prompt: str) -> None:
    assert said(request(prompt)) is None


def test_each_unknown_word_is_named_once_in_the_order_of_the_prompt() -> None:
    assert said(request("Surfing-CAT and a cat")) == "`toy` does not know “surfing”, “cat”."


def test_of_many_unknown_words_three_are_named() -> None:
    assert said(request("one two red three four five")) == (
        "`toy` does not know “one”, “two”, “three” and 2 more."
    )


def test_every_part_of_a_prompt_is_read() -> None:
    parts = tuple(Segment(prompt=text, frames=8) for text in ("a ball", "a cat", "a dog"))
    assert said(request(frames=24, segments=parts)) == "`toy` does not know “cat”, “dog”."


def test_a_negative_prompt_is_not_read() -> None:
    assert said(request(negative_prompt="blurry cats")) is None


def test_the_name_of_an_asked_embedding_is_known_where_it_stands_as_a_word() -> None:
    assert said(request("a Dusk.v2 ball", embeddings=("dusk.v2",))) is None
    assert said(request("a dusk ball")) == "`toy` does not know “dusk”."


def test_a_models_trigger_words_are_known() -> None:
    model = make_model(words=KNOWN, trigger_words=("toon style",))
    assert said(request("toon style ball"), model) is None


def test_a_model_that_names_no_words_knows_them_all() -> None:
    assert said(request("anything at all"), make_model()) is None


def test_a_word_of_a_thousand_letters_is_cut() -> None:
    sentence = said(request("z" * 1000))
    assert sentence is not None
    assert len(sentence) < 80


@pytest.mark.parametrize("word", ["हिन्दी", "naïve", "漢字"])
def test_a_word_of_any_script_stays_whole(word: str) -> None:
    assert words_in(f"{word}, {word}s") == [word, f"{word}s"]


@pytest.fixture
def provider(open_provider: Opener, tmp_path: Path) -> LocalProvider:
    """An engine, not opened, with the embedded model and one that knows a language."""
    shutil.copytree(SHAPES, tmp_path / "models" / "real")
    (tmp_path / "models" / "real" / "flipbook.json").write_text(json.dumps({"title": "Real"}))
    return open_provider(models_dir=tmp_path / "models")


def test_the_embedded_model_says_where_a_real_one_is_explained(provider: LocalProvider) -> None:
    assert provider.check(request("a red circle moving left", model="shapes")) == []
    (warning,) = provider.check(request("a cat surfing", model="shapes"))
    assert warning == (
        "`shapes` is the demonstration model and does not know “cat”, “surfing”; "
        "a real model is added as docs/models.md says."
    )
    assert provider.check(request("a cat surfing", model="real")) == []
