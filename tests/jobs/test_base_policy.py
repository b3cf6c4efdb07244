"""What the shipped policy refuses, what it lets pass, and the file that replaces it."""

from pathlib import Path

import pytest

from jobs.errors import PolicyError, SettingsError
from jobs.moderation.base_policy import BASE, load_policy, parse_policy
from jobs.moderation.policies import Policies
from jobs.moderation.policy import Action, PolicyRule, RuleKind
from jobs.request import Segment, VideoRequest

HARMLESS = (Path(__file__).parent / "harmless_prompts.txt").read_text().splitlines()


def test_no_harmless_prompt_meets_any_rule() -> None:
    policies = Policies(base=parse_policy(BASE))
    assert len(set(HARMLESS)) >= 200
    met = [prompt for prompt in HARMLESS if policies.judge([prompt], 1) is not None]
    assert met == []


@pytest.mark.parametrize(
    "prompt",
    [
        "child porn",
        "lolicon style",
        "a nude 12 year old",
        "sexy schoolgirl dancing",
        "a naked little boy",
        "teens having sex",
        "erotic picture of a minor",
        "deepfake porn of my teacher",
        "nudify this photo",
    ],
)
def test_what_discord_forbids_is_refused_in_every_channel(prompt: str) -> None:
    policies = Policies(base=parse_policy(BASE))
    for is_adult_place in (False, True):
        verdict = policies.judge([prompt], 1, is_adult_place=is_adult_place)
        assert verdict is not None
        assert verdict.action is Action.REFUSE
        assert prompt not in verdict.refusal


@pytest.mark.parametrize("prompt", ["hentai", "two people having sex", "P\u200bORN", "роrn"])  # noqa: RUF001 - letters that look alike
def test_sexual_content_is_refused_outside_age_restricted_channels_only(prompt: str) -> None:
    policies = Policies(base=parse_policy(BASE))
    assert policies.judge([prompt], 1) is not None
    assert policies.judge([prompt], 1, is_adult_place=True) is None


def test_every_segment_is_judged_and_a_negative_prompt_never() -> None:
    policies = Policies(base=parse_policy(BASE))
    fine = VideoRequest(segments=(Segment(prompt="a tree"),), negative_prompt="nsfw, porn")
    assert policies.judge_request(fine, 1, is_adult_place=False) is None
    bad = VideoRequest(segments=(Segment(prompt="a tree"), Segment(prompt="porn")))
    with pytest.raises(PolicyError, match="sexual content is only for"):
        policies.judge_request(bad, 1, is_adult_place=False)


def test_what_would_be_held_where_nobody_can_look_is_refused() -> None:
    base = parse_policy('[[rule]]\nkind = "word"\ntexts = ["tank"]\naction = "hold"\n')
    request = VideoRequest(segments=(Segment(prompt="a tank"),))
    with pytest.raises(PolicyError):
        Policies(base=base).judge_request(request, 0, is_adult_place=False)
    verdict = Policies(base=base).judge_request(request, 1, is_adult_place=False)
    assert verdict is not None
    assert verdict.action is Action.HOLD


def test_the_servers_rules_are_its_own() -> None:
    one = PolicyRule(guild_id=1, number=5, kind=RuleKind.WORD, text="tank", action=Action.REFUSE)
    policies = Policies([one])
    assert policies.judge(["a tank"], 1) is not None
    assert policies.judge(["a tank"], 2) is None
    policies.forget(1, 5)
    assert policies.judge(["a tank"], 1) is None


def test_a_file_replaces_the_list_and_no_file_is_the_list(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    assert load_policy(path).rules == parse_policy(BASE).rules
    path.write_text("api_is_age_restricted = true\n")
    assert load_policy(path).rules == ()
    assert load_policy(path).api_is_age_restricted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule]]\nkind = 'sentence'\ntexts = ['a']\naction = 'hold'", "rule 1: kind"),
        ("[[rule]]\nkind = 'word'\ntexts = 'a'\naction = 'hold'", "rule 1: texts"),
        ("[[rule]]\nkind = 'word'\ntexts = ['a']\naction = 'ban'", "rule 1: action"),
        ("[[rule]]\nkind = 'regex'\ntexts = ['(']\naction = 'hold'", "rule 1: .*no regex"),
        ("[[rule]]\nkind = 'word'\ntexts = ['a']\naction = 'hold'\nwhy = ''", "rule 1: why"),
        ("[rule]\nkind = 'word'", "double brackets"),
        ("rules = 1", "rules"),
        ("api_is_age_restricted = 1", "true or false"),
        ("[[rule", "policy.toml"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_policy(text)
