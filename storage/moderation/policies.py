"""What servers' prompts may not hold; each change with the act that made it."""

import sqlite3
from collections.abc import Mapping, Sequence

from jobs.moderation.acts import Act
from jobs.moderation.policy import Action, PolicyRule, RuleKind
from storage.database import Database
from storage.moderation.audit import append_act
from storage.times import from_micros, to_micros

_ALL = """
SELECT number, guild_id, kind, text, action, reason, by_user_id, created_at
FROM policy_rule ORDER BY number
"""

_ADD = """
INSERT INTO policy_rule (guild_id, kind, text, action, reason, by_user_id, created_at)
VALUES (:guild_id, :kind, :text, :action, :reason, :by_user_id, :created_at)
ON CONFLICT (guild_id, kind, text) DO UPDATE SET
    action = excluded.action, reason = excluded.reason, by_user_id = excluded.by_user_id,
    created_at = excluded.created_at
RETURNING number, guild_id, kind, text, action, reason, by_user_id, created_at
"""

_REMOVE = """
DELETE FROM policy_rule WHERE guild_id = ? AND number = ?
RETURNING number, guild_id, kind, text, action, reason, by_user_id, created_at
"""


class SqlitePolicyStore:
    """The `PolicyStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all_rules(self) -> Sequence[PolicyRule]:
        """Return the rules of every server, oldest first."""
        return await self._database.read(
            lambda connection: [_to_rule(row) for row in connection.execute(_ALL)]
        )

    async def add_rules(
        self, rules: Sequence[PolicyRule], *, act: Act, told: Mapping[str, str]
    ) -> Sequence[PolicyRule]:
        """Keep rules, each over one of the same text, and return them with their numbers."""

        def work(connection: sqlite3.Connection) -> Sequence[PolicyRule]:
            kept = [
                _to_rule(connection.execute(_ADD, _columns(rule, act)).fetchone()) for rule in rules
            ]
            append_act(connection, act, before={}, after=told)
            return kept

        return await self._database.write(work)

    async def remove_rule(self, guild_id: int, number: int, *, act: Act) -> PolicyRule | None:
        """Remove a rule and return it; None if the server has none of that number."""

        def work(connection: sqlite3.Connection) -> PolicyRule | None:
            row = connection.execute(_REMOVE, (guild_id, number)).fetchone()
            if row is None:
                return None
            rule = _to_rule(row)
            before = {"action": rule.action.value, rule.kind.value: rule.text}
            append_act(connection, act, before=before, after={})
            return rule

        return await self._database.write(work)


def _columns(rule: PolicyRule, act: Act) -> Mapping[str, object]:
    return {
        "guild_id": act.guild_id,
        "kind": rule.kind.value,
        "text": rule.text,
        "action": rule.action.value,
        "reason": rule.reason,
        "by_user_id": act.actor_id,
        "created_at": to_micros(act.at),
    }


def _to_rule(row: sqlite3.Row) -> PolicyRule:
    return PolicyRule(
        guild_id=row["guild_id"],
        number=row["number"],
        kind=RuleKind(row["kind"]),
        text=row["text"],
        action=Action(row["action"]),
        reason=row["reason"],
        by_user_id=row["by_user_id"],
        created_at=from_micros(row["created_at"]),
    )
