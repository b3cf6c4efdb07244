"""Prompts that a server's rules refused: kept for a day, so that their members can appeal.

What an accepted appeal lets through is that very prompt of that very member: compared as rules
compare it, so that capitals, spaces and invisible marks are no matter, and every word is.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.moderation.cases import prompt_cause
from jobs.moderation.folding import fold
from jobs.prompts import write_prompt
from jobs.request import VideoRequest

KEPT_FOR = timedelta(days=1)  # where nobody appeals
MAX_KEPT = 20  # of one member in one server; the oldest go


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A prompt that was refused.

    Attributes:
        number: Names it in a button; 0 as long as it is not kept.
        prompt: As it was written.
        digest: Of the prompt as it is compared.
        rules: The names of the server's rules that refused it.
    """

    number: int = 0
    guild_id: int
    user_id: int
    prompt: str
    digest: str
    rules: tuple[str, ...]
    refused_at: datetime

    @property
    def cause(self) -> str:
        """What an appeal against it is about."""
        return prompt_cause(self.digest, hashed(self.rules))


def prompt_of(request: VideoRequest) -> str:
    """Return all of a request's prompts, as their member writes them."""
    return write_prompt(request.segments)


def digest_of(request: VideoRequest) -> str:
    """Return what stands for a request's prompts, whatever else it asks for."""
    return hashed(fold(segment.prompt).text for segment in request.segments)


def hashed(texts: Iterable[str]) -> str:
    """Return a digest of texts; their order counts."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]
