"""What Flipbook refuses unless its operator says otherwise, and the file in which they do.

Discord forbids the digital creation of illegal media, such as what harms children or shows people
in pornography against their will, and adult content outside age-restricted channels (Developer
Policy of 2024-07-08, 10). The list below is no more than that, and speaks of prompts that ask for
it in so many words: a list cannot judge pictures, and one that refuses a doctor's or a painter's
words is soon switched off. Moderators add what their server needs; `policy.toml` in the data
folder replaces the list:

    api_is_age_restricted = false     # callers of the HTTP door count as in such a channel

    [[rule]]
    kind = "phrase"                   # word, phrase or regex
    texts = ["revenge porn"]
    action = "refuse"                 # refuse, hold or flag
    reason = "it would show somebody against their will"
    in_age_restricted_channels = true # left out: it holds everywhere
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from jobs.errors import RequestError, SettingsError
from jobs.moderation.policy import Action, PolicyRule, RuleKind, checked

Choice = TypeVar("Choice", RuleKind, Action)

# Between what is sexual and who is a child: a few words, either way round. What is left out on
# purpose: "sexual" before reproduction, education or health, "naked" of mole rats and eyes.
_SEXUAL = (
    r"(?:porn\w*|hentai|nsfw|erotic\w*|sexy|sexuali[sz]ed|lewd|topless"
    r"|nude|nudes|having sex|sex scene|naked(?! (?:mole|eye)))"
)
_CHILD = (
    r"(?:child|children|kids?|minors?|toddlers?|underage|pre ?teens?|teens?|teenage\w*"
    r"|school ?girls?|school ?boys?|little girls?|little boys?"
    r"|(?:[1-9]|1[0-7]) (?:years? old|yo))"
)
BASE = rf"""
[[rule]]
kind = "word"
texts = ["lolicon", "shotacon", "childporn", "kiddieporn", "pedoporn"]
action = "refuse"
reason = "it sexualises children"

[[rule]]
kind = "phrase"
texts = ["child porn", "child pornography", "kiddie porn", "child sexual abuse material"]
action = "refuse"
reason = "it sexualises children"

[[rule]]
kind = "regex"
texts = ['\b{_SEXUAL}\b(?:\W+\w+){{0,4}}?\W+{_CHILD}\b',
    '\b{_CHILD}\b(?:\W+\w+){{0,4}}?\W+{_SEXUAL}\b']
action = "refuse"
reason = "it sexualises children"

[[rule]]
kind = "phrase"
texts = ["revenge porn", "deepfake porn", "deep fake porn", "deepfake nude", "deepfake nudes",
    "non consensual porn", "nonconsensual porn", "celebrity porn", "upskirt", "rape porn"]
action = "refuse"
reason = "it would show people in pornography against their will"

[[rule]]
kind = "regex"
texts = ['\bnudif(?:y|ied|ies)\b', '\bundress(?:es|ing)? (?:her|him|this|the|my)\b']
action = "refuse"
reason = "it would show people in pornography against their will"

[[rule]]
kind = "word"
texts = ["porn", "porno", "pornography", "pornographic", "hentai", "nsfw", "blowjob", "cumshot",
    "gangbang", "deepthroat", "masturbating", "masturbates"]
action = "refuse"
reason = "sexual content is only for age-restricted channels"
in_age_restricted_channels = false

[[rule]]
kind = "phrase"
texts = ["having sex", "sex scene", "sex tape", "explicit sex", "oral sex", "anal sex"]
action = "refuse"
reason = "sexual content is only for age-restricted channels"
in_age_restricted_channels = false
"""

_FIELDS = frozenset({"kind", "texts", "action", "reason", "in_age_restricted_channels"})
_SWITCH = "api_is_age_restricted"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePolicy:
    """The operator's rules, for all servers and for the HTTP door.

    Attributes:
        api_is_age_restricted: What is only for age-restricted channels is for API callers too.
    """

    rules: tuple[PolicyRule, ...] = ()
    api_is_age_restricted: bool = False


def load_policy(path: Path) -> BasePolicy:
    """Read the operator's file; where there is none, the list above holds.

    Raises:
        SettingsError: It cannot be read, or makes no sense; the message names the rule.
    """
    try:
        return parse_policy(path.read_text(encoding="utf-8"), name=str(path))
    except FileNotFoundError:
        return parse_policy(BASE, name="the base policy")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error


def parse_policy(text: str, *, name: str = "policy.toml") -> BasePolicy:
    """Read the text of a policy.

    Raises:
        SettingsError: It makes no sense; the message names the rule by its place.
    """
    try:
        tables: dict[str, object] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: {error}") from error
    unknown = [key for key in tables if key not in ("rule", _SWITCH)]
    if unknown:
        raise SettingsError(f"{name}: {unknown[0]}: there are `[[rule]]` and `{_SWITCH}` only.")
    entries = tables.get("rule", [])
    if not isinstance(entries, list):
        raise SettingsError(f"{name}: rule: write `[[rule]]`, in double brackets.")
    rules: list[PolicyRule] = []
    for number, entry in enumerate(entries, start=1):
        try:
            rules += _rules(entry)
        except (RequestError, ValueError) as error:
            raise SettingsError(f"{name}: rule {number}: {error}") from error
    try:
        switch = _bool(tables, _SWITCH, default=False)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from error
    return BasePolicy(rules=tuple(rules), api_is_age_restricted=switch)


def _rules(entry: object) -> Iterator[PolicyRule]:
    """Yield what one table says, a rule for each text.

    Raises:
        ValueError: It is no such table.
        RequestError: A text makes no rule.
    """
    if not isinstance(entry, dict):
        raise ValueError("it must be a table.")  # noqa: TRY004 - told like the rest
    unknown = [str(key) for key in entry if key not in _FIELDS]
    if unknown:
        raise ValueError(f"{unknown[0]}: there are {', '.join(sorted(_FIELDS))}.")
    for text in _texts(entry):
        yield checked(
            PolicyRule(
                kind=_choice(entry, "kind", RuleKind),
                text=text,
                action=_choice(entry, "action", Action),
                reason=_text(entry, "reason"),
                is_for_all_ages=not _bool(entry, "in_age_restricted_channels", default=True),
            )
        )


def _texts(entry: Mapping[str, object]) -> Sequence[str]:
    texts = entry.get("texts")
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise ValueError('texts: it must be a list such as ["one", "two"].')
    return texts


def _choice(entry: Mapping[str, object], key: str, choices: type[Choice]) -> Choice:
    try:
        return choices(str(entry.get(key)))
    except ValueError as error:
        raise ValueError(f"{key}: it must be one of {', '.join(choices)}.") from error


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key}: it must be text in quotes.")  # noqa: TRY004 - told like the rest
    return value


def _bool(entry: Mapping[str, object], key: str, *, default: bool) -> bool:
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise ValueError(f"{key}: it must be true or false.")  # noqa: TRY004 - told like the rest
    return value
