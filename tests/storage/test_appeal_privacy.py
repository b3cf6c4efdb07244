"""What refused prompts, passes and appeals leave behind: by age, by a deletion, by a departure."""

import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from jobs.moderation.acts import ActKind
from jobs.moderation.cases import PASSES_FOR, CaseKind, CaseState, Draft, ReplyToken
from jobs.moderation.refusals import KEPT_FOR, Refusal
from jobs.privacy.records import Whose
from storage.database import Database
from storage.moderation.appeals import SqliteAppealStore
from storage.moderation.cases import SqliteCaseStore
from storage.privacy.deletion import SqlitePrivacyStore
from storage.privacy.retention import SqliteRetentionStore
from tests.factories import NOW, make_act

ADA, BEN = 700000000000000001, 700000000000000002
HERE, THERE = 800000000000000001, 800000000000000002
TABLES = ("refused_prompt", "policy_pass", "mod_case")
REPLY = ReplyToken(value="made-up-token", expires_at=NOW + timedelta(minutes=14))
NEWS_REST = timedelta(days=30)


class Archive:
    """What is stored of appeals."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.appeals = SqliteAppealStore(database)
        self.cases = SqliteCaseStore(database)
        self.privacy = SqlitePrivacyStore(database)
        self.retention = SqliteRetentionStore(database)

    async def fill(self) -> None:
        """Have each of two members appeal two prompts in each of two servers; one is accepted."""
        for user_id in (ADA, BEN):
            for guild_id in (HERE, THERE):
                for number in range(2):
                    await self.appeal(user_id, guild_id, number)

    async def appeal(self, user_id: int, guild_id: int, number: int) -> None:
        refusal = Refusal(
            guild_id=guild_id,
            user_id=user_id,
            prompt="a zanzibar tank",
            digest=f"d{number}",
            rules=("word tank",),
            refused_at=NOW,
        )
        await self.appeals.keep(refusal)
        case = await self.cases.open(
            Draft(
                kind=CaseKind.APPEAL,
                guild_id=guild_id,
                user_id=user_id,
                member_id=user_id,
                cause=refusal.cause,
                about=refusal.prompt,
                reason="it is a fish tank",
                opened_at=NOW,
                rules=refusal.rules,
                reply=REPLY,
            )
        )
        if number == 0:
            act = make_act(kind=ActKind.CASE_ACCEPT, target=f"case:{case.number}")
            act = replace(act, guild_id=guild_id)
            await self.cases.decide(case.number, CaseState.ACCEPTED, act=act)

    async def tidy(self, now: datetime) -> None:
        await self.retention.tidy(
            now=now, first_of_month="day:2026-11-01", news_before=now - NEWS_REST
        )

    async def rows(self, table: str) -> list[sqlite3.Row]:
        return await self.database.read(
            lambda connection: connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - of ours
        )

    async def owners(self) -> dict[str, set[tuple[int, int]]]:
        """Return whose rows are there, and of which server, by table."""
        return {
            table: {(row["user_id"], row["guild_id"]) for row in await self.rows(table)}
            for table in TABLES
        }


@pytest.fixture
async def archive(database: Database) -> Archive:
    archive = Archive(database)
    await archive.fill()
    return archive


@pytest.mark.parametrize("guild_id", [HERE, None])
async def test_a_deletion_leaves_nothing_of_a_members_appeals_and_all_of_others(
    archive: Archive, guild_id: int | None
) -> None:
    assert await archive.privacy.forget_rest(Whose(user_id=ADA, guild_id=guild_id))
    left = {(BEN, HERE), (BEN, THERE)} | ({(ADA, THERE)} if guild_id else set())
    assert await archive.owners() == dict.fromkeys(TABLES, left)


async def test_a_member_is_told_of_their_refused_prompts_and_takes_them_along(
    archive: Archive,
) -> None:
    whose = Whose(user_id=ADA, guild_id=HERE)
    holdings = await archive.privacy.holdings(whose, now=NOW)
    assert (holdings.refused_prompts, holdings.passes, holdings.cases) == (2, 1, 2)
    assert not holdings.is_empty
    rows = (await archive.privacy.account(whose)).rows
    assert [row["prompt"] for row in rows["refused prompts"]] == ["a zanzibar tank"] * 2
    (passing,) = rows["prompts that pass after an appeal"]
    assert (passing["rules"], passing["digest"]) == (["word tank"], "d0")
    assert len(rows["reports and appeals of yours"]) == 2
    assert "made-up-token" not in str(rows)


async def test_refusals_go_after_a_day_and_passes_after_a_week(archive: Archive) -> None:
    await archive.tidy(NOW + KEPT_FOR - timedelta(seconds=1))
    assert len(await archive.rows("refused_prompt")) == 8
    await archive.tidy(NOW + KEPT_FOR)
    assert await archive.rows("refused_prompt") == []
    assert len(await archive.rows("policy_pass")) == 4
    await archive.tidy(NOW + PASSES_FOR)
    assert await archive.rows("policy_pass") == []


async def test_a_token_goes_when_it_no_longer_answers_anything(archive: Archive) -> None:
    await archive.tidy(NOW)
    assert all(row["token"] == REPLY.value for row in await archive.rows("mod_case"))
    await archive.tidy(REPLY.expires_at)
    assert all(row["token"] is None for row in await archive.rows("mod_case"))


async def test_what_was_written_of_a_decided_case_goes_after_a_month_and_the_outcome_stays(
    archive: Archive,
) -> None:
    await archive.tidy(NOW + NEWS_REST)
    assert all(row["about"] for row in await archive.rows("mod_case"))
    await archive.tidy(NOW + NEWS_REST + timedelta(seconds=1))
    words = {(row["state"], row["about"], row["reason"]) for row in await archive.rows("mod_case")}
    assert words == {("accepted", "", ""), ("open", "a zanzibar tank", "it is a fish tank")}


async def test_a_server_that_left_takes_its_appeals_along(archive: Archive) -> None:
    await archive.retention.note_departure(HERE, at=NOW)
    assert await archive.retention.purge_rest(HERE)
    left = {(ADA, THERE), (BEN, THERE)}
    assert await archive.owners() == dict.fromkeys(TABLES, left)
