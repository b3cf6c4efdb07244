"""Reports and appeals: brought once, decided once, and everything that follows in one move."""

import asyncio
import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.errors import NotAllowedError, NotFoundError, QuotaExceededError
from jobs.model import Artifact, Job, JobId
from jobs.moderation.acts import Act, ActKind
from jobs.moderation.cases import (
    MAX_OPEN_REPORTS,
    Case,
    CaseKind,
    CaseState,
    Draft,
    block_cause,
    job_cause,
)
from jobs.moderation.guilds import Block, GuildSettings
from jobs.states import JobState
from storage.artifacts import FolderArtifactStore
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.moderation import cases as questions
from storage.moderation.audit import SqliteAuditLog
from storage.moderation.cases import SqliteCaseStore
from storage.moderation.guilds import SqliteGuildStore
from tests.factories import NOW, make_act, make_artifact, make_job

HERE, ELSEWHERE, LOG = 2002, 3003, 77
BEN, ANA, MAX, OLGA = 5, 6, 9, 10
BLOCK = Block(guild_id=HERE, user_id=BEN, reason="flood", by_user_id=MAX, created_at=NOW)


@pytest.fixture
def cases(database: Database) -> SqliteCaseStore:
    return SqliteCaseStore(database)


@pytest.fixture
def guilds(database: Database) -> SqliteGuildStore:
    return SqliteGuildStore(database)


@pytest.fixture
def audit(database: Database) -> SqliteAuditLog:
    return SqliteAuditLog(database)


def report(job_id: str = "abc", user_id: int = ANA, guild_id: int = HERE) -> Draft:
    return Draft(
        kind=CaseKind.REPORT,
        guild_id=guild_id,
        user_id=user_id,
        member_id=BEN,
        cause=job_cause(JobId(job_id)),
        about="a red *circle*",
        link="https://discord.com/channels/1/2/3",
        reason="it is @everyone's",
        opened_at=NOW,
    )


def appeal(cause: str, user_id: int = BEN) -> Draft:
    return replace(
        report(user_id=user_id), kind=CaseKind.APPEAL, member_id=user_id, cause=cause, link=""
    )


def deciding(case: Case, state: CaseState, actor_id: int = MAX, guild_id: int = HERE) -> Act:
    kind = ActKind.CASE_ACCEPT if state is CaseState.ACCEPTED else ActKind.CASE_DENY
    return make_act(kind=kind, target=f"case:{case.number}", actor_id=actor_id, guild_id=guild_id)


async def decided(cases: SqliteCaseStore, case: Case, state: CaseState) -> Case:
    verdict = await cases.decide(case.number, state, act=deciding(case, state))
    assert verdict.is_new
    return verdict.case


async def made(store: SqliteJobStore, **overrides: object) -> Job:
    """Return a job that was made and posted."""
    job = (await store.enqueue(make_job(**overrides)))[0]
    claimed = await store.claim(job.backend, token="t", now=NOW, lease_until=NOW)
    assert claimed is not None
    job = claimed
    steps: list[dict[str, object]] = [
        {"state": JobState.RUNNING},
        {"state": JobState.FETCHING},
        {"state": JobState.READY, "artifact": make_artifact(job)},
        {"state": JobState.DELIVERING},
        {"state": JobState.DONE, "message_id": 42},
    ]
    for step in steps:
        job = await store.save(job, job.evolve(**step), now=NOW)
    await store.mark_card(job)
    return job


async def test_each_server_counts_its_own_cases(cases: SqliteCaseStore) -> None:
    numbers = [
        (await cases.open(report(job_id, guild_id=guild_id))).number
        for job_id, guild_id in (("a", HERE), ("b", HERE), ("a", ELSEWHERE))
    ]
    assert numbers == [1, 2, 1]
    assert [case.number for case in await cases.open_cases(HERE, limit=9)] == [1, 2]
    with pytest.raises(NotFoundError):
        await cases.case(ELSEWHERE, 2)


async def test_a_case_is_read_as_it_was_brought(cases: SqliteCaseStore) -> None:
    case = await cases.open(report())
    assert await cases.case(HERE, 1) == case == Case(number=1, draft=report())


async def test_nobody_reports_the_same_video_twice_but_others_may(cases: SqliteCaseStore) -> None:
    case = await cases.open(report())
    with pytest.raises(NotAllowedError, match="case #1 waits for a moderator"):
        await cases.open(report())
    await cases.open(report(user_id=OLGA))
    await decided(cases, case, CaseState.DENIED)
    with pytest.raises(NotAllowedError, match="case #1 was denied"):
        await cases.open(report())


