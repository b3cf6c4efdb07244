"""Reports, appeals and removals as members and moderators meet them, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Fault, Interaction, Member, Message
from jobs.model import Job
from jobs.moderation.acts import ActKind
from jobs.moderation.cases import CaseState
from jobs.moderation.herald import Herald
from jobs.moderation.takedown import Takedown
from tests.cogs.conftest import MESSAGE, House, settled
from tests.factories import make_act


@dataclass
class Stage:
    """A server with a log channel, and a video of ben in it."""

    house: House
    client: FlipbookClient
    job: Job
    card: Message
    result: Message

    def __post_init__(self) -> None:
        self.takedown = Takedown(
            cases=self.house.cases,
            artifacts=self.house.artifacts,
            postings=self.client.postings,
            notices=self.house.notices,
            clock=self.house.clock,
        )

    @property
    def guild_id(self) -> int:
        return int(self.house.sandbox.guild.id)

    async def told(self, interaction: Interaction) -> str:
        """Return an answer that is for one member alone."""
        answer = await interaction.wait_answer()
        await settled()
        assert answer.is_ephemeral
        assert not answer.pings
        return answer.text

    async def form(self, opened: Interaction, reason: str) -> str:
        """Fill in the form that was opened, and return what is answered."""
        await self.house.sandbox.wait_for(lambda: opened.modal is not None)
        await settled()
        return await self.told(await self.house.sandbox.submit(opened, {"reason": reason}))

    async def press(self, who: Member, message: Message, custom_id: str) -> Interaction:
        return await self.house.sandbox.press(who, message, custom_id)

    async def report(self, who: Member, reason: str = "it is awful") -> str:
        return await self.form(
            await self.press(who, self.result, f"case:report:{self.job.id}"), reason
        )

    async def mod(self, command: str, who: Member | None = None, **options: object) -> str:
        sandbox = self.house.sandbox
        who = who or sandbox.max
        return await self.told(
            await sandbox.invoke(who, sandbox.channel, f"mod {command}", options)
        )

    async def use(self, who: Member, command: str) -> Interaction:
        """Use a command of members, and wait until outcomes were told, if there are any."""
        sent = await self.house.sandbox.invoke(who, self.house.sandbox.channel, command, {})
        await sent.wait_answer()
        await settled()
        return sent

    async def news(self) -> Message:
        """Have the news posted, and return the card of the newest case."""
        herald = Herald(
            guilds=self.house.guild_store,
            log=self.client.guild_log,
            notices=self.house.notices,
            clock=self.house.clock,
        )
        await herald.post_all()
        posted = self.house.sandbox.guild.channel("log").messages.values()
        return next(message for message in reversed(list(posted)) if message.buttons)


@pytest.fixture
async def stage(house: House) -> AsyncIterator[Stage]:
    sandbox = house.sandbox
    log = sandbox.world.add_channel(sandbox.guild, "log")
    guild_id = int(sandbox.guild.id)
    settings = house.guilds.of(guild_id).evolve(log_channel_id=int(log.id))
    act = make_act(guild_id=guild_id, kind=ActKind.SETTINGS, target="server")
    await house.guild_store.save_settings(settings, act=act)
    async with house.open_client() as client:
        async with house.running(client):
            job, card = await house.queued(sandbox.ben, prompt="a red circle")
            await sandbox.wait_for(lambda: "### Done" in card.text)
        result = next(m for m in sandbox.channel.messages.values() if m.attachments)
        job = await house.jobs.get(job.id)
        yield Stage(house=house, client=client, job=job, card=card, result=result)


async def test_a_report_by_the_button_reaches_the_moderators_card(stage: Stage) -> None:
    ana = stage.house.sandbox.ana
    said = await stage.report(ana, "it shows *me* @everyone")
    assert "The moderators have it as case #1" in said
    card = await stage.news()
    assert f"<@{ana.id}> reports a video of <@{stage.house.sandbox.ben.id}>" in card.text
    assert "\\*me\\*" in card.text
    assert "@everyone" not in card.text
    assert stage.result.id in card.text
    assert [button.label for button in card.buttons] == ["Accept", "Deny"]
    assert not card.pings


async def test_a_report_by_the_menu_is_the_same(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    opened = await sandbox.use_on_message(sandbox.ana, stage.result, "Report video")
    assert "case #1" in await stage.form(opened, "awful")
    (case,) = await stage.house.cases.open_cases(stage.guild_id, limit=9)
    assert (case.job_id, case.draft.user_id) == (stage.job.id, int(sandbox.ana.id))


async def test_the_menu_on_a_message_without_a_video_says_so(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    chatter = sandbox.world.say(sandbox.ben, sandbox.channel, f"case:report:{stage.job.id}")
    for message in (chatter, stage.card):
        opened = await sandbox.use_on_message(sandbox.ana, message, "Report video")
        assert await stage.told(opened) == "This message shows no video of Flipbook."


async def test_the_same_video_is_reported_once_by_each(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    await stage.report(sandbox.ana)
    assert "You have reported this video already" in await stage.report(sandbox.ana)
    assert "case #2" in await stage.report(sandbox.max)


async def test_a_form_that_was_opened_before_a_restart_is_taken_after_it(house: House) -> None:
    sandbox = house.sandbox
    async with house.open_client() as client, house.running(client):
        job, card = await house.queued(sandbox.ben)
        await sandbox.wait_for(lambda: "### Done" in card.text)
        result = next(m for m in sandbox.channel.messages.values() if m.attachments)
        opened = await sandbox.press(sandbox.ana, result, f"case:report:{job.id}")
        await sandbox.wait_for(lambda: opened.modal is not None)
    await sandbox.wait_gone()
    async with house.open_client():
        sent = await sandbox.submit(opened, {"reason": "awful"})
        assert "case #1" in (await sent.wait_answer()).text


async def test_an_accepted_report_leaves_nothing_of_the_video_but_the_audit(stage: Stage) -> None:
    house, sandbox = stage.house, stage.house.sandbox
    assert stage.job.artifact is not None
    file = house.artifacts.path(stage.job.artifact)
    file.parent.mkdir(parents=True, exist_ok=True)
    assert file.exists()
    before = await house.database.read(
        lambda connection: connection.execute("SELECT * FROM ledger").fetchall()
    )
    await stage.report(sandbox.ana)
    card = await stage.news()
    await stage.press(sandbox.max, card, "case:accept:1")
    await sandbox.wait_for(lambda: "**Accepted** by" in card.text)
    await settled()
    assert not card.buttons
    await stage.takedown.take_all_down()
    assert not file.exists()
    assert stage.result.is_deleted
    assert await house.cases.to_take_down(limit=9) == []
    async with house.running(stage.client):
        await sandbox.wait_for(lambda: "### Removed" in stage.card.text)
    assert "a red circle" not in stage.card.text
    sent = await sandbox.invoke(sandbox.ben, sandbox.channel, "job info", {"id": stage.job.id})
    told = await stage.told(sent)
    assert "removed by a moderator" in told
    assert "red circle" not in told
    (past, *_) = await house.audit.acts(stage.guild_id, limit=9)
    assert (past.act.kind, past.act.actor_id) == (ActKind.CASE_ACCEPT, int(sandbox.max.id))
    assert await house.quotas.audit() == []
    after = await house.database.read(
        lambda connection: connection.execute("SELECT * FROM ledger").fetchall()
    )
    assert [tuple(row) for row in after] == [tuple(row) for row in before]


async def test_a_denied_report_leaves_the_video(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    await stage.report(sandbox.ana)
    card = await stage.news()
    await stage.press(sandbox.max, card, "case:deny:1")
    await sandbox.wait_for(lambda: "**Denied** by" in card.text)
    await settled()
    await stage.takedown.take_all_down()
    assert not stage.result.is_deleted
    assert (await stage.house.jobs.get(stage.job.id)).removed_at is None


async def test_two_moderators_at_once_make_one_outcome_that_both_see(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    await stage.report(sandbox.ana)
    card = await stage.news()
    pressed = await asyncio.gather(
        stage.press(sandbox.max, card, "case:accept:1"),
        stage.press(sandbox.olga, card, "case:deny:1"),
    )
    await sandbox.wait_for(lambda: sum(len(one.followups) for one in pressed) == 1)
    await settled()
    (late,) = [message for one in pressed for message in one.followups]
    assert late.is_ephemeral
    assert late.text == "Case #1 was decided already."
    decisions = [
        past
        for past in await stage.house.audit.acts(stage.guild_id, limit=9)
        if past.act.target == "case:1"
    ]
    assert len(decisions) == 1
    assert not card.buttons


async def test_a_member_cannot_decide(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    await stage.report(sandbox.ana)
    card = await stage.news()
    said = await stage.told(await stage.press(sandbox.ben, card, "case:accept:1"))
    assert said.startswith("This is for moderators")
    case = await stage.house.cases.case(stage.guild_id, 1)
    assert case.state is CaseState.OPEN


async def test_the_outcome_is_told_when_the_reporter_next_acts_and_once(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    await stage.report(sandbox.ana)
    assert not (await stage.use(sandbox.ana, "queue")).followups
    card = await stage.news()
    await stage.press(sandbox.max, card, "case:accept:1")
    await sandbox.wait_for(lambda: "**Accepted** by" in card.text)
    await settled()
    used = await stage.use(sandbox.ana, "queue")
    await sandbox.wait_for(lambda: len(used.followups) == 1)
    (told,) = used.followups
    assert told.is_ephemeral
    assert told.text == "Your report (case #1) is decided: the video was removed."
    await settled()
    assert not (await stage.use(sandbox.ana, "queue")).followups


async def test_a_blocked_member_appeals_and_makes_videos_again(stage: Stage) -> None:
    house, sandbox = stage.house, stage.house.sandbox
    await stage.mod("block add", member=sandbox.ben, reason="flood")
    opened = await sandbox.invoke(sandbox.ben, sandbox.channel, "appeal", {})
    assert "case #1" in await stage.form(opened, "I am sorry")
    opened = await sandbox.invoke(sandbox.ben, sandbox.channel, "appeal", {})
    assert "You have appealed this already" in await stage.form(opened, "please")
    card = await stage.news()
    assert "appeals a block" in card.text
    assert "flood" in card.text
    await stage.press(sandbox.max, card, "case:accept:1")
    await sandbox.wait_for(lambda: "**Accepted** by" in card.text)
    await settled()
    await house.queued(sandbox.ben)


async def test_a_denied_appeal_is_told_with_the_next_refusal(stage: Stage) -> None:
    house, sandbox = stage.house, stage.house.sandbox
    await stage.mod("block add", member=sandbox.ben, reason="flood")
    opened = await sandbox.invoke(sandbox.ben, sandbox.channel, "appeal", {})
    await stage.form(opened, "I am sorry")
    card = await stage.news()
    await stage.press(sandbox.max, card, "case:deny:1")
    await sandbox.wait_for(lambda: "**Denied** by" in card.text)
    await settled()
    refused = await house.video(sandbox.ben)
    await sandbox.wait_for(lambda: any("you stay blocked" in m.text for m in refused.followups))
    assert all(message.is_ephemeral for message in refused.followups)


async def test_who_is_not_blocked_has_nothing_to_appeal(stage: Stage) -> None:
    sandbox = stage.house.sandbox
    sent = await sandbox.invoke(sandbox.ana, sandbox.channel, "appeal", {})
    assert "nothing to appeal" in await stage.told(sent)


async def test_a_moderator_lists_and_shows_cases(stage: Stage) -> None:
    assert "None waits" in await stage.mod("cases list")
    await stage.report(stage.house.sandbox.ana, "awful")
    assert "**#1** a video of" in await stage.mod("cases list")
    sandbox = stage.house.sandbox
    sent = await sandbox.invoke(sandbox.max, sandbox.channel, "mod cases show", {"case": 1})
    shown = await sent.wait_answer()
    await settled()
    await stage.press(sandbox.max, shown, "case:deny:1")
    await sandbox.wait_for(lambda: "**Denied** by" in shown.text)
    assert "There is no such case here." in await stage.mod("cases show", case=7)


async def test_a_moderator_removes_a_video_without_a_report_once(stage: Stage) -> None:
    said = await stage.mod("video remove", id=stage.job.id, reason="spam")
    assert "is being removed" in said
    assert "was removed already" in await stage.mod("video remove", id=stage.job.id)
    assert "was removed already" in await stage.told(
        await stage.press(stage.house.sandbox.ana, stage.result, f"case:report:{stage.job.id}")
    )
    await stage.takedown.take_all_down()
    assert stage.result.is_deleted


async def test_what_discord_does_not_delete_now_is_deleted_later(stage: Stage) -> None:
    await stage.mod("video remove", id=stage.job.id)
    stage.house.sandbox.faults.add("DELETE", MESSAGE, Fault.instead(400, code=20028))
    await stage.takedown.take_all_down()
    assert not stage.result.is_deleted
    await stage.takedown.take_all_down()
    assert stage.result.is_deleted


async def test_a_message_that_a_moderator_deleted_by_hand_is_no_trouble(stage: Stage) -> None:
    stage.house.sandbox.world.delete_message(stage.result)
    await stage.mod("video remove", id=stage.job.id)
    await stage.takedown.take_all_down()
    assert await stage.house.cases.to_take_down(limit=9) == []
