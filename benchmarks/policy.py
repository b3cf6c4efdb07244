"""How long a prompt is looked at: by the rules of a server that has as many as it may."""

from collections.abc import AsyncGenerator
from pathlib import Path
from time import perf_counter

from benchmarks.table import Row, tail_ms
from jobs.moderation.policy import (
    MAX_PATTERNS,
    MAX_RULES,
    Action,
    PolicyRule,
    RuleKind,
    RuleSet,
    checked,
    forms_of,
)

PROMPTS = 500
PROMPT = "a lighthouse on a cliff in a storm, waves, cinematic light, slow camera, grain; " * 12


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield the time for a long prompt, by words and phrases, and by patterns, too."""
    del folder
    wordings = [
        f"lost{number} word" if number % 5 else f"lost{number}" for number in range(MAX_RULES)
    ]
    words = [_rule(RuleKind.PHRASE, text, place) for place, text in enumerate(wordings)]
    patterns = [_rule(RuleKind.REGEX, rf"\blost{n}\w+", n) for n in range(MAX_PATTERNS)]
    for what, rules in (
        (f"a prompt against {MAX_RULES:,} words and phrases", words),
        (f"the same with {MAX_PATTERNS} patterns among them", words[MAX_PATTERNS:] + patterns),
    ):
        yield Row(what=what, measured=tail_ms(_looks(RuleSet.of(rules))), aim="≤ 2 ms")


def _rule(kind: RuleKind, text: str, number: int) -> PolicyRule:
    return checked(PolicyRule(kind=kind, text=text, action=Action.REFUSE, number=number))


def _looks(rules: RuleSet) -> list[float]:
    """Time one prompt after the other; each is another one, so nothing is remembered."""
    took: list[float] = []
    for number in range(PROMPTS):
        prompt = f"{number} {PROMPT}"[:1024]
        forms_of.cache_clear()
        started = perf_counter()
        rules.hits(prompt)
        took.append(perf_counter() - started)
    return took
