"""Appeals against refused prompts, and outcomes on their way to members, over real sockets."""

from dataclasses import dataclass

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Channel, Fault, Interaction, Member, Message
from jobs.moderation.acts import ActKind
from jobs.moderation.cases import PASSES_FOR, CaseState
from jobs.moderation.courier import Courier
from jobs.moderation.herald import Herald
from tests.cogs.conftest import CALLBACK, MESSAGES, House, settled

GORE = "a gore tank"
FOLLOW_UPS = "/webhooks/{application_id}/{interaction_token}"
REPLY_S = 15 * 60
ON, OFF = "Tell me by direct message", "No direct message"


def named(message: Message, label: str) -> str:
    """Return the custom id of a button."""
    (found,) = [button.custom_id for button in message.buttons if button.label == label]
    assert found is not None
    return found


@dataclass
class Court:
    """A server with a log channel and a rule that refuses a word."""

    house: House
    client: FlipbookClient
    log: Channel

    def __post_init__(self) -> None:
        self.courier = Courier(
            outcomes=self.house.outcomes,
            post=self.client.member_post,
            notices=self.house.notices,
            clock=self.house.clock,
        )

    @property
    def ben(self) -> Member:
        return self.house.sandbox.ben

    @property
    def guild_id(self) -> int:
        return int(self.house.sandbox.guild.id)

    async def refused(self, who: Member | None = None, prompt: str = GORE) -> Message:
        """Ask for a video that is refused, and return the refusal."""
        asked = await self.house.video(who or self.ben, prompt=prompt)
        answer = await asked.wait_answer()
        await settled()
        assert answer.is_ephemeral
        return answer

    async def appeal(self, refusal: Message, who: Member | None = None) -> Interaction:
        """Press the button below a refusal, and send the form."""
        sandbox = self.house.sandbox
        opened = await sandbox.press(who or self.ben, refusal, named(refusal, "Appeal"))
        await sandbox.wait_for(lambda: opened.modal is not None)
        await settled()
        sent = await sandbox.submit(opened, {"reason": "it is the *band*"})
        assert (await sent.wait_answer()).is_ephemeral
        await settled()
        return sent

    async def card(self) -> Message:
        """Have the news posted, and return the newest card with buttons."""
        herald = Herald(
            guilds=self.house.guild_store,
            log=self.client.guild_log,
            notices=self.house.notices,
            clock=self.house.clock,
        )
        await herald.post_all()
        return next(one for one in reversed(list(self.log.messages.values())) if one.buttons)

    async def decide(self, label: str) -> Message:
        """Press a button of the newest card, and return the card as it stands then."""
        sandbox, card = self.house.sandbox, await self.card()
        await sandbox.press(sandbox.max, card, named(card, label))
        await sandbox.wait_for(lambda: not card.buttons)
        await settled()
        return card

    async def wish(self, brought: Interaction, label: str = ON) -> Message:
        """Ask for a direct message, or for none, and return the message that one asks on."""
        message = await brought.wait_answer()
        await self.house.sandbox.press(self.ben, message, named(message, label))
        await self.house.sandbox.wait_for(lambda: message.buttons[0].label != label)
        await settled()
        return message

    async def own(self, who: Member) -> str:
        """Return what `/cases` shows somebody."""
        sent = await self.house.sandbox.invoke(who, self.house.sandbox.channel, "cases", {})
        answer = await sent.wait_answer()
        await settled()
        assert answer.is_ephemeral
        assert not sent.followups
        return answer.text

    @property
    def mail(self) -> list[str]:
        """Return the direct messages that reached ben."""
        channel = self.house.sandbox.world.open_direct(self.ben.user)
        return [message.text for message in channel.messages.values()]


@pytest.fixture
async def court(house: House, client: FlipbookClient) -> Court:
    sandbox = house.sandbox
    log = sandbox.world.add_channel(sandbox.guild, "log")
    rule = {"kind": "word", "text": "gore", "action": "refuse", "reason": "we are a family server"}
    for who, command, options in (
        (sandbox.olga, "settings log", {"channel": log}),
        (sandbox.max, "mod policy add", rule),
    ):
        sent = await sandbox.invoke(who, sandbox.channel, command, options)
        await sent.wait_answer()
        await settled()
    return Court(house=house, client=client, log=log)


