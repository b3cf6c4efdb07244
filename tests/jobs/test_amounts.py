"""What moderators type as an amount, and how limits are written for people."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import RequestError
from jobs.quota.amounts import (
    MOST,
    SHORTEST_MS,
    format_amount,
    format_value,
    parse_amount,
    parse_duration,
    parse_value,
)
from jobs.quota.books import Unit
from jobs.quota.tiers import LISTS, Setting, Value
from jobs.request import MAX_SIDE, MIN_SIDE

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=2, max_size=20).filter(
    lambda name: name not in ("none", "unlimited")
)
NEVER_NONE = (Setting.WEIGHT, Setting.LONGEST_SIDE, Setting.LONGEST_VIDEO)


def values_of(setting: Setting) -> st.SearchStrategy[Value]:
    """Draw what a limit can be."""
    if setting in LISTS:
        return st.none() | st.frozensets(NAMES, max_size=20)
    match setting:
        case Setting.WEIGHT:
            return st.integers(10, 1000).map(lambda hundredths: hundredths / 100)
        case Setting.LONGEST_SIDE:
            return st.none() | st.integers(MIN_SIDE, MAX_SIDE)
        case Setting.LONGEST_VIDEO:
            return st.none() | st.integers(SHORTEST_MS, MOST)
        case _:
            return st.none() | st.integers(0, MOST)


def read(setting: Setting, text: str) -> Value | RequestError:
    """Return what a text means, or why it means nothing."""
    try:
        return parse_value(setting, text)
    except RequestError as error:
        return error


@given(data=st.data(), setting=st.sampled_from(Setting))
def test_what_is_written_is_read_as_the_same_limit(data: st.DataObject, setting: Setting) -> None:
    value = data.draw(values_of(setting))
    for currency in ("", "USD", "CHF"):
        written = format_value(setting, value, currency)
        assert parse_value(setting, written, currency) == value
        assert parse_value(setting, f"  {written} ", currency) == value
        assert written != "0"


@given(unit=st.sampled_from(Unit), amount=st.integers(1, MOST))
def test_what_is_written_is_read_as_the_same_amount(unit: Unit, amount: int) -> None:
    assert parse_amount(unit, format_amount(unit, amount, "EUR"), "EUR") == amount


@given(setting=st.sampled_from(Setting), text=st.text(max_size=40))
def test_any_text_is_read_or_refused_with_one_sentence(setting: Setting, text: str) -> None:
    value = read(setting, text)
    if isinstance(value, RequestError):
        assert value.field == "amount"
        assert value.user_message.endswith(".")
        assert "\n" not in value.user_message
    else:
        assert parse_value(setting, format_value(setting, value)) == value


@pytest.mark.parametrize(
    ("setting", "text", "value", "written"),
    [
        (Setting.VIDEOS_PER_DAY, "20", 20, "20 videos"),
        (Setting.VIDEOS_PER_DAY, "1 Video", 1, "1 video"),
        (Setting.VIDEOS_PER_MONTH, "UNLIMITED", None, "unlimited"),
        (Setting.AT_ONCE, " none ", 0, "none"),
        (Setting.SECONDS_PER_WEEK, "60", 60_000, "60 s"),
        (Setting.SECONDS_PER_DAY, "1,5 s", 1500, "1.5 s"),
        (Setting.LONGEST_VIDEO, "2 min", 120_000, "120 s"),
        (Setting.MONEY_PER_DAY, "5", 5_000_000, "5.00 USD"),
        (Setting.MONEY_PER_DAY, "5,50", 5_500_000, "5.50 USD"),
        (Setting.MONEY_PER_MONTH, "$0.000001", 1, "0.000001 USD"),
        (Setting.MONEY_PER_MONTH, "12.3 usd", 12_300_000, "12.30 USD"),
        (Setting.LONGEST_SIDE, "512px", 512, "512 px"),
        (Setting.WEIGHT, "2,5", 2.5, "2.5"),
        (Setting.PROVIDERS, "Novita, local,", frozenset({"local", "novita"}), "local, novita"),
        (Setting.MODELS, "none", frozenset[str](), "none"),
    ],
)
def test_people_write_limits_in_their_own_way(
    setting: Setting, text: str, value: Value, written: str
) -> None:
    assert parse_value(setting, text, "USD") == value
    assert format_value(setting, value, "USD") == written


@pytest.mark.parametrize("setting", [one for one in Setting if one not in LISTS])
@pytest.mark.parametrize("text", ["0", "0.0", "00", "0,00"])
def test_a_bare_0_is_asked_back_with_what_can_be_said(setting: Setting, text: str) -> None:
    words = "cannot be 0|from 0.1" if setting in NEVER_NONE else "say `none` or `unlimited`"
    with pytest.raises(RequestError, match=words):
        parse_value(setting, text)


@pytest.mark.parametrize("text", ["-5", "nan", "inf", "1e9", "٣", "five", "", "5 5", "0x10", "½"])
@pytest.mark.parametrize("setting", [Setting.VIDEOS_PER_DAY, Setting.MONEY_PER_DAY])
def test_nonsense_is_refused_with_an_example(setting: Setting, text: str) -> None:
    example = "5.50" if setting is Setting.MONEY_PER_DAY else "20"
    with pytest.raises(RequestError, match=f"like `{example}`, `unlimited` or `none`"):
        parse_value(setting, text)


@pytest.mark.parametrize(
    ("setting", "text", "words"),
    [
        (Setting.VIDEOS_PER_DAY, "1.5", "like `20`"),
        (Setting.VIDEOS_PER_DAY, "$5", "like `20`"),
        (Setting.VIDEOS_PER_DAY, "5 s", "like `20`"),
        (Setting.VIDEOS_PER_DAY, "1,000", "Write `1000`"),
        (Setting.VIDEOS_PER_DAY, "1000000000001", "too large"),
        (Setting.SECONDS_PER_DAY, "0.0001", "like `90 s`"),
        (Setting.MONEY_PER_DAY, "5 EUR", "such as `5.50 USD`"),
        (Setting.MONEY_PER_DAY, "€5", "such as `5.50 USD`"),
        (Setting.MONEY_PER_DAY, "5 apples", "such as `5.50 USD`"),
        (Setting.MONEY_PER_DAY, "1000000.000001", "too large"),
        (Setting.LONGEST_SIDE, "none", "`videos per day` to `none`"),
        (Setting.LONGEST_SIDE, "64", "between 128 and 1024 px"),
        (Setting.LONGEST_SIDE, "2048", "between 128 and 1024 px"),
        (Setting.LONGEST_SIDE, "wide", "like `512` or `unlimited`."),
        (Setting.LONGEST_VIDEO, "none", "`videos per day` to `none`"),
        (Setting.LONGEST_VIDEO, "0.1", "no video is shorter than 0.267 s"),
        (Setting.WEIGHT, "none", "1 is normal"),
        (Setting.WEIGHT, "unlimited", "1 is normal"),
        (Setting.WEIGHT, "0.05", "from 0.1 to 10"),
        (Setting.WEIGHT, "11", "from 0.1 to 10"),
        (Setting.WEIGHT, "1.001", "from 0.1 to 10"),
        (Setting.PROVIDERS, "local, none", "must be names"),
        (Setting.PROVIDERS, "0", "must be names"),
        (Setting.MODELS, " , ", "must be names"),
        (Setting.MODELS, ",".join(f"m{n}" for n in range(26)), "at most 25"),
        (Setting.MODELS, "x" * 101, "at most 25"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_remedy(
    setting: Setting, text: str, words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        parse_value(setting, text, "USD")


@pytest.mark.parametrize("text", ["0", "none", "unlimited", "-1", "1,000", "2000000000000"])
@pytest.mark.parametrize("unit", list(Unit))
def test_an_extra_is_more_than_nothing_and_not_without_end(unit: Unit, text: str) -> None:
    with pytest.raises(RequestError):
        parse_amount(unit, text)


@pytest.mark.parametrize(
    ("text", "lasts"),
    [
        ("90m", timedelta(minutes=90)),
        ("12 H", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2 weeks", timedelta(days=14)),
        ("1d 12h", timedelta(hours=36)),
        ("1w2d", timedelta(days=9)),
    ],
)
def test_people_write_how_long_something_lasts(text: str, lasts: timedelta) -> None:
    assert parse_duration(text) == lasts


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "7 years", "-7d", "1.5h", "999999w", "7d!"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_duration(text, field="until")
    assert caught.value.field == "until"
    assert "`until` must be" in caught.value.user_message
