r"""Reads and writes the one-line form of prompt travel: `a seed | 24: a sprout | a tree`.

`N:` before a part is its number of frames, and `\|` is a literal bar.
"""

import re

from jobs.errors import RequestError
from jobs.request import LoraUse, Segment

_BAR = re.compile(r"(?<!\\)\|")
_FRAMES = re.compile(r"\s*(\d{1,4})\s*:(?!\d)\s*(.*)", re.DOTALL)  # 10:30 is a time of day


def parse_prompt(text: str) -> tuple[Segment, ...]:
    """Split a prompt into its parts; lengths and numbers are checked by `jobs.limits`."""
    return tuple(_parse_part(part) for part in _BAR.split(text))


def write_prompt(segments: tuple[Segment, ...]) -> str:
    """Write parts so that `parse_prompt` reads the same parts again."""
    return " | ".join(_write_part(segment, lone=len(segments) == 1) for segment in segments)


def parse_loras(text: str) -> tuple[LoraUse, ...]:
    """Read `id:strength, id`; a missing strength is 1.

    Raises:
        RequestError: A strength is no number.
    """
    return tuple(_parse_lora(item) for item in text.split(",") if item.strip())


def parse_ids(text: str) -> tuple[str, ...]:
    """Read a comma-separated list of ids."""
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _parse_part(part: str) -> Segment:
    match = _FRAMES.fullmatch(part)
    frames, prompt = (int(match[1]), match[2]) if match else (None, part)
    return Segment(prompt=prompt.replace(r"\|", "|").strip(), frames=frames)


def _write_part(segment: Segment, *, lone: bool) -> str:
    prompt = segment.prompt.replace("|", r"\|")
    return prompt if lone or segment.frames is None else f"{segment.frames}: {prompt}"


def _parse_lora(item: str) -> LoraUse:
    name, _, strength = item.partition(":")
    try:
        return LoraUse(id=name.strip(), strength=float(strength) if strength.strip() else 1.0)
    except ValueError as error:
        message = f"`loras`: {strength.strip()!r} is no strength; write `{name.strip()}:0.8`."
        raise RequestError(message, field="loras") from error