async def test_a_member_has_few_open_reports_and_each_server_counts_alone(
    cases: SqliteCaseStore,
) -> None:
    opened = [await cases.open(report(f"job{number}")) for number in range(MAX_OPEN_REPORTS)]
    with pytest.raises(QuotaExceededError):
        await cases.open(report("more"))
    assert (await cases.open(report("more", user_id=OLGA))).number == MAX_OPEN_REPORTS + 1
    await cases.open(report("more", guild_id=ELSEWHERE))
    await decided(cases, opened[0], CaseState.DENIED)
    assert (await cases.open(report("more"))).number == MAX_OPEN_REPORTS + 2


async def test_the_log_channel_is_told_with_the_number_and_harmless_words(
    cases: SqliteCaseStore, guilds: SqliteGuildStore
) -> None:
    logged = GuildSettings(guild_id=HERE, log_channel_id=LOG)
    await guilds.save_settings(logged, act=make_act(kind=ActKind.SETTINGS, target="server"))
    (before,) = await guilds.unsent_news(limit=9)
    await guilds.mark_sent(before, now=NOW)
    await cases.open(report())
    (news,) = await guilds.unsent_news(limit=9)
    assert news.key == "case:1"
    assert f"<@{ANA}> reports a video of <@{BEN}>" in news.text
    assert "https://discord.com/channels/1/2/3" in news.text
    assert "@everyone" not in news.text
    assert "\\*circle\\*" in news.text


async def test_two_who_decide_at_once_make_one_outcome(
    cases: SqliteCaseStore, audit: SqliteAuditLog
) -> None:
    case = await cases.open(report())
    verdicts = await asyncio.gather(
        cases.decide(1, CaseState.ACCEPTED, act=deciding(case, CaseState.ACCEPTED)),
        cases.decide(1, CaseState.DENIED, act=deciding(case, CaseState.DENIED, actor_id=OLGA)),
    )
    assert [verdict.is_new for verdict in verdicts] == [True, False]
    assert verdicts[0].case == verdicts[1].case
    assert (verdicts[1].case.state, verdicts[1].case.decided_by) == (CaseState.ACCEPTED, MAX)
    (past,) = await audit.acts(HERE, limit=9)
    assert past.act.kind is ActKind.CASE_ACCEPT
    assert past.after == {"job": "abc", "member": f"<@{BEN}>", "brought by": f"<@{ANA}>"}


async def test_another_servers_moderator_decides_nothing(
    cases: SqliteCaseStore, audit: SqliteAuditLog
) -> None:
    case = await cases.open(report())
    act = deciding(case, CaseState.ACCEPTED, guild_id=ELSEWHERE)
    with pytest.raises(NotFoundError):
        await cases.decide(case.number, CaseState.ACCEPTED, act=act)
    assert (await cases.case(HERE, 1)).state is CaseState.OPEN
    assert await audit.acts(ELSEWHERE, limit=9) == []


async def test_all_who_reported_a_video_get_the_same_outcome_in_one_act(
    cases: SqliteCaseStore, audit: SqliteAuditLog
) -> None:
    first = await cases.open(report())
    await cases.open(report(user_id=OLGA))
    other = await cases.open(report("other"))
    await decided(cases, first, CaseState.DENIED)
    assert (await cases.case(HERE, 2)).state is CaseState.DENIED
    assert (await cases.case(HERE, other.number)).state is CaseState.OPEN
    (past,) = await audit.acts(HERE, limit=9)
    assert past.after["cases"] == "#2"


async def test_an_accepted_report_removes_the_video_and_leaves_the_books(
    cases: SqliteCaseStore, store: SqliteJobStore
) -> None:
    job = await made(store)
    case = await cases.open(report(job.id))
    await decided(cases, case, CaseState.ACCEPTED)
    removed = await store.get(job.id)
    assert removed == job.evolve(removed_at=NOW)
    assert await cases.to_take_down(limit=9) == [removed]
    assert [one.id for one in await store.stale_cards(limit=9)] == [job.id]


