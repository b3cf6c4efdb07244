"""Finds the words of a prompt that a model was never taught, so that its card can say so.

A model trained on few words draws something for every prompt. Whoever asks it for a cat is told
beforehand that it knows none. No torch here.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from jobs.request import ModelInfo, ResolvedRequest
from providers.local.capabilities import words_of

TAG = re.compile(r"<[^<>\s]*>")  # `<lora:neon:0.8>` and the like: names, no words
APOSTROPHES = ("'", "\N{RIGHT SINGLE QUOTATION MARK}")
SHOWN = 3
LONGEST_SHOWN = 30  # characters of a word


def unknown_words_warning(
    request: ResolvedRequest, model: ModelInfo, *, is_embedded: bool
) -> str | None:
    """Return one sentence that names what the model was not taught.

    Args:
        request: Its prompts are read, the negative one is not: what is unknown cannot appear.
        model: One without `words` knows a language, and nothing is said about it.
        is_embedded: It is the one that comes with Flipbook.
    """
    if not model.words:
        return None
    known = model.words.union(*map(words_in, model.trigger_words))
    prompts = [segment.prompt for segment in request.segments]
    unknown = unknown_words(prompts, known=known, names=request.embeddings)
    if not unknown:
        return None
    if is_embedded:
        return (
            f"`{model.id}` is the demonstration model and does not know {listed(unknown)}; "
            "a real model is added as docs/models.md says."
        )
    return f"`{model.id}` does not know {listed(unknown)}."


def unknown_words(
    prompts: Iterable[str], *, known: Collection[str], names: Collection[str]
) -> list[str]:
    """Return the words that are not known, each once, in the order of the prompts.

    Args:
        prompts: As they were asked.
        known: Lower-case words.
        names: What stands for an embedding wherever it stands as a word.
    """
    found: dict[str, None] = {}
    for prompt in prompts:
        text = words_of(names).sub(" ", prompt) if names else prompt
        found |= dict.fromkeys(words_in(TAG.sub(" ", text)))
    return [word for word in found if word not in known]


def words_in(text: str) -> list[str]:
    """Return a text's words in lower case: letters with their marks only, so `cat's` is `cat`.

    Hyphens split; whatever holds a digit (`4k`, `1girl`) counts as a number.
    """
    plain = unicodedata.normalize("NFC", text).lower()
    spaced = "".join(_as_in_words(character) for character in plain)
    stems = (piece.strip("'").partition("'")[0] for piece in spaced.split())
    return [stem for stem in stems if stem and not any(_kind(c) == "N" for c in stem)]


def listed(words: Sequence[str]) -> str:
    """Return the first of some words in quotes, and how many more there are."""
    shown = ", ".join(f"“{_cut(word)}”" for word in words[:SHOWN])
    return shown if len(words) <= SHOWN else f"{shown} and {len(words) - SHOWN} more"


def _as_in_words(character: str) -> str:
    """Keep letters, numbers, and the marks without which many scripts break; the rest splits."""
    if character in APOSTROPHES:
        return "'"
    return character if _kind(character) in ("L", "M", "N") else " "


def _kind(character: str) -> str:
    """Return Unicode's general category, the large one: letter, mark, number, ..."""
    return unicodedata.category(character)[0]


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST_SHOWN else f"{word[: LONGEST_SHOWN - 1]}…"
