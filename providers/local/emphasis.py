r"""Reads the brackets by which a prompt says how much its words matter: `(x:1.3) ((x)) [x]`.

The syntax and its meaning are those of AUTOMATIC1111's stable-diffusion-webui, which both hosted
services speak. `(x)` is 1.1 times, `[x]` 1.1 times less, `(x:1.3)` is 1.3 times; brackets nest,
and `\( \) \[ \] \\` are the characters themselves. A bracket that is never closed acts to the
end, one that was never opened is a character like any other: no text is an error. No torch here.
Source: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features#attentionemphasis
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

BRACKET = 1.1
# Ours: beyond these the encoder's states are noise. A weight of 0 or less counts as the lightest.
LIGHTEST, HEAVIEST = 0.01, 10.0

_MARK = re.compile(
    r"\\[()\[\]\\]|[()\[\]]|:\s*(?P<weight>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))\s*\)"
)
_OPENERS = {")": "(", "]": "["}
_FACTORS = {")": BRACKET, "]": 1 / BRACKET}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A stretch of a prompt, without its brackets, and by how much its states are multiplied."""

    text: str
    weight: float


def phrases(prompt: str) -> tuple[Phrase, ...]:
    """Return the stretches of a prompt in their order; neighbours differ in weight.

    Returns:
        No phrase is empty; weights are between `LIGHTEST` and `HEAVIEST`.
    """
    reading = _read(prompt)
    reading.close_all()
    found: list[Phrase] = []
    for at, text in enumerate(reading.texts):
        if not text:
            continue
        weight = reading.weight_at(at)
        if found and found[-1].weight == weight:
            found[-1] = Phrase(text=found[-1].text + text, weight=weight)
        else:
            found.append(Phrase(text=text, weight=weight))
    return tuple(found)


def joined(parts: Iterable[str]) -> str:
    """Write prompts behind each other with commas; a bracket that one leaves open ends with it.

    The comma stands inside of such a bracket: closed right behind it, the `1.3` of an open
    `(x:1.3` would become a weight, and a backslash at the end would make the closer a character.
    """
    given = [part for part in parts if part]
    ended = [f"{part},{_read(part).missing_closers()}" for part in given[:-1]]
    return " ".join([*ended, *given[-1:]])


@dataclass(slots=True)
class _Reading:
    """A prompt cut at its brackets, and which stretches they enclose."""

    texts: list[str] = field(default_factory=list[str])
    spans: list[tuple[int, int, float]] = field(default_factory=list[tuple[int, int, float]])
    opened: dict[str, list[int]] = field(default_factory=lambda: {"(": [], "[": []})

    def open(self, bracket: str) -> None:
        self.opened[bracket].append(len(self.texts))

    def close(self, bracket: str, factor: float) -> bool:
        """End the stretch of the last open bracket of a kind, or say that there is none."""
        if not self.opened[bracket]:
            return False
        self.spans.append((self.opened[bracket].pop(), len(self.texts), factor))
        return True

    def close_all(self) -> None:
        for closer, opener in _OPENERS.items():
            while self.close(opener, _FACTORS[closer]):
                pass

    def missing_closers(self) -> str:
        return "".join(closer * len(self.opened[opener]) for closer, opener in _OPENERS.items())

    def weight_at(self, at: int) -> float:
        weight = math.prod(factor for start, end, factor in self.spans if start <= at < end)
        return _bounded(weight)


def _read(prompt: str) -> _Reading:
    reading = _Reading()
    at = 0
    for mark in _MARK.finditer(prompt):
        reading.texts.append(prompt[at : mark.start()])
        _take(reading, mark)
        at = mark.end()
    reading.texts.append(prompt[at:])
    return reading


def _take(reading: _Reading, mark: re.Match[str]) -> None:
    token, number = mark[0], mark["weight"]
    if token.startswith("\\"):
        reading.texts.append(token[1])
    elif token in reading.opened:
        reading.open(token)
    else:
        closer = token[-1]
        factor = _FACTORS[closer] if number is None else _bounded(float(number))
        if not reading.close(_OPENERS[closer], factor):
            reading.texts.append(token)


def _bounded(weight: float) -> float:
    return min(HEAVIEST, max(LIGHTEST, weight))
