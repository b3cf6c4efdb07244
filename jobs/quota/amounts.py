"""Reads and writes limits in people's units: videos, seconds, money, pixels, lists of names.

What moderators type is never taken for more than it says: no bare 0, which one server means as
"nothing" and another as "no limit", and no number whose comma may stand for thousands.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from jobs.errors import RequestError
from jobs.prices import MICROS, SIGNS
from jobs.quota.books import Unit
from jobs.quota.tiers import ALLOWANCES, LISTS, Setting, Value
from jobs.request import MAX_FPS, MAX_SIDE, MIN_FRAMES, MIN_SIDE

UNLIMITED_WORD, NONE_WORD = "unlimited", "none"
FIELD = "amount"  # the option that is named in refusals
MOST = 10**12  # smallest units: a million in money, thirty years of video; sums stay in 64 bits
MIN_WEIGHT, MAX_WEIGHT = Decimal("0.1"), Decimal(10)
SHORTEST_MS = -(-1000 * MIN_FRAMES // MAX_FPS)  # no video is shorter than that
MAX_IDS, MAX_ID_CHARS = 25, 100
LONGEST = timedelta(days=3660)

_NUMBER = re.compile(r"([$€£]?) ?([0-9]{1,15})(?:([.,])([0-9]{1,15}))? ?([a-z]{0,10})")
_PART = re.compile(r"([0-9]{1,6}) ?([a-z]{1,7}) ?")
_SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
}
_TIMES = {
    **{word: seconds for word, seconds in _SECONDS.items() if seconds > 1},
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
_CURRENCY = re.compile(r"[A-Z]{3}")  # ISO 4217


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measure:
    """How amounts of one kind are written.

    Attributes:
        step: Smallest units in one of people's.
        words: What may follow the number, with what it multiplies it by.
        example: A value that is understood.
    """

    step: int
    words: Mapping[str, int]
    example: str


_VIDEOS = _Measure(step=1, words={"video": 1, "videos": 1}, example="20")
_TIME = _Measure(step=1000, words=_SECONDS, example="90 s")
_MONEY = _Measure(step=MICROS, words={}, example="5.50")
_PIXELS = _Measure(step=1, words=dict.fromkeys(("px", "pixel", "pixels"), 1), example="512")
_WEIGHT = _Measure(step=1, words={}, example="2")
_OF_UNITS = {Unit.VIDEOS: _VIDEOS, Unit.VIDEO_MS: _TIME, Unit.MONEY_MICROS: _MONEY}
_OF_SETTINGS = {
    **{setting: _OF_UNITS[unit] for setting, (unit, _) in ALLOWANCES.items()},
    Setting.AT_ONCE: _VIDEOS,
    Setting.WAITING: _VIDEOS,
    Setting.LONGEST_SIDE: _PIXELS,
    Setting.LONGEST_VIDEO: _TIME,
    Setting.WEIGHT: _WEIGHT,
}
_OR_WORDS = f", `{UNLIMITED_WORD}` or `{NONE_WORD}`"
# Those of which none makes no sense, with what to say instead.
_NEVER_NONE = {
    Setting.WEIGHT: "from 0.1 to 10, and 1 is normal",
    Setting.LONGEST_SIDE: "to let nobody make videos, set `videos per day` to `none`",
    Setting.LONGEST_VIDEO: "to let nobody make videos, set `videos per day` to `none`",
}


def words_of(setting: Setting) -> Sequence[str]:
    """Return the words that a limit knows beside amounts and names."""
    words = [UNLIMITED_WORD] if setting is not Setting.WEIGHT else []
    return words if setting in _NEVER_NONE else [*words, NONE_WORD]


def parse_value(setting: Setting, text: str, currency: str = "") -> Value:
    """Read the value of a limit as people write it.

    Args:
        setting: What is limited.
        text: `20`, `90 s`, `5,50`, `local, novita`, `unlimited`, `none`.
        currency: The operator's; money in another one is refused. Empty takes any.

    Raises:
        RequestError: It is no value of this limit.
    """
    word = " ".join(text.split()).casefold()
    if word == UNLIMITED_WORD and word in words_of(setting):
        return None
    if setting in LISTS:
        return frozenset() if word == NONE_WORD else _parse_ids(setting, text)
    if word == NONE_WORD and word in words_of(setting):
        return 0
    if word in (NONE_WORD, UNLIMITED_WORD):
        raise _refusal(f"`{setting.label}` cannot be `{word}`: {_NEVER_NONE[setting]}")
    if setting is Setting.WEIGHT:
        return _parse_weight(word)
    also = f" or `{UNLIMITED_WORD}`" if setting in _NEVER_NONE else _OR_WORDS
    amount = _parse_number(_OF_SETTINGS[setting], word, currency, also=also)
    if amount == 0:
        raise _zero(setting)
    _check_range(setting, amount)
    return amount


def format_value(setting: Setting, value: Value, currency: str = "") -> str:
    """Write the value of a limit so that `parse_value` reads the same."""
    match value:
        case None:
            return UNLIMITED_WORD if setting is not Setting.WEIGHT else "1"
        case frozenset():
            return ", ".join(sorted(value)) or NONE_WORD
        case float() | int() if setting is Setting.WEIGHT:
            return f"{value:g}"
        case 0:
            return NONE_WORD
        case _ if setting is Setting.LONGEST_SIDE:
            return f"{value} px"
        case _:
            return format_amount(_unit_of(setting), int(value), currency)


def parse_amount(unit: Unit, text: str, currency: str = "") -> int:
    """Read an amount that is given: more than nothing, and not without end.

    Raises:
        RequestError: It is none.
    """
    measure = _OF_UNITS[unit]
    amount = _parse_number(measure, " ".join(text.split()).casefold(), currency)
    if amount == 0:
        raise _refusal(f"`{FIELD}` must be more than nothing, such as `{measure.example}`")
    return amount


def format_amount(unit: Unit, amount: int, currency: str = "") -> str:
    """Write an amount with its unit: `1 video`, `90 s`, `5.50 USD`."""
    match unit:
        case Unit.VIDEOS:
            return "1 video" if amount == 1 else f"{amount} videos"
        case Unit.VIDEO_MS:
            return f"{_plain(Decimal(amount) / 1000)} s"
        case Unit.MONEY_MICROS:
            return f"{_plain(Decimal(amount) / MICROS, places=2)} {currency}".rstrip()
        case _:
            assert_never(unit)


def parse_duration(text: str, *, field: str = "expires") -> timedelta:
    """Read how long something lasts: `90m`, `12h`, `7d`, `2 weeks`, `1d 12h`.

    Args:
        text: Minutes, hours, days and weeks.
        field: The option that is named in a refusal.

    Raises:
        RequestError: It is no time, or longer than ten years.
    """
    word = " ".join(text.split()).casefold()
    parts = [(int(number), _TIMES.get(name)) for number, name in _PART.findall(word)]
    whole = re.fullmatch(f"(?:{_PART.pattern})+", word)
    if whole is None or any(seconds is None for _, seconds in parts):
        message = f"`{field}` must be a time such as `12h`, `7d` or `2w`."
        raise RequestError(message, field=field)
    lasts = timedelta(seconds=sum(number * (seconds or 0) for number, seconds in parts))
    if not timedelta() < lasts <= LONGEST:
        raise RequestError(f"`{field}` must be between 1 minute and 10 years.", field=field)
    return lasts


def _parse_number(measure: _Measure, word: str, currency: str, *, also: str = "") -> int:
    """Return a number in smallest units; a refusal names an example, and what else may be said."""
    unclear = _refusal(f"`{FIELD}` must be like `{measure.example}`{also}")
    found = _NUMBER.fullmatch(word)
    if found is None or (measure is not _MONEY and not _is_plain(found, measure)):
        raise unclear
    sign, whole, mark, decimals, name = found.groups(default="")
    if mark == "," and len(decimals) == 3:
        raise _refusal(f"`{FIELD}`: does that comma part thousands? Write `{whole}{decimals}`")
    exact = Decimal(f"{whole}.{decimals or 0}") * measure.step
    exact *= measure.words.get(name, 1)
    if measure is _MONEY:
        _check_currency(sign, name, currency)
    if exact != exact.to_integral_value():
        raise unclear
    if exact > MOST:
        raise _refusal(f"`{FIELD}` is too large; say `{UNLIMITED_WORD}` if there is no limit")
    return int(exact)


def _is_plain(found: re.Match[str], measure: _Measure) -> bool:
    """Say whether what stands around a number belongs there."""
    return not found[1] and (not found[5] or found[5] in measure.words)


def _parse_weight(word: str) -> float:
    found = _NUMBER.fullmatch(word)
    _, whole, _, decimals, _ = found.groups(default="") if found else [""] * 5
    weight = Decimal(f"{whole or 0}.{decimals or 0}")
    is_bare = found is not None and not found[1] and not found[5] and len(decimals) <= 2
    if not is_bare or not MIN_WEIGHT <= weight <= MAX_WEIGHT:
        raise _refusal("`weight` must be a number from 0.1 to 10, such as `2`; 1 is normal")
    return float(weight)


def _parse_ids(setting: Setting, text: str) -> frozenset[str]:
    ids = frozenset(name for part in text.split(",") if (name := part.strip()))
    if setting is Setting.PROVIDERS:
        ids = frozenset(name.casefold() for name in ids)
    words = {name.casefold() for name in ids}
    if not ids or words & {NONE_WORD, UNLIMITED_WORD, "0"}:
        raise _refusal(f"`{setting.label}` must be names, `{UNLIMITED_WORD}`, or `{NONE_WORD}`")
    if len(ids) > MAX_IDS or any(len(name) > MAX_ID_CHARS for name in ids):
        raise _refusal(f"`{setting.label}` takes at most {MAX_IDS} names")
    return ids


def _check_currency(sign: str, name: str, currency: str) -> None:
    """Refuse money in another currency than the operator's."""
    codes = {name.upper()} if name else set[str]()
    codes |= {code for code, one in SIGNS.items() if sign == one}
    if any(not _CURRENCY.fullmatch(code) or code != (currency or code) for code in codes):
        example = format_amount(Unit.MONEY_MICROS, 5_500_000, currency)
        raise _refusal(f"`{FIELD}` must be money, such as `{example}`")


