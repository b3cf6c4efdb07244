"""How a case stands in its row."""

import json
import sqlite3

from jobs.errors import NotFoundError
from jobs.moderation.cases import Case, CaseKind, CaseState, Draft, ReplyToken
from storage.moderation.appeals import names_in
from storage.times import from_micros, from_micros_or_none, to_micros, to_micros_or_none

NO_SUCH_CASE = "There is no such case here."

COLUMNS = """guild_id, number, kind, user_id, member_id, cause, about, link, reason, opened_at,
    state, decided_by, decided_at, rules, token, token_expires_at, wants_dm"""

_ONE = f"SELECT {COLUMNS} FROM mod_case WHERE guild_id = ? AND number = ?"  # noqa: S608 - our own


def read_case(connection: sqlite3.Connection, guild_id: int, number: int) -> Case:
    """Return a case of a server.

    Raises:
        NotFoundError: There is none of that number.
    """
    row = connection.execute(_ONE, (guild_id, number)).fetchone()
    if row is None:
        raise NotFoundError(NO_SUCH_CASE)
    return to_case(row)


def columns_of(draft: Draft, number: int) -> dict[str, object]:
    """Return what is written of a case that is brought."""
    reply = draft.reply
    return {
        "guild_id": draft.guild_id,
        "number": number,
        "kind": draft.kind,
        "user_id": draft.user_id,
        "member_id": draft.member_id,
        "cause": draft.cause,
        "about": draft.about,
        "link": draft.link,
        "reason": draft.reason,
        "opened_at": to_micros(draft.opened_at),
        "rules": json.dumps(draft.rules),
        "token": None if reply is None else reply.value,
        "token_expires_at": to_micros_or_none(None if reply is None else reply.expires_at),
    }


def to_case(row: sqlite3.Row) -> Case:
    """Read a row with all `COLUMNS`."""
    draft = Draft(
        kind=CaseKind(row["kind"]),
        guild_id=row["guild_id"],
        user_id=row["user_id"],
        member_id=row["member_id"],
        cause=row["cause"],
        about=row["about"],
        link=row["link"],
        reason=row["reason"],
        opened_at=from_micros(row["opened_at"]),
        rules=tuple(names_in(row["rules"])),
        reply=_to_reply(row),
    )
    return Case(
        number=row["number"],
        draft=draft,
        state=CaseState(row["state"]),
        decided_by=row["decided_by"],
        decided_at=from_micros_or_none(row["decided_at"]),
        wants_dm=bool(row["wants_dm"]),
    )


def _to_reply(row: sqlite3.Row) -> ReplyToken | None:
    expires_at = from_micros_or_none(row["token_expires_at"])
    if row["token"] is None or expires_at is None:
        return None
    return ReplyToken(value=row["token"], expires_at=expires_at)
