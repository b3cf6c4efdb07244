"""The operator's file says what it says, and a bad one names its line."""

import re
from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.quota.operator_file import OF_SERVERS, load_rules, parse_rules
from jobs.quota.tiers import (
    OPERATOR,
    UNLIMITED,
    OperatorRules,
    Rule,
    Setting,
    Value,
    tier_of_member,
    tier_of_server,
)

SETTINGS_PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
FILE = """
[member]
videos_per_day = 20
seconds_per_month = 600
money_per_week = 5.50
longest_video = 4.5
at_once = "none"
waiting = "unlimited"
weight = 2
providers = ["local", "novita"]
models = "none"

[server]
money_per_month = "25 USD"
at_once = 4

[server."1234567890"]
money_per_month = "unlimited"
"""


def test_values_are_in_peoples_units() -> None:
    rules = parse_rules(FILE, currency="USD")
    values: dict[Setting, Value] = {rule.setting: rule.value for rule in rules.member}
    assert values == {
        Setting.VIDEOS_PER_DAY: 20,
        Setting.SECONDS_PER_MONTH: 600_000,
        Setting.MONEY_PER_WEEK: 5_500_000,
        Setting.LONGEST_VIDEO: 4_500,
        Setting.AT_ONCE: 0,
        Setting.WAITING: None,
        Setting.WEIGHT: 2.0,
        Setting.PROVIDERS: frozenset({"local", "novita"}),
        Setting.MODELS: frozenset(),
    }


def test_every_limit_is_told_to_be_the_operators() -> None:
    rules = parse_rules(FILE)
    everything = [*rules.member, *rules.server, *rules.servers[1234567890]]
    assert {rule.target for rule in everything} == {OPERATOR}


def test_a_single_server_has_its_own_limits_over_those_of_all() -> None:
    rules = parse_rules(FILE)
    one = tier_of_server((), guild_id=1234567890, operator=rules)
    other = tier_of_server((), guild_id=5, operator=rules)
    assert one[Setting.MONEY_PER_MONTH] is None
    assert other[Setting.MONEY_PER_MONTH] == 25_000_000
    assert one[Setting.AT_ONCE] == other[Setting.AT_ONCE] == 4


def test_a_member_is_limited_where_the_server_says_nothing() -> None:
    rules = parse_rules("[member]\nvideos_per_day = 3")
    tier = tier_of_member((), user_id=1, role_ids=(), operator=rules)
    assert tier[Setting.VIDEOS_PER_DAY] == 3


def test_without_a_file_there_are_no_limits(tmp_path: Path) -> None:
    rules = load_rules(tmp_path / "quotas.toml")
    assert rules == OperatorRules()
    assert tier_of_member((), user_id=1, role_ids=(), operator=rules) == UNLIMITED
    assert parse_rules("") == OperatorRules()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[member]\nvideos_per_day = 0", "line 2: member.videos_per_day: A bare 0 could mean"),
        ("[member]\nvideos_per_day = -1", "line 2: member.videos_per_day: it must be like `20`"),
        ("[member]\nvideos_per_day = 1.5", "line 2: member.videos_per_day: it must be like"),
        ("[member]\nvideos_per_day = true", "it must be a number or a word"),
        ("[member]\nvideos_per_day = inf", "it must be like"),
        ("[member]\n\nvidoes_per_day = 1", "line 3: member.vidoes_per_day: there is no such limit"),
        ("[member]\nproviders = ['horde']", "the providers are local, modelslab, novita"),
        ("[member]\nproviders = []", 'say "none" or "unlimited"'),
        ("[member]\nmodels = [1]", "a list holds names in quotes"),
        ("[member]\nmoney_per_day = '5 EUR'", "it must be money, such as `5.50 USD`"),
        ("[server]\nwaiting = 3", "server.waiting: there is no such limit here; there are videos"),
        ('[server."12"]\nat_once = 3\nlongest_side = 1', "line 3: server.12.longest_side"),
        ("[server]\n12 = 3", "line 2: server.12: it must be a table"),
        ("member = 3", "line 1: member: it must be a table"),
        ("[members]\nat_once = 3", "line 1: members: there are only the tables"),
        ("[member", "quotas.toml: "),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_key(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_rules(text, currency="USD")
    assert words in str(caught.value)


def test_a_file_that_cannot_be_read_is_no_missing_file(tmp_path: Path) -> None:
    (tmp_path / "quotas.toml").mkdir()
    with pytest.raises(SettingsError, match=r"quotas.toml: cannot be read"):
        load_rules(tmp_path / "quotas.toml")


def test_a_rule_of_the_file_is_a_rule_like_any_other() -> None:
    (rule,) = parse_rules("[server]\nvideos_per_month = 1000").server
    assert rule == Rule(target=OPERATOR, setting=Setting.VIDEOS_PER_MONTH, value=1000)


def test_the_documented_example_is_read_and_every_limit_is_documented() -> None:
    page = SETTINGS_PAGE.read_text()
    (example,) = re.findall(r"```toml\n(\[member\].*?)```", page, re.DOTALL)
    rules = parse_rules(example)
    assert (len(rules.member), len(rules.server), len(rules.servers)) == (5, 2, 1)
    rows = re.findall(r"^\| (`[a-z_`, ]+) \|.*\| (yes)? ?\| (yes)? ?\|$", page, re.MULTILINE)
    told = {name: bool(server) for keys, _, server in rows for name in re.findall(r"\w+", keys)}
    assert told == {setting.value: setting in OF_SERVERS for setting in Setting}