def _check_range(setting: Setting, amount: int) -> None:
    if setting is Setting.LONGEST_SIDE and not MIN_SIDE <= amount <= MAX_SIDE:
        raise _refusal(f"`{setting.label}` must be between {MIN_SIDE} and {MAX_SIDE} px")
    if setting is Setting.LONGEST_VIDEO and amount < SHORTEST_MS:
        raise _refusal(f"`{setting.label}`: no video is shorter than {SHORTEST_MS / 1000:g} s")


def _unit_of(setting: Setting) -> Unit:
    if setting in ALLOWANCES:
        return ALLOWANCES[setting][0]
    return Unit.VIDEO_MS if setting is Setting.LONGEST_VIDEO else Unit.VIDEOS


def _plain(number: Decimal, places: int = 0) -> str:
    """Write a number without zeros at its end, but with at least so many decimals."""
    whole, _, decimals = f"{number:f}".partition(".")
    kept = decimals.rstrip("0").ljust(places, "0")
    return f"{whole}.{kept}" if kept else whole


def _zero(setting: Setting) -> RequestError:
    if setting in _NEVER_NONE:
        return _refusal(f"`{setting.label}` cannot be 0: {_NEVER_NONE[setting]}")
    return _refusal(f"A bare 0 could mean both: say `{NONE_WORD}` or `{UNLIMITED_WORD}`")


def _refusal(sentence: str) -> RequestError:
    return RequestError(f"{sentence}.", field=FIELD)
