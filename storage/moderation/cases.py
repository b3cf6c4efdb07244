"""What members bring before moderators, and the videos that these remove.

A decision is one transaction: the case, what it does, and the act in the audit. Of two that
decide at once, the second finds the case closed and is told how.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.errors import NO_SUCH_JOB, NotAllowedError, NotFoundError, QuotaExceededError
from jobs.model import Job, JobId
from jobs.moderation.acts import Act
from jobs.moderation.cases import (
    MAX_OPEN_APPEALS,
    MAX_OPEN_REPORTS,
    Case,
    CaseKind,
    CaseState,
    Draft,
    Matter,
    Verdict,
    block_cause,
    case_lines,
    job_cause,
)
from storage.database import Database
from storage.moderation.appeals import let_pass
from storage.moderation.audit import append_act
from storage.moderation.case_rows import COLUMNS, columns_of, read_case, to_case
from storage.moderation.guilds import block_of
from storage.moderation.news import news_into
from storage.rows import SELECT_JOB, to_job
from storage.times import to_micros


class SqliteCaseStore:
    """The `CaseStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, draft: Draft) -> Case:
        """Bring a case; the log channel is told of it in the same transaction.

        Raises:
            NotAllowedError: The member has brought it before.
            QuotaExceededError: Too many of theirs wait.
        """

        def work(connection: sqlite3.Connection) -> Case:
            _check_first(connection, draft)
            _check_few(connection, draft)
            number = connection.execute(_NEXT_NUMBER, (draft.guild_id,)).fetchone()["last"]
            connection.execute(_INSERT, columns_of(draft, number))
            case = Case(number=number, draft=draft)
            text = "\n".join(case_lines(case))
            news_into(connection, draft.guild_id, f"case:{number}", text, at=draft.opened_at)
            return case

        return await self._database.write(work)

    async def case(self, guild_id: int, number: int) -> Case:
        """Return a case of a server.

        Raises:
            NotFoundError: There is none of that number.
        """
        return await self._database.read(lambda connection: read_case(connection, guild_id, number))

    async def open_cases(self, guild_id: int, *, limit: int) -> Sequence[Case]:
        """Return a server's cases that wait for a decision, oldest first."""

        def work(connection: sqlite3.Connection) -> Sequence[Case]:
            return [to_case(row) for row in connection.execute(OPEN, (guild_id, limit))]

        return await self._database.read(work)

    async def decide(self, number: int, state: CaseState, *, act: Act) -> Verdict:
        """Accept or deny a case, and do what follows from it, unless it was decided before.

        Raises:
            NotFoundError: There is none of that number.
        """

        def work(connection: sqlite3.Connection) -> Verdict:
            case = read_case(connection, act.guild_id, number)
            if case.state is not CaseState.OPEN:
                return Verdict(case=case, is_new=False)
            told = {**_words(case), **_close(connection, case.draft.cause, number, state, act)}
            if state is CaseState.ACCEPTED:
                told |= _grant(connection, case, act)
            append_act(connection, act, before={}, after=told)
            return Verdict(case=read_case(connection, act.guild_id, number), is_new=True)

        return await self._database.write(work)

    async def remove(self, job_id: JobId, *, act: Act) -> Job:
        """Note that a video goes; one that was removed before stays as it is, without an act.

        Raises:
            NotFoundError: There is no such job in the server.
        """

        def work(connection: sqlite3.Connection) -> Job:
            job = _job(connection, job_id, act.guild_id)
            if _remove(connection, job_id, act):
                reports = _close(connection, job_cause(job.id), 0, CaseState.ACCEPTED, act)
                told = {"member": f"<@{job.requester.user_id}>", **reports}
                append_act(connection, act, before={}, after=told)
            return _job(connection, job_id, act.guild_id)

        return await self._database.write(work)

    async def to_take_down(self, *, limit: int) -> Sequence[Job]:
        """Return removed jobs whose message or file may still be there, oldest removal first."""

        def work(connection: sqlite3.Connection) -> Sequence[Job]:
            return [to_job(row) for row in connection.execute(TO_TAKE_DOWN, (limit,))]

        return await self._database.read(work)

    async def mark_taken_down(self, job: Job) -> None:
        """Note that nothing of a removed video is left."""
        await self._database.write(
            lambda connection: connection.execute(
                "UPDATE job SET is_taken_down = 1 WHERE id = ?", (job.id,)
            )
        )


_NEXT_NUMBER = """
INSERT INTO case_count (guild_id, last) VALUES (?, 1)
ON CONFLICT (guild_id) DO UPDATE SET last = last + 1 RETURNING last
"""

_INSERT = """
INSERT INTO mod_case (
    guild_id, number, kind, user_id, member_id, cause, about, link, reason, opened_at, rules,
    token, token_expires_at
) VALUES (
    :guild_id, :number, :kind, :user_id, :member_id, :cause, :about, :link, :reason, :opened_at,
    :rules, :token, :token_expires_at
)
"""

KNOWN = f"""
SELECT {COLUMNS} FROM mod_case
WHERE guild_id = ? AND user_id = ? AND cause = ? AND state <> 'accepted'
"""  # noqa: S608 - our own

OPEN = f"""
SELECT {COLUMNS} FROM mod_case INDEXED BY mod_case_open
WHERE guild_id = ? AND state = 'open' ORDER BY number LIMIT ?
"""  # noqa: S608 - our own

OPEN_OF_MEMBER = """
SELECT COUNT(*) AS number FROM mod_case INDEXED BY mod_case_open_member
WHERE guild_id = ? AND user_id = ? AND kind = ? AND state = 'open'
"""

# Whoever else reported the same video gets the same outcome; an appeal is its member's alone.
CLOSE = """
UPDATE mod_case INDEXED BY mod_case_open_cause
SET state = :state, decided_by = :actor_id, decided_at = :at
WHERE guild_id = :guild_id AND cause = :cause AND state = 'open'
    AND (kind = 'report' OR number = :number)
RETURNING number
"""

# Its card is shown anew, and says so.
_REMOVE = """
UPDATE job SET removed_at = ?, card_is_shown = 0 WHERE id = ? AND removed_at IS NULL
"""

TO_TAKE_DOWN = (
    SELECT_JOB
    + """INDEXED BY job_to_take_down
WHERE job.removed_at IS NOT NULL AND job.is_taken_down = 0 ORDER BY job.removed_at LIMIT ?
"""
)


def _check_first(connection: sqlite3.Connection, draft: Draft) -> None:
    row = connection.execute(KNOWN, (draft.guild_id, draft.user_id, draft.cause)).fetchone()
    if row is None:
        return
    case = to_case(row)
    what = "reported this video" if draft.kind is CaseKind.REPORT else "appealed this"
    state = "waits for a moderator" if case.state is CaseState.OPEN else "was denied"
    raise NotAllowedError(f"You have {what} already: case #{case.number} {state}.")


def _check_few(connection: sqlite3.Connection, draft: Draft) -> None:
    """Let nobody flood the moderators; a block is appealed once anyway."""
    if draft.matter is Matter.BLOCK:
        return
    values = (draft.guild_id, draft.user_id, draft.kind)
    count: int = connection.execute(OPEN_OF_MEMBER, values).fetchone()["number"]
    is_report = draft.kind is CaseKind.REPORT
    if count >= (MAX_OPEN_REPORTS if is_report else MAX_OPEN_APPEALS):
        what = ("reports", "report") if is_report else ("appeals", "appeal")
        raise QuotaExceededError(
            f"{count} of your {what[0]} wait for a moderator already; {what[1]} more when one is "
            "decided."
        )


def _close(
    connection: sqlite3.Connection, cause: str, number: int, state: CaseState, act: Act
) -> dict[str, str]:
    """Close a case and all reports of the same video; return the others' names for the act."""
    values = {
        "state": state,
        "actor_id": act.actor_id,
        "at": to_micros(act.at),
        "guild_id": act.guild_id,
        "cause": cause,
        "number": number,
    }
    numbers = sorted(row["number"] for row in connection.execute(CLOSE, values).fetchall())
    others = [f"#{one}" for one in numbers if one != number]
    return {"cases": " ".join(others)} if others else {}


def _grant(connection: sqlite3.Connection, case: Case, act: Act) -> Mapping[str, str]:
    """Do what an accepted case asks for, and return what the audit should say of it."""
    match case.draft.matter:
        case Matter.PROMPT:
            until = let_pass(connection, case, at=act.at)
            return {"its prompt passes until": f"<t:{int(until.timestamp())}:f>"}
        case Matter.BLOCK:
            _unblock(connection, case.draft, at=act.at)
        case Matter.VIDEO:
            if case.job_id is not None:
                _remove(connection, case.job_id, act)
    return {}


def _unblock(connection: sqlite3.Connection, draft: Draft, *, at: datetime) -> None:
    """End the block that was appealed; one that was set since then is another."""
    block = block_of(connection, draft.guild_id, draft.user_id, now=at)
    if block is not None and block_cause(block.created_at) == draft.cause:
        connection.execute(
            "DELETE FROM block WHERE guild_id = ? AND user_id = ?", (draft.guild_id, draft.user_id)
        )


def _remove(connection: sqlite3.Connection, job_id: JobId, act: Act) -> bool:
    removed = connection.execute(_REMOVE, (to_micros(act.at), job_id))
    return removed.rowcount == 1


def _words(case: Case) -> dict[str, str]:
    """Tell in the audit what a case is about; whoever brought it is for moderators to know."""
    job = {} if case.job_id is None else {"job": case.job_id}
    return {
        **job,
        "member": f"<@{case.draft.member_id}>",
        "brought by": f"<@{case.draft.user_id}>",
    }


def _job(connection: sqlite3.Connection, job_id: JobId, guild_id: int) -> Job:
    values = (job_id, guild_id)
    row = connection.execute(SELECT_JOB + "WHERE job.id = ? AND job.guild_id = ?", values)
    found = row.fetchone()
    if found is None:
        raise NotFoundError(NO_SUCH_JOB)
    return to_job(found)
