"""The limits that moderators set, and what follows from them for those who wait.

A lane knows the weight and the cap of its member, so the claim need not look them up; they are
set when a job enters the queue, and again when a limit changes.
"""

import dataclasses
import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.errors import StorageError
from jobs.model import Requester
from jobs.quota.statements import Terms
from jobs.quota.tiers import (
    LISTS,
    UNLIMITED,
    Kind,
    OperatorRules,
    Rule,
    Setting,
    Target,
    Tier,
    Value,
    tier_of_key,
    tier_of_member,
    tier_of_server,
)
from storage.moderation.guilds import block_of
from storage.privacy.pseudonyms import former_target

NO_CAP = 2**62

Kept = Mapping[str, Sequence[sqlite3.Row]]


def rules_of(connection: sqlite3.Connection, guild_id: int) -> Sequence[Rule]:
    """Return all limits of a server, but for those of members whose data was deleted.

    Raises:
        StorageError: One cannot be read; then nobody knows what is allowed.
    """
    rows = connection.execute(
        "SELECT target, setting, value FROM quota_rule "
        "WHERE guild_id = ? AND target NOT GLOB 'former:*' ORDER BY target, setting",
        (guild_id,),
    )
    return [_to_rule(row) for row in rows]


def kept_rules(connection: sqlite3.Connection, guild_id: int) -> Kept:
    """Return the limits of members whose data was deleted, by the code that stands for each.

    Raises:
        StorageError: One cannot be read.
    """
    rows = connection.execute(
        "SELECT target, setting, value FROM quota_rule "
        "WHERE guild_id = ? AND target >= 'former:' AND target < 'former;'",
        (guild_id,),
    )
    kept: dict[str, list[sqlite3.Row]] = {}
    for row in rows:
        kept.setdefault(row["target"], []).append(row)
    return kept


def kept_for(connection: sqlite3.Connection, kept: Kept, requester: Requester) -> Sequence[Rule]:
    """Return a member's own limits that outlived a deletion of their data.

    Raises:
        StorageError: One cannot be read; then nobody knows what is allowed.
    """
    if not kept or requester.key_id:
        return []
    target = former_target(connection, requester.guild_id, requester.user_id)
    member = Target(kind=Kind.MEMBER, id=requester.user_id)
    return [_to_rule(row, target=member) for row in kept.get(target, ())]


def set_rule(connection: sqlite3.Connection, guild_id: int, rule: Rule) -> None:
    """Write a limit over the one there was, if there was one."""
    clear_rule(connection, guild_id, rule)
    connection.execute(
        """
        INSERT INTO quota_rule (guild_id, target, setting, value) VALUES (?, ?, ?, ?)
        """,
        (guild_id, str(rule.target), rule.setting.value, to_text(rule.value)),
    )


def clear_rule(connection: sqlite3.Connection, guild_id: int, rule: Rule) -> None:
    """Remove a limit, also the one of before a deletion."""
    target = former = str(rule.target)
    if rule.target.kind is Kind.MEMBER:
        former = former_target(connection, guild_id, rule.target.id)
    connection.execute(
        "DELETE FROM quota_rule WHERE guild_id = ? AND target IN (?, ?) AND setting = ?",
        (guild_id, target, former, rule.setting.value),
    )


def terms_of(
    connection: sqlite3.Connection, requester: Requester, operator: OperatorRules, *, now: datetime
) -> Terms:
    """Return what holds for a member now."""
    kept = kept_for(connection, kept_rules(connection, requester.guild_id), requester)
    rules = [*rules_of(connection, requester.guild_id), *kept]
    terms = _tiers_of(rules, requester, operator)
    if requester.key_id:
        return terms
    block = block_of(connection, requester.guild_id, requester.user_id, now=now)
    return dataclasses.replace(terms, block=block)


def set_lanes(
    connection: sqlite3.Connection, backend: str, requester: Requester, terms: Terms
) -> None:
    """Give the lanes of a member and of their server their weights and caps."""
    values = {
        "backend": backend,
        "party": requester.party,
        "user_id": requester.user_id,
        "weight": terms.tier.weight,
        "most": _most(terms.tier),
        "party_weight": terms.server.weight,
        "party_most": _most(terms.server),
    }
    for statement in (
        """
        INSERT INTO party_lane (backend, party, weight, most)
        VALUES (:backend, :party, :party_weight, :party_most)
        ON CONFLICT DO UPDATE SET weight = excluded.weight, most = excluded.most
        """,
        """
        INSERT INTO user_lane (backend, party, user_id, weight, most)
        VALUES (:backend, :party, :user_id, :weight, :most)
        ON CONFLICT DO UPDATE SET weight = excluded.weight, most = excluded.most
        """,
    ):
        connection.execute(statement, values)


def refresh_lanes(connection: sqlite3.Connection, guild_id: int, operator: OperatorRules) -> None:
    """Have those of a server who wait take their turns by its limits as they are now.

    Their roles are those that they had when they last asked.
    """
    rules, kept = rules_of(connection, guild_id), kept_rules(connection, guild_id)
    # Both once: thousands may wait.
    waiting = connection.execute(
        """
        SELECT backend, party, user_id, roles, MAX(number) FROM job INDEXED BY job_open
        WHERE ended_at IS NULL AND guild_id = ? GROUP BY backend, party, user_id
        """,
        (guild_id,),
    ).fetchall()
    for row in waiting:
        kind, _, number = str(row["party"]).partition(":")
        requester = Requester(
            guild_id=guild_id,
            user_id=row["user_id"],
            role_ids=tuple(json.loads(row["roles"])),
            key_id=int(number) if kind == "key" else 0,
        )
        own = kept_for(connection, kept, requester)
        terms = _tiers_of([*rules, *own], requester, operator)
        set_lanes(connection, row["backend"], requester, terms)


def to_text(value: Value) -> str:
    """Write a limit as the table holds it."""
    return json.dumps(sorted(value) if isinstance(value, frozenset) else value)


def _tiers_of(rules: Sequence[Rule], requester: Requester, operator: OperatorRules) -> Terms:
    """Return what limits a member and their server, or an API key, whose party it is alone."""
    if requester.key_id:
        tier = tier_of_key(rules, key_id=requester.key_id, operator=operator)
        return Terms(tier=tier, server=UNLIMITED)
    return Terms(
        tier=tier_of_member(
            rules, user_id=requester.user_id, role_ids=requester.role_ids, operator=operator
        ),
        server=tier_of_server(rules, guild_id=requester.guild_id, operator=operator),
    )


def _most(tier: Tier) -> int:
    most = tier.limit(Setting.AT_ONCE)
    return NO_CAP if most is None else most


def _to_rule(row: sqlite3.Row, *, target: Target | None = None) -> Rule:
    """Read a limit; `target` is whose it is, if the row does not say."""
    try:
        setting, target = Setting(row["setting"]), target or Target.parse(row["target"])
        value = json.loads(row["value"])
    except ValueError as error:
        raise StorageError(f"A limit cannot be read: {tuple(row)}.") from error
    if setting in LISTS and value is not None:
        value = frozenset(value)
    return Rule(target=target, setting=setting, value=value)