async def test_a_refused_prompt_that_moderators_let_pass_makes_a_video_for_its_member_alone(
    court: Court,
) -> None:
    house = court.house
    refusal = await court.refused()
    assert [button.label for button in refusal.buttons] == ["Appeal"]
    brought = await (await court.appeal(refusal)).wait_answer()
    assert "The moderators have it as case #1." in brought.text
    card = await court.card()
    assert f"<@{court.ben.id}> appeals a refused prompt" in card.text
    assert "it is the \\*band\\*" in card.text
    assert "gore tank" in card.text
    assert not card.pings
    await court.refused()

    card = await court.decide("Accept")
    assert "may send this prompt for 7 days" in card.text
    await house.queued(court.ben, prompt=" A gore\u200b  Tank", negative_prompt="gore")
    await court.refused(house.sandbox.ana)
    await court.refused(prompt="a gore tank and more gore")
    (past, *_) = await house.audit.acts(court.guild_id, limit=9)
    assert (past.act.kind, past.act.actor_id) == (ActKind.CASE_ACCEPT, int(house.sandbox.max.id))
    house.clock.advance(PASSES_FOR.total_seconds())
    await court.refused()


async def test_a_prompt_that_is_asked_for_again_by_its_button_can_be_appealed(
    court: Court,
) -> None:
    house, sandbox = court.house, court.house.sandbox
    await court.appeal(await court.refused())
    await court.decide("Accept")
    async with house.running(court.client):
        job, card = await house.queued(court.ben, prompt=GORE)
        await sandbox.wait_for(lambda: "### Done" in card.text)
    result = next(one for one in sandbox.channel.messages.values() if one.attachments)
    pressed = await sandbox.press(sandbox.ana, result, f"vid:again:{job.id}")
    await sandbox.wait_for(lambda: pressed.followups)
    await settled()
    (refusal,) = pressed.followups
    assert "we are a family server" in refusal.text
    await court.appeal(refusal, sandbox.ana)
    await court.decide("Accept")
    asked = await house.video(sandbox.ana, prompt=GORE)
    assert not (await asked.wait_answer()).is_ephemeral


async def test_what_the_operator_refuses_has_no_button_even_beside_a_rule_of_the_server(
    court: Court,
) -> None:
    for prompt in ("some hentai", "some hentai with gore"):
        assert not (await court.refused(prompt=prompt)).buttons


async def test_a_denied_appeal_leaves_the_prompt_refused_and_is_not_brought_again(
    court: Court,
) -> None:
    await court.appeal(await court.refused())
    await court.decide("Deny")
    assert "the prompt stays refused" in await court.own(court.ben)
    again = await (await court.appeal(await court.refused())).wait_answer()
    assert again.text == "You have appealed this already: case #1 was denied."


async def test_nobody_appeals_what_somebody_else_was_refused(court: Court) -> None:
    sandbox = court.house.sandbox
    bens, anas = await court.refused(), await court.refused(sandbox.ana)
    anas.components[0]["components"][0]["custom_id"] = named(bens, "Appeal")  # by a forged client
    pressed = await sandbox.press(sandbox.ana, anas, named(bens, "Appeal"))
    assert "too old to be appealed" in (await pressed.wait_answer()).text
    await settled()


async def test_a_form_that_lay_open_for_days_says_that_the_refusal_is_too_old(
    court: Court,
) -> None:
    sandbox, refusal = court.house.sandbox, await court.refused()
    opened = await sandbox.press(court.ben, refusal, named(refusal, "Appeal"))
    await sandbox.wait_for(lambda: opened.modal is not None)
    await settled()
    court.house.clock.advance(2 * 86400)
    late = await sandbox.submit(opened, {"reason": "please"})
    assert "too old to be appealed" in (await late.wait_answer()).text
    await settled()
    assert await court.house.cases.open_cases(court.guild_id, limit=9) == []


async def test_a_member_without_the_power_cannot_let_their_own_prompt_pass(court: Court) -> None:
    sandbox = court.house.sandbox
    await court.appeal(await court.refused())
    pressed = await sandbox.press(court.ben, await court.card(), "case:accept:1")
    assert (await pressed.wait_answer()).text.startswith("This is for moderators")
    await settled()
    assert (await court.house.cases.case(court.guild_id, 1)).state is CaseState.OPEN
    await court.refused()


async def test_the_outcome_is_told_where_the_form_was_sent_as_long_as_that_can_be_answered(
    court: Court,
) -> None:
    brought = await court.appeal(await court.refused())
    await court.courier.tell_all()
    assert not brought.followups
    await court.decide("Accept")
    await court.courier.tell_all()
    (told,) = brought.followups
    assert told.is_ephemeral
    assert "it passes here until" in told.text
    await court.courier.tell_all()
    assert len(brought.followups) == 1
    assert not court.mail
    used = await court.house.sandbox.invoke(court.ben, court.house.sandbox.channel, "queue", {})
    await used.wait_answer()
    await settled()
    assert not used.followups, "it was told once"


