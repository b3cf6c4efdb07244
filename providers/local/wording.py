"""Words that are put into prompts before they are encoded; what comes out is shown as the prompt.

Everything here is text in, text out, and keeps the meaning of brackets (`emphasis`): what is
added stands outside of those that the asker left open. No torch here.
"""

from collections.abc import Mapping, Sequence

from jobs.request import Segment
from providers.local.capabilities import unnamed, words_of
from providers.local.emphasis import joined

# `enhance_prompt`: the seed chooses a look; it is the same for all parts of a clip.
QUALITY = ("masterpiece", "best quality", "highly detailed")
LOOKS = (
    ("cinematic lighting", "film grain", "smooth motion"),
    ("soft natural light", "shallow depth of field", "gentle motion"),
    ("dramatic lighting", "rich colours", "fluid motion"),
    ("golden hour", "warm tones", "slow motion"),
    ("studio lighting", "crisp focus", "steady camera"),
    ("volumetric light", "atmospheric haze", "sweeping camera"),
)
SHOWN = 3  # trigger words of a LoRA


def enhanced(prompt: str, *, seed: int = 0) -> str:
    """Put words of quality and of one look behind a prompt; those that it has are not repeated.

    Args:
        prompt: One part of a clip.
        seed: Of the video; it chooses the look.
    """
    words = [*QUALITY, *LOOKS[seed % len(LOOKS)]]
    return _behind(prompt, [word for word in words if not words_of([word]).search(prompt)])


def with_triggers(segments: tuple[Segment, ...], words: Sequence[str]) -> tuple[Segment, ...]:
    """Put the first of a model's trigger words in front of each part that has none of them."""
    return tuple(
        part.model_copy(update={"prompt": joined([words[0], part.prompt])})
        if _lacks(part, words)
        else part
        for part in segments
    )


def trigger_warnings(
    segments: Sequence[Segment], words: Sequence[str], *, loras: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return a sentence for each model or LoRA whose trigger words some part does not have.

    Only the model's are put in by `with_triggers`. A LoRA's are often guessed from what it was
    trained on, and may be about something else than the prompt: they are only told.

    Args:
        segments: The parts as they are asked.
        words: The model's trigger words.
        loras: The trigger words of each LoRA that acts.
    """
    said: list[str] = []
    if any(_lacks(part, words) for part in segments):
        said.append(f"The model's trigger word “{words[0]}” is put in front of `prompt`.")
    for name, own in loras.items():
        if all(_lacks(part, own) for part in segments):
            told = ", ".join(f"“{word}”" for word in own[:SHOWN])
            said.append(f"No prompt has a trigger word of {name}: {told}.")
    return said


def with_tokens(prompt: str, tokens: Mapping[str, str]) -> str:
    """Write the ids of textual inversions, where they stand as words, as their tokens."""
    if not tokens:
        return prompt
    by_name = {name.lower(): token for name, token in tokens.items()}
    return words_of(tokens).sub(lambda match: by_name[match[0].lower()], prompt)


def added_to(
    segments: tuple[Segment, ...], negative: str, embeddings: Sequence[str]
) -> tuple[Segment, ...]:
    """Put embeddings that no prompt names behind every part of the prompt."""
    loose = unnamed(segments, negative, embeddings)
    if not loose:
        return segments
    return tuple(
        part.model_copy(update={"prompt": _behind(part.prompt, loose)}) for part in segments
    )


def _behind(prompt: str, words: Sequence[str]) -> str:
    return joined([prompt.rstrip(" ,."), *words]) if words else prompt


def _lacks(part: Segment, words: Sequence[str]) -> bool:
    return bool(words) and not words_of(words).search(part.prompt)
