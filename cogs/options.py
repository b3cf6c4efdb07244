"""The options of `/video` in one place: from what a member picked to a `VideoRequest`.

Discord checks ranges and choices in the app only; whoever speaks to the API directly can send
anything, so every value is checked again here or by `Service.plan`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from discord.app_commands import Choice
from pydantic import ValidationError

from cogs.wording import scheduler_name
from jobs.errors import RequestError
from jobs.prompts import parse_ids, parse_loras, parse_prompt
from jobs.request import Aspect, ProviderName, Quality, Scheduler, VideoFormat, VideoRequest

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """What was picked; None is an option that was left alone."""

    prompt: str
    negative_prompt: str | None = None
    model: str | None = None
    aspect: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    fps: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    scheduler: str | None = None
    clip_skip: int | None = None
    closed_loop: bool | None = None
    loras: str | None = None
    embeddings: str | None = None
    strength: float | None = None
    enhance_prompt: bool | None = None
    format: str | None = None
    quality: str | None = None
    provider: str | None = None

    def request(self) -> VideoRequest:
        """Return the request as it was asked; the image is added when it is read.

        Raises:
            RequestError: A value is of the wrong kind, or a list cannot be read.
        """
        try:
            return self._request()
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            message = f"`{field}` has a value of the wrong kind."
            raise RequestError(message, field=field) from error

    def _request(self) -> VideoRequest:
        return VideoRequest(
            segments=parse_prompt(self.prompt),
            negative_prompt=self.negative_prompt or "",
            model=self.model or None,
            aspect=chosen(Aspect, "aspect", self.aspect),
            width=self.width,
            height=self.height,
            frames=self.frames,
            fps=self.fps,
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            seed=self.seed,
            scheduler=chosen(Scheduler, "scheduler", self.scheduler),
            clip_skip=1 if self.clip_skip is None else self.clip_skip,
            closed_loop=bool(self.closed_loop),
            loras=parse_loras(self.loras or ""),
            embeddings=parse_ids(self.embeddings or ""),
            strength=self.strength,
            enhance_prompt=bool(self.enhance_prompt),
            format=chosen(VideoFormat, "format", self.format) or VideoFormat.MP4,
            quality=chosen(Quality, "quality", self.quality) or Quality.NORMAL,
            provider=chosen(ProviderName, "provider", self.provider),
        )


def chosen(kind: type[ChoiceT], field: str, value: str | None) -> ChoiceT | None:
    """Read one of a closed set of names.

    Raises:
        RequestError: It is none of them.
    """
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError as error:
        names = ", ".join(member.value for member in kind)
        raise RequestError(f"`{field}` must be one of: {names}.", field=field) from error


def choices(kind: type[StrEnum]) -> list[Choice[str]]:
    """Return a closed set of names as the choices of an option."""
    return [Choice(name=member.value, value=member.value) for member in kind]


def scheduler_choices() -> list[Choice[str]]:
    """Return the 18 schedulers under the names that people use."""
    return [Choice(name=scheduler_name(one), value=one.value) for one in Scheduler]
