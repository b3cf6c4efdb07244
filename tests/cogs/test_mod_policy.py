"""`/mod policy`: rules are added, tried, listed and removed, and prompts meet them at once."""

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Channel
from jobs.errors import PolicyError
from jobs.model import Address, Origin, Requester
from jobs.moderation.acts import ActKind
from jobs.request import Segment, VideoRequest
from jobs.service import Ask
from jobs.text import plain
from tests.cogs.conftest import House, settled

pytestmark = pytest.mark.usefixtures("client")


async def told(house: House, command: str, place: Channel | None = None, **options: object) -> str:
    """Use `/mod policy …` and return the answer, which is for the moderator alone."""
    sandbox = house.sandbox
    sent = await sandbox.invoke(
        sandbox.max, place or sandbox.channel, f"mod policy {command}", options
    )
    answer = await sent.wait_answer()
    await settled()
    assert answer.is_ephemeral
    assert not answer.pings
    return answer.text


async def test_a_refused_prompt_names_the_reason_costs_nothing_and_not_the_word(
    house: House,
) -> None:
    said = await told(
        house, "add", kind="word", text="gore", action="refuse", reason="we are a family server"
    )
    assert said.startswith("Rule 1 added: a prompt with")
    ben = house.sandbox.ben
    refused = await house.refused(await house.video(ben, prompt="a tree | some G\u200bORE"))
    assert "we are a family server" in refused
    assert "gore" not in refused.casefold()
    await house.queued(ben, prompt="a category of gored trees", negative_prompt="gore")
    assert await house.quotas.audit() == []


async def test_the_operators_policy_holds_without_a_word_from_moderators(house: House) -> None:
    ben = house.sandbox.ben
    refused = await house.refused(await house.video(ben, prompt="some hentai"))
    assert "sexual content" in refused
    adults = house.sandbox.world.add_channel(house.sandbox.guild, "adults", nsfw=True)
    thread = house.sandbox.world.add_thread(adults, "a thread")
    for place in (adults, thread):
        asked = await house.video(ben, place, prompt="some hentai")
        assert not (await asked.wait_answer()).is_ephemeral
    again = await house.video(ben, adults, prompt="child porn")
    assert (await again.wait_answer()).is_ephemeral


async def test_a_video_that_was_fine_is_not_made_again_once_a_rule_refuses_it(
    house: House, client: FlipbookClient
) -> None:
    sandbox = house.sandbox
    async with house.running(client):
        job, card = await house.queued(sandbox.ben, prompt="a tank")
        await sandbox.wait_for(lambda: "### Done" in card.text)
    await told(house, "add", kind="word", text="tank", action="refuse")
    result = next(one for one in sandbox.channel.messages.values() if one.attachments)
    pressed = await sandbox.press(sandbox.ana, result, f"vid:again:{job.id}")
    answer = await pressed.wait_answer()
    await sandbox.wait_for(
        lambda: (
            "do not allow this prompt"
            in " ".join([answer.text, *(one.text for one in pressed.followups)])
        )
    )
    await settled()
    assert [one.id for one in await house.all_jobs()] == [job.id]


async def test_a_flagged_prompt_goes_on_and_the_log_channel_is_told(house: House) -> None:
    sandbox = house.sandbox
    sent = await sandbox.invoke(
        sandbox.olga, sandbox.channel, "settings log", {"channel": sandbox.channel}
    )
    await sent.wait_answer()
    await told(house, "add", kind="phrase", text="big tank", action="flag")
    job, card = await house.queued(sandbox.ben, prompt="a BIG  tank rolls")
    assert "In the queue" in card.text
    assert await house.jobs.claim(
        "local", token="t", now=house.clock.now(), lease_until=house.clock.now()
    )
    unsent: list[str] = []
    while news := await house.guild_store.unsent_news(limit=5):
        unsent += [f"{one.key} {one.text}" for one in news]
        await house.guild_store.mark_sent(news[0], now=house.clock.now())
    (flag,) = [text for text in unsent if text.startswith("flag:")]
    assert job.id in flag
    assert "BIG  tank" in flag.replace("\u2068", "") or "BIG tank" in flag
    assert "rule 1" in flag


async def test_a_test_shows_which_rule_fires_and_where(house: House) -> None:
    await told(house, "add", kind="word", text="ass", action="refuse")
    await told(house, "add", kind="regex", text=r"\btanks?\b", action="hold")
    said = await told(house, "test", prompt="a class of a\u200bss by a TANK")
    assert "Rule 1" in said
    assert "Rule 2" in said
    assert "at character 12" in said
    assert said.index("Rule 1") < said.index("Rule 2")
    assert "> a class of **ass** by a TANK" in plain(said)
    assert "No rule fires" in await told(house, "test", prompt="a class of bass players")
    assert await house.all_jobs() == []


async def test_several_words_are_added_at_once_listed_found_and_removed(house: House) -> None:
    said = await told(house, "add", kind="word", text="one, two,three , two", action="hold")
    assert said.startswith("3 rules added")
    listed = await told(house, "list")
    assert [f"`{number}`" in listed for number in (1, 2, 3)] == [True] * 3
    assert "`2`" not in await told(house, "list", find="thr")
    assert await told(house, "remove", rule=2) == "Rule 2 is gone."
    assert "There is no rule 2 here" in await told(house, "remove", rule=2)
    assert "`2`" not in await told(house, "list")
    await house.queued(house.sandbox.ben, prompt="two")
    acts = await house.audit.acts(int(house.sandbox.guild.id), limit=9)
    assert [past.act.kind for past in acts] == [ActKind.POLICY_REMOVE, ActKind.POLICY_ADD]


async def test_a_rule_of_the_same_text_replaces_the_one_before(house: House) -> None:
    await told(house, "add", kind="word", text="tank", action="refuse")
    await told(house, "add", kind="word", text="tank", action="flag")
    await house.queued(house.sandbox.ben, prompt="a tank")
    assert (await told(house, "list")).count("tank") == 1


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("regex", "(a+)+$", "take for ever"),
        ("regex", "(", "no regex"),
        ("word", "two words", "add it as a phrase"),
        ("word", " , ,", "letter or a digit"),
        ("sentence", "a", "among those offered"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_and_nothing_is_kept(
    house: House, kind: str, text: str, reason: str
) -> None:
    assert reason in await told(house, "add", kind=kind, text=text, action="hold")
    assert "There are none" in await told(house, "list")


async def test_rules_are_there_after_a_start(house: House) -> None:
    await told(house, "add", kind="word", text="tank", action="refuse")
    rules = await house.policy_store.all_rules()
    assert [(rule.number, rule.text, rule.action) for rule in rules] == [(1, "tank", "refuse")]


async def test_the_http_door_is_held_to_the_operators_policy_and_to_no_servers(
    house: House,
) -> None:
    await told(house, "add", kind="word", text="tank", action="refuse")

    def asked(prompt: str) -> Ask:
        return Ask(
            origin=Origin.API,
            origin_key=prompt,
            requester=Requester(key_id=1),
            address=Address(),
            request=VideoRequest(segments=(Segment(prompt=prompt),)),
        )

    with pytest.raises(PolicyError, match="sexual content"):
        await house.service.ask(asked("some hentai"))
    assert (await house.service.ask(asked("a tank"))).is_new
    assert len(await house.all_jobs()) == 1