async def test_an_older_view_of_a_card_does_not_hide_that_its_video_was_removed(
    cases: SqliteCaseStore, store: SqliteJobStore
) -> None:
    job = await made(store)
    await cases.remove(job.id, act=make_act(kind=ActKind.VIDEO_REMOVE, target=f"job:{job.id}"))
    await store.mark_card(job)
    (stale,) = await store.stale_cards(limit=9)
    await store.mark_card(stale)
    assert await store.stale_cards(limit=9) == []


async def test_a_removal_is_an_act_once_and_only_in_its_server(
    cases: SqliteCaseStore, store: SqliteJobStore, audit: SqliteAuditLog
) -> None:
    job = await made(store)
    act = make_act(kind=ActKind.VIDEO_REMOVE, target=f"job:{job.id}")
    with pytest.raises(NotFoundError):
        await cases.remove(job.id, act=replace(act, guild_id=ELSEWHERE))
    await cases.open(report(job.id))
    await cases.remove(job.id, act=act)
    await cases.remove(job.id, act=act)
    (past,) = await audit.acts(HERE, limit=9)
    assert (past.act, past.after) == (act, {"member": "<@1001>", "cases": "#1"})
    assert (await cases.case(HERE, 1)).state is CaseState.ACCEPTED
    assert await audit.acts(ELSEWHERE, limit=9) == []


async def test_what_was_taken_down_is_not_taken_down_again(
    cases: SqliteCaseStore, store: SqliteJobStore
) -> None:
    job = await made(store)
    await cases.remove(job.id, act=make_act(kind=ActKind.VIDEO_REMOVE, target=f"job:{job.id}"))
    await cases.mark_taken_down(job)
    assert await cases.to_take_down(limit=9) == []


async def test_an_accepted_appeal_ends_the_block_that_it_is_about(
    cases: SqliteCaseStore, guilds: SqliteGuildStore
) -> None:
    await guilds.block(BLOCK, act=make_act(kind=ActKind.BLOCK_ADD, target=f"member:{BEN}"))
    case = await cases.open(appeal(block_cause(BLOCK.created_at)))
    await decided(cases, case, CaseState.ACCEPTED)
    assert await guilds.blocks(HERE, now=NOW) == []


async def test_an_accepted_appeal_leaves_a_block_that_was_set_since(
    cases: SqliteCaseStore, guilds: SqliteGuildStore
) -> None:
    case = await cases.open(appeal("block:1.000000"))
    await guilds.block(BLOCK, act=make_act(kind=ActKind.BLOCK_ADD, target=f"member:{BEN}"))
    await decided(cases, case, CaseState.ACCEPTED)
    assert await guilds.blocks(HERE, now=NOW) == [BLOCK]


async def test_a_denied_appeal_changes_nothing(
    cases: SqliteCaseStore, guilds: SqliteGuildStore
) -> None:
    await guilds.block(BLOCK, act=make_act(kind=ActKind.BLOCK_ADD, target=f"member:{BEN}"))
    case = await cases.open(appeal(block_cause(BLOCK.created_at)))
    await decided(cases, case, CaseState.DENIED)
    assert await guilds.blocks(HERE, now=NOW) == [BLOCK]


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (questions.KNOWN, "mod_case_once"),
        (questions.OPEN, "mod_case_open"),
        (questions.OPEN_OF_MEMBER, "mod_case_open_member"),
        (questions.CLOSE, "mod_case_open_cause"),
        (questions.TO_TAKE_DOWN, "job_to_take_down"),
    ],
)
async def test_each_question_has_its_index(database: Database, question: str, index: str) -> None:
    values = [None] * (question.count("?") or 6)  # a named one is bound by its place, too
    unnamed = re.sub(r":\w+", "?", question)

    def plan(connection: sqlite3.Connection) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {unnamed}", values)
        return " ".join(str(row["detail"]) for row in rows)

    told = await database.write(plan)
    assert index in told
    assert "TEMP B-TREE" not in told


async def test_a_removed_file_is_gone_and_removing_it_again_is_harmless(tmp_path: Path) -> None:
    artifacts, job = FolderArtifactStore(tmp_path), make_job()
    artifact: Artifact = make_artifact(job)
    job = job.evolve(artifact=artifact)
    names = [artifact.name, f"{job.id}.mp4.part", f"{job.id}.fit.mp4"]
    for name in [*names, "other.mp4"]:
        (tmp_path / name).write_bytes(b"video")
    await artifacts.remove(job)
    await artifacts.remove(job)
    assert [file.name for file in tmp_path.iterdir()] == ["other.mp4"]
