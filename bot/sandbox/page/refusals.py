"""Says to a person why something was refused: codes become sentences in the page's own words.

Source of the codes: Discord's "Opcodes and Status Codes", section "JSON Error Codes". The words are
ours; those of Discord's client are not documented.
"""

import math
from collections.abc import Mapping

from bot.sandbox.errors import Problem, RefusedError, SandboxError
from bot.sandbox.rules.messages import MAX_CONTENT

SENTENCES: Mapping[Problem, str] = {
    Problem.MISSING_ACCESS: "You cannot see this channel.",
    Problem.MISSING_PERMISSIONS: "You may not write here.",
    Problem.THREAD_LOCKED: "This thread is locked: only moderators write in it.",
    Problem.EMPTY_MESSAGE: "There is nothing to send yet.",
    Problem.INVALID_FORM: f"A message takes up to {MAX_CONTENT:,} characters.",
    Problem.SLOW_MODE: "Slow mode: you can write here again in {wait_s} s.",
    Problem.BLOCKED: "AutoMod stopped this message: this server blocks a word in it.",
}


def sentence(error: SandboxError) -> str:
    """Write an error as a sentence; an option's name at its start keeps its small letter."""
    words = _refusal(error) if isinstance(error, RefusedError) else str(error)
    return words if words.endswith(".") else f"{words}."


def _refusal(error: RefusedError) -> str:
    by_code = {problem.value[1]: words for problem, words in SENTENCES.items()}
    wait_s = math.ceil(error.retry_after_s or 0)
    return by_code.get(error.code, str(error)).format(wait_s=wait_s)