async def test_trouble_of_discords_is_no_reason_to_forget_an_outcome(court: Court) -> None:
    sandbox = court.house.sandbox
    brought = await court.appeal(await court.refused())
    await court.decide("Accept")
    sandbox.faults.add("POST", FOLLOW_UPS, Fault.instead(400, code=20028))
    await court.courier.tell_all()
    assert not brought.followups
    await court.courier.tell_all()
    assert len(brought.followups) == 1


async def test_nobody_gets_a_direct_message_who_did_not_wish_for_one(court: Court) -> None:
    court.ben.user.takes_direct = True
    brought = await court.appeal(await court.refused())
    court.house.advance(REPLY_S)
    await court.decide("Accept")
    await court.courier.tell_all()
    assert not court.mail
    assert not brought.followups
    assert "it passes here until" in await court.own(court.ben)


async def test_who_wished_for_a_direct_message_gets_one_once(court: Court) -> None:
    court.ben.user.takes_direct = True
    shown = await court.wish(await court.appeal(await court.refused()))
    assert "You get a direct message" in shown.text
    assert [button.label for button in shown.buttons] == [OFF]
    court.house.advance(REPLY_S)
    await court.decide("Deny")
    await court.courier.tell_all()
    await court.courier.tell_all()
    (told,) = court.mail
    assert court.house.sandbox.guild.name in told
    assert "the prompt stays refused" in told


async def test_a_wish_can_be_taken_back(court: Court) -> None:
    court.ben.user.takes_direct = True
    brought = await court.appeal(await court.refused())
    await court.wish(brought)
    shown = await court.wish(brought, OFF)
    assert [button.label for button in shown.buttons] == [ON]
    court.house.advance(REPLY_S)
    await court.decide("Deny")
    await court.courier.tell_all()
    assert not court.mail


async def test_a_wish_after_the_decision_is_answered_by_the_outcome_once(court: Court) -> None:
    court.ben.user.takes_direct = True
    brought = await court.appeal(await court.refused())
    court.house.advance(REPLY_S)
    await court.decide("Deny")
    message = await brought.wait_answer()
    pressed = await court.house.sandbox.press(court.ben, message, named(message, ON))
    await court.house.sandbox.wait_for(lambda: "the prompt stays refused" in message.text)
    await settled()
    await court.courier.tell_all()
    assert not message.buttons
    assert not pressed.followups
    assert not court.mail


async def test_who_takes_no_direct_messages_loses_nothing(court: Court) -> None:
    await court.wish(await court.appeal(await court.refused()))
    court.house.advance(REPLY_S)
    await court.decide("Accept")
    for _ in range(2):
        await court.courier.tell_all()
    sandbox = court.house.sandbox
    tries = [one for one in sandbox.requests.of("POST", MESSAGES) if one.status == 403]
    assert len(tries) == 1, "once is enough"
    assert not court.mail
    used = await sandbox.invoke(court.ben, sandbox.channel, "queue", {})
    await sandbox.wait_for(lambda: used.followups)
    await settled()
    assert "it passes here until" in used.followups[0].text
    assert "it passes here until" in await court.own(court.ben)


async def test_a_member_sees_their_own_cases_and_nobody_elses(court: Court) -> None:
    sandbox = court.house.sandbox
    assert "You have brought none here" in await court.own(court.ben)
    await court.appeal(await court.refused())
    own = await court.own(court.ben)
    assert "Your appeal against a refused prompt (case #1), <t:" in own
    assert "gore tank" in own
    assert "You have brought none here" in await court.own(sandbox.ana)
    assert "You have brought none here" in await court.own(sandbox.max)


async def test_a_refusal_that_comes_too_late_to_be_told_keeps_no_prompt(court: Court) -> None:
    sandbox = court.house.sandbox
    sandbox.faults.add("POST", CALLBACK, Fault.instead(404, code=10062))
    asked = await court.house.video(court.ben, prompt=GORE)
    await sandbox.wait_for(lambda: sandbox.requests.of("POST", CALLBACK))
    await settled()
    assert asked.answer is None

    kept = await court.house.database.read(
        lambda connection: connection.execute("SELECT prompt FROM refused_prompt").fetchall()
    )
    assert kept == []
    await court.refused()
