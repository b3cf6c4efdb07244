"""What prompts may not hold: words, phrases and patterns, and what happens to a prompt with one.

Words and phrases are looked up token by token, so a list of thousands costs no more than the
prompt is long, and "class" is no hit of a shorter word. Patterns have a time limit; one that
takes longer has not passed, so its prompt is held for a moderator.
"""

import dataclasses
import time
import unicodedata
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import regex

from jobs.errors import RequestError
from jobs.moderation.folding import Folded, fold
from jobs.text import plain

MAX_RULE_CHARS = 200
MAX_PATTERN_CHARS = 1000
MAX_PATTERNS = 50  # in a server; words and phrases are cheap
MAX_RULES = 5000
PATTERNS_S = 0.1  # all patterns of a list, for one prompt
TRIAL_S = 0.05  # one pattern, for one of the trials before it is taken
_REMEMBERED = 8192  # letters and what they are
TRIAL_CHARS = 1024  # as long as a prompt can be

Words = tuple[str, ...]


class RuleKind(StrEnum):
    """How a rule is compared."""

    WORD = "word"
    PHRASE = "phrase"
    REGEX = "regex"


class Action(StrEnum):
    """What happens to a prompt that a rule fires on; the later ones are stronger."""

    FLAG = "flag"  # it goes on, and moderators are told
    HOLD = "hold"  # it waits until a moderator has looked at it
    REFUSE = "refuse"

    @property
    def strength(self) -> int:
        """Which of two counts."""
        return list(Action).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRule:
    """One rule of a server, or of the operator.

    Attributes:
        number: By which moderators name it; 0 is the operator's.
        text: A word, a phrase, or a pattern of the `regex` package.
        reason: Told to the member; may be empty.
        is_for_all_ages: It holds only where everybody may look, not in age-restricted channels.
    """

    guild_id: int = 0
    number: int = 0
    kind: RuleKind
    text: str
    action: Action
    reason: str = ""
    is_for_all_ages: bool = False
    by_user_id: int = 0
    created_at: datetime | None = None

    @property
    def name(self) -> str:
        """What it is called where it may be gone: numbers are given again."""
        return f"{self.kind} {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule that fired.

    Attributes:
        start: Where in the text; with `end`, empty if the rule took too long.
        is_overdue: The rule's pattern could not be tried to the end.
    """

    rule: PolicyRule
    start: int = 0
    end: int = 0
    is_overdue: bool = False

    @property
    def action(self) -> Action:
        """What follows; nobody knows whether a pattern without an end would have fired."""
        return Action.HOLD if self.is_overdue else self.rule.action


def checked(rule: PolicyRule) -> PolicyRule:
    """Return a rule as it is kept.

    Raises:
        RequestError: It would never fire, or always, or its pattern makes no sense or no end.
    """
    if rule.kind is RuleKind.REGEX:
        _try_pattern(rule.text)
        return rule
    text = plain(rule.text)
    if len(text) > MAX_RULE_CHARS:
        raise RequestError(f"`text`: a {rule.kind} has at most 200 characters.", field="text")
    tokens = list(_tokens(fold(text).text))
    if not tokens:
        raise RequestError("`text` must hold a letter or a digit.", field="text")
    if rule.kind is RuleKind.WORD and " " in text:
        raise RequestError("`text`: that is several words; add it as a phrase.", field="text")
    return dataclasses.replace(rule, text=text)


def _try_pattern(text: str) -> None:
    """Compile a pattern and try it on text that drives bad ones mad.

    Raises:
        RequestError: It cannot be taken; the message says why.
    """
    if len(text) > MAX_PATTERN_CHARS:
        raise RequestError("`text`: a regex has at most 1,000 characters.", field="text")
    try:
        pattern = _compiled(text)
    except (regex.error, ValueError, OverflowError, RecursionError) as error:
        raise RequestError(f"`text` is no regex: {plain(str(error))}.", field="text") from error
    try:
        if any(pattern.search(trial, timeout=TRIAL_S) for trial in ("", " ")):
            raise RequestError("`text` fires on every prompt.", field="text")
        for trial in _trials(text):
            pattern.search(trial, timeout=TRIAL_S)
    except TimeoutError as error:
        message = "`text`: this regex can take for ever; avoid repeating what repeats."
        raise RequestError(message, field="text") from error


def _compiled(text: str) -> "regex.Pattern[str]":
    return regex.compile(text, regex.IGNORECASE | regex.VERSION0)


def _trials(text: str) -> Iterator[str]:
    """Yield long text made of what the pattern speaks of, which all but fits."""
    letters = dict.fromkeys(one for one in text.casefold() if one.isalnum() or one == " ")
    units = [*letters, "".join(letters), "a", "ab", "0", " ", "a ", "word ", "-", "_", "é"]
    for unit in dict.fromkeys(units):
        if unit:
            run = (unit * TRIAL_CHARS)[:TRIAL_CHARS]
            yield run
            yield run[:-1] + "!"
            yield "!" + run[1:-1] + "\u2603"


@dataclass(slots=True)
class _Wordings:
    """Rules by their words; how many there are costs a prompt nothing.

    Attributes:
        rules: By all of the words.
        lengths: How many words those have that begin with a word, shortest first.
    """

    rules: dict[Words, list[PolicyRule]] = field(default_factory=dict[Words, list[PolicyRule]])
    lengths: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def add(self, words: Words, rule: PolicyRule) -> None:
        """Add a rule of one word or more."""
        self.rules.setdefault(words, []).append(rule)
        lengths = self.lengths.setdefault(words[0], [])
        if len(words) not in lengths:
            insort(lengths, len(words))

    def found(self, folded: Folded) -> Iterator[Hit]:
        """Yield what fires on a text, from its beginning to its end."""
        if not self.rules:
            return
        tokens = list(_tokens(folded.text))
        words = tuple(one for one, _, _ in tokens)
        for place, word in enumerate(words):
            for end in (place + length for length in self.lengths.get(word, ())):
                for rule in self.rules.get(words[place:end], ()) if end <= len(words) else ():
                    at = folded.place(tokens[place][1], tokens[end - 1][2])
                    yield Hit(rule=rule, start=at[0], end=at[1])


@dataclass(slots=True)
class RuleSet:
    """The rules of a list, ready to be compared."""

    _plain: _Wordings = field(default_factory=_Wordings)
    _looks: _Wordings = field(default_factory=_Wordings)
    _patterns: list[tuple["regex.Pattern[str]", PolicyRule]] = field(
        default_factory=list[tuple["regex.Pattern[str]", PolicyRule]]
    )

    @classmethod
    def of(cls, rules: Iterable[PolicyRule]) -> "RuleSet":
        """Compile a list, once for many prompts."""
        made = cls()
        for rule in rules:
            made.add(rule)
        return made

    def add(self, rule: PolicyRule) -> None:
        """Compile one rule more."""
        if rule.kind is RuleKind.REGEX:
            self._patterns.append((_compiled(rule.text), rule))
            return
        for wordings, is_by_looks in ((self._plain, False), (self._looks, True)):
            folded = fold(rule.text, is_by_looks=is_by_looks)
            words = tuple(one for one, _, _ in _tokens(folded.text))
            if words:
                wordings.add(words, rule)

    def hits(self, text: str, *, is_adult_place: bool = False) -> Sequence[Hit]:
        """Return what fires on a text: each rule once, the strongest first, then in order.

        Args:
            text: One prompt.
            is_adult_place: It would be shown in an age-restricted channel only.
        """
        return self.hits_of([text], is_adult_place=is_adult_place)[0]

    def hits_of(self, texts: Sequence[str], *, is_adult_place: bool) -> Sequence[Sequence[Hit]]:
        """Return what fires on each of several texts, which share the patterns' time."""
        left_s = PATTERNS_S
        found: list[Sequence[Hit]] = []
        for text in texts:
            forms = forms_of(text)
            hits = [*self._plain.found(forms[0])]
            hits += self._looks.found(forms[-1])
            began = time.perf_counter()
            hits += self._fired(forms, left_s)
            left_s = max(0.0, left_s - (time.perf_counter() - began))
            fitting = (one for one in hits if not (is_adult_place and one.rule.is_for_all_ages))
            found.append(_each_once(fitting))
        return found

    def _fired(self, texts: tuple[Folded, ...], limit_s: float) -> Iterator[Hit]:
        ends_at = time.perf_counter() + limit_s
        for pattern, rule in self._patterns:
            for folded in texts:
                left_s = ends_at - time.perf_counter()
                try:
                    fired = pattern.search(folded.text, timeout=max(left_s, 1e-4))
                except TimeoutError:
                    yield Hit(rule=rule, is_overdue=True)
                    break
                if fired is not None and fired.end() > fired.start():
                    start, end = folded.place(fired.start(), fired.end())
                    yield Hit(rule=rule, start=start, end=end)
                    break


