"""What an accepted appeal puts aside: the server's rules of these names, and nothing else."""

from dataclasses import replace

import pytest

from jobs.errors import PolicyError
from jobs.moderation.base_policy import BasePolicy
from jobs.moderation.policies import Policies
from jobs.moderation.policy import Action, PolicyRule, RuleKind
from jobs.request import Segment, VideoRequest

HERE, ELSEWHERE = 5, 6
NUMBERS = {"tank": 1, "gore": 2, "some": 3}
PROMPT = VideoRequest(segments=(Segment(prompt="a tank"), Segment(prompt="some gore")))


def rule(text: str, action: Action = Action.REFUSE, guild_id: int = HERE) -> PolicyRule:
    number, kind = NUMBERS[text] if guild_id else 0, RuleKind.WORD
    return PolicyRule(guild_id=guild_id, number=number, kind=kind, text=text, action=action)


def judged(policies: Policies, *lifted: str) -> Action | tuple[str, ...] | None:
    """Return what follows; of a refusal, the rules that can be appealed."""
    try:
        verdict = policies.judge_request(PROMPT, HERE, is_adult_place=False, lifted=set(lifted))
    except PolicyError as error:
        return error.rules
    return None if verdict is None else verdict.action


def test_a_refusal_names_every_rule_of_the_server_that_refuses_and_none_that_holds() -> None:
    policies = Policies([rule("tank"), rule("gore"), rule("some", Action.HOLD)])
    assert judged(policies) == ("word gore", "word tank")


def test_all_that_refused_must_be_put_aside_and_what_holds_holds() -> None:
    policies = Policies([rule("tank"), rule("gore"), rule("some", Action.HOLD)])
    assert judged(policies, "word tank") == ("word gore",)
    assert judged(policies, "word tank", "word gore") is Action.HOLD


def test_what_the_operator_refuses_is_never_put_aside() -> None:
    base = BasePolicy(rules=(rule("gore", guild_id=0),))
    assert judged(Policies(base=base), "word gore") == ()
    assert judged(Policies([rule("tank")], base=base)) == ()
    assert judged(Policies([rule("gore")], base=base), "word gore") == ()


def test_what_the_operator_holds_is_held_after_an_appeal() -> None:
    base = BasePolicy(rules=(rule("some", Action.HOLD, guild_id=0),))
    policies = Policies([rule("gore")], base=base)
    assert judged(policies) == ("word gore",)
    assert judged(policies, "word gore") is Action.HOLD


def test_a_rule_that_got_the_number_of_one_that_is_gone_is_another_rule() -> None:
    policies = Policies([rule("gore")])
    policies.forget(HERE, NUMBERS["gore"])
    policies.learn([replace(rule("tank"), number=NUMBERS["gore"])])
    assert judged(policies, "word gore") == ("word tank",)


@pytest.mark.parametrize("guild_id", [0, ELSEWHERE])
def test_where_the_rules_do_not_hold_nothing_is_refused(guild_id: int) -> None:
    policies = Policies([rule("gore")])
    assert policies.judge_request(PROMPT, guild_id, is_adult_place=False) is None
