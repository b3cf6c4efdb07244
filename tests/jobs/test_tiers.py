"""Whose word counts: the member's, else their roles', else the server's, else the operator's."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.quota.tiers import (
    EVERYONE,
    OPERATOR,
    SERVER,
    Kind,
    OperatorRules,
    Rule,
    Setting,
    Target,
    Value,
    tier_of_member,
    tier_of_server,
)
from jobs.quota.windows import Window, day_of, span_of
from tests.factories import make_rule

ME, SOMEBODY = Target(kind=Kind.MEMBER, id=1), Target(kind=Kind.MEMBER, id=2)
ROLE, OTHER_ROLE, NO_ROLE = (Target(kind=Kind.ROLE, id=number) for number in (6, 7, 8))
LAYERS = [ME, ROLE, OTHER_ROLE, EVERYONE, OPERATOR]
DAY = Setting.VIDEOS_PER_DAY
AMOUNTS = st.none() | st.integers(0, 100)


def mine(*rules: Rule, operator: Value = 4) -> Rule | None:
    """Return which of the rules holds for member 1 with roles 6 and 7."""
    bottom = OperatorRules(member=[make_rule(DAY, operator, OPERATOR)])
    tier = tier_of_member(rules, user_id=1, role_ids=(6, 7), operator=bottom)
    return tier.rules.get(DAY)


@pytest.mark.parametrize(
    ("rules", "winner"),
    [
        ([], (4, OPERATOR)),
        ([(3, EVERYONE)], (3, EVERYONE)),
        ([(None, EVERYONE)], (None, EVERYONE)),
        ([(3, EVERYONE), (1, ROLE)], (1, ROLE)),
        ([(9, EVERYONE), (1, ROLE), (2, OTHER_ROLE)], (2, OTHER_ROLE)),
        ([(None, ROLE), (2, OTHER_ROLE)], (None, ROLE)),
        ([(0, ME), (9, ROLE), (9, EVERYONE)], (0, ME)),
        ([(9, SOMEBODY), (9, NO_ROLE), (9, SERVER)], (4, OPERATOR)),
    ],
)
def test_the_nearest_layer_has_the_word_and_of_roles_the_most_generous(
    rules: list[tuple[int | None, Target]], winner: tuple[int | None, Target]
) -> None:
    for ordered in (rules, rules[::-1]):
        found = mine(*(make_rule(DAY, value, target) for value, target in ordered))
        assert found is not None
        assert (found.value, found.target) == winner


@given(st.lists(st.tuples(AMOUNTS, st.sampled_from([EVERYONE, ROLE, OTHER_ROLE, ME]))))
def test_another_role_never_takes_anything_away(rules: list[tuple[int | None, Target]]) -> None:
    written = [make_rule(DAY, value, target) for value, target in rules]
    bottom = OperatorRules()

    def allowance(*role_ids: int) -> float:
        tier = tier_of_member(written, user_id=1, role_ids=role_ids, operator=bottom)
        value = tier.limit(DAY)
        return float("inf") if value is None else value

    if any(target == ROLE for _, target in rules):
        assert allowance(6, 7) >= allowance(6)


def test_lists_of_two_roles_allow_what_either_does() -> None:
    rules = [
        make_rule(Setting.MODELS, frozenset({"a"}), ROLE),
        make_rule(Setting.MODELS, frozenset({"b"}), OTHER_ROLE),
    ]
    tier = tier_of_member(rules, user_id=1, role_ids=(6, 7), operator=OperatorRules())
    assert tier.allowed(Setting.MODELS) == {"a", "b"}
    with pytest.raises(TypeError):
        tier.limit(Setting.MODELS)


@pytest.mark.parametrize(
    ("own", "general", "single", "result"),
    [
        (5, 3, None, 3),
        (2, 3, None, 2),
        (None, 3, None, 3),
        (5, None, None, 5),
        (5, 3, 9, 5),
        (50, 3, 9, 9),
    ],
)
def test_a_server_s_budget_is_never_above_the_operator_s(
    own: int | None, general: int | None, single: int | None, result: int
) -> None:
    operator = OperatorRules(
        server=[make_rule(DAY, general, OPERATOR)],
        servers={} if single is None else {5: [make_rule(DAY, single, OPERATOR)]},
    )
    rules = [make_rule(DAY, own, SERVER), make_rule(DAY, 1, EVERYONE)]
    assert tier_of_server(rules, guild_id=5, operator=operator)[DAY] == result


@pytest.mark.parametrize("target", [*LAYERS, SERVER])
def test_a_target_comes_back_as_it_was_written(target: Target) -> None:
    assert Target.parse(str(target)) == target


@pytest.mark.parametrize("text", ["", "role:x", "moon", "role:6:7"])
def test_nonsense_is_no_target(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Target.parse(text)


MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-11))]),
)


@given(MOMENTS, st.sampled_from(Window))
def test_a_span_holds_its_moment_and_the_next_begins_where_it_ends(
    now: datetime, window: Window
) -> None:
    span = span_of(window, now)
    day = now.astimezone(UTC).date()
    assert span.first <= day < span.end
    assert span.resets_at > now
    assert span_of(window, span.resets_at).first == span.end
    assert day_of(now) == f"day:{day:%Y-%m-%d}"
    assert (span.end - span.first).days in {
        Window.DAY: {1},
        Window.WEEK: {7},
        Window.MONTH: {28, 29, 30, 31},
    }[window]
    if window is Window.WEEK:
        assert span.first.weekday() == 0
    if window is Window.MONTH:
        assert span.first.day == 1