@lru_cache(maxsize=16)  # two lists look at a request's prompts, one after the other
def forms_of(text: str) -> tuple[Folded, ...]:
    """Return a text as it is written, and as it looks if that is something else."""
    as_written = fold(text)
    if text.isascii():
        return (as_written,)
    by_looks = fold(text, is_by_looks=True)
    return (as_written,) if by_looks.text == as_written.text else (as_written, by_looks)


def _each_once(hits: Iterable[Hit]) -> Sequence[Hit]:
    first: dict[tuple[int, RuleKind, str], Hit] = {}
    for hit in hits:
        first.setdefault((hit.rule.number, hit.rule.kind, hit.rule.text), hit)
    return sorted(first.values(), key=lambda hit: (-hit.action.strength, hit.start))


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the words of a folded text with their places.

    Scripts that put no spaces between words have a word for each letter here, so that what is
    longer is found inside of a sentence.
    """
    start = 0
    for place, one in enumerate(text):
        is_inside = _is_of_a_word(one)
        if start < place and (not is_inside or _stands_alone(one) or _stands_alone(text[start])):
            yield text[start:place], start, place
            start = place
        if not is_inside:
            start = place + 1
    if start < len(text):
        yield text[start:], start, len(text)


@lru_cache(maxsize=_REMEMBERED)
def _is_of_a_word(one: str) -> bool:
    return one.isalnum() or (not one.isascii() and unicodedata.category(one)[0] == "M")


_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x3400, 0x9FFF),  # Han
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


@lru_cache(maxsize=_REMEMBERED)
def _stands_alone(one: str) -> bool:
    if one < "\u0e00" or unicodedata.category(one)[0] == "M":
        return False
    return any(first <= ord(one) <= last for first, last in _UNSPACED)
