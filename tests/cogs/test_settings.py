"""`/settings`: managers and nobody else decide, and what they decide holds at once."""

from collections.abc import Mapping, Sequence

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Channel, CommandLineError, Member, Message
from jobs.moderation.acts import PastAct
from jobs.moderation.guilds import GuildSettings, ModeratorPermission
from jobs.request import ProviderName
from tests.cogs.conftest import House, settled
from tests.cogs.private_answers import invoked

pytestmark = pytest.mark.usefixtures("client")

COMMANDS: Mapping[str, Mapping[str, object]] = {
    "show": {},
    "channels add": {"channel": "general"},
    "channels remove": {"channel": "general"},
    "channels clear": {},
    "log": {"channel": "general"},
    "defaults": {"provider": "local"},
    "moderators": {"permission": "manage_guild"},
    "budget": {"limit": "videos_per_day", "amount": "5"},
}


async def used(
    house: House, command: str, member: Member | None = None, /, **options: object
) -> Message:
    """Return the private answer to a command, sent by a client that checks nothing."""
    return await invoked(house, member or house.sandbox.olga, f"settings {command}", **options)


async def said(house: House, command: str, **options: object) -> str:
    return (await used(house, command, None, **options)).text


def here(house: House) -> GuildSettings:
    return house.guilds.of(int(house.sandbox.guild.id))


def place(house: House, name: str) -> Channel:
    return house.sandbox.guild.channel(name)


async def acts(house: House) -> Sequence[PastAct]:
    return await house.audit.acts(int(house.sandbox.guild.id), limit=20)


# Who may


@pytest.mark.parametrize("command", COMMANDS)
async def test_members_do_not_see_the_commands(house: House, command: str) -> None:
    person = house.sandbox.member("ben")
    options = values(house, command)
    with pytest.raises(CommandLineError, match="hidden"):
        await person.slash(f"settings {command}", **options)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("permissions", [(), ("manage_messages", "moderate_members")])
async def test_who_does_not_manage_the_server_is_refused_and_changes_nothing(
    house: House, command: str, permissions: tuple[str, ...]
) -> None:
    world = house.sandbox.world
    eve = world.add_member(house.sandbox.guild, "eve", permissions=permissions)
    answer = await used(house, command, eve, **values(house, command))
    assert answer.text == "This is for managers: it takes the permission Manage Server."
    assert here(house) == GuildSettings(guild_id=int(house.sandbox.guild.id))
    assert await acts(house) == []


def values(house: House, command: str) -> Mapping[str, object]:
    """Return a command's options, with the channel that is named."""
    options = COMMANDS[command]
    channel = options.get("channel")
    return {**options, "channel": place(house, str(channel))} if channel else options


async def test_another_servers_settings_stay_as_they_are(house: House) -> None:
    await used(house, "moderators", permission="manage_guild")
    club = house.sandbox.world.guild("Cinema Club")
    assert house.guilds.of(int(club.id)) == GuildSettings(guild_id=int(club.id))
    assert await house.audit.acts(int(club.id), limit=9) == []


# Where `/video` works


async def test_video_works_in_the_channels_that_were_added_and_nowhere_else(house: House) -> None:
    sandbox, general = house.sandbox, place(house, "general")
    told = await said(house, "channels add", channel=general)
    assert told == f"`/video` works in <#{general.id}>, and in its threads."
    refusal = await house.refused(await house.video(sandbox.ben))
    assert refusal == f"`/video` works in <#{general.id}> here."
    assert not sandbox.requests.of("POST", "/channels/{channel_id}/messages")
    job = await house.job_of(await house.video(sandbox.ben, general))
    assert job.address.channel_id == int(general.id)


async def test_a_thread_counts_as_its_channel(house: House) -> None:
    await used(house, "channels add", channel=place(house, "videos"))
    thread = place(house, "storyboards")
    await house.job_of(await house.video(house.sandbox.ben, thread))
    await used(house, "channels add", channel=place(house, "general"))
    await used(house, "channels remove", channel=place(house, "videos"))
    interaction = await house.video(house.sandbox.ben, thread)
    answer = await interaction.wait_answer()
    assert answer.is_ephemeral
    assert "`/video` works in" in answer.text


async def test_a_refusal_names_several_channels(house: House) -> None:
    names = ("general", "after-dark")
    for name in names:
        await used(house, "channels add", channel=place(house, name))
    one, other = (f"<#{place(house, name).id}>" for name in names)
    refusal = await house.refused(await house.video(house.sandbox.ben))
    assert refusal == f"`/video` works in {one} and {other} here."


async def test_again_is_refused_where_video_does_not_work(
    house: House, client: FlipbookClient
) -> None:
    async with house.running(client):
        job, card = await house.queued(house.sandbox.ben)
        await house.sandbox.wait_for(lambda: "### Done" in card.text)
    (result,) = (one for one in house.sandbox.channel.messages.values() if one.attachments)
    await used(house, "channels add", channel=place(house, "general"))
    pressed = await house.sandbox.press(house.sandbox.ben, result, f"vid:again:{job.id}")
    answer = await pressed.wait_answer()
    await settled()
    assert answer.is_ephemeral
    assert "`/video` works in" in answer.text
    assert len(await house.all_jobs()) == 1


async def test_the_last_channel_is_not_taken_away_by_accident(house: House) -> None:
    general = place(house, "general")
    await used(house, "channels add", channel=general)
    refusal = await said(house, "channels remove", channel=general)
    assert "add another one first" in refusal
    assert here(house).channels == {int(general.id)}
    assert await said(house, "channels clear") == "`/video` works **in every channel**."
    await house.job_of(await house.video(house.sandbox.ben))


async def test_a_thread_cannot_be_set(house: House) -> None:
    answer = await said(house, "channels add", channel=place(house, "storyboards"))
    assert "could not read" in answer
    assert not here(house).channels


# The log channel


async def test_the_log_channel_is_set_and_switched_off(house: House) -> None:
    general = place(house, "general")
    told = await said(house, "log", channel=general)
    assert told == f"Moderators are told in <#{general.id}> what they should know."
    assert await said(house, "log") == "There is **no log channel**."
    newest, first = await acts(house)
    assert first.after == {"log channel": f"<#{general.id}>"}
    assert newest.after == {"log channel": "none"}


async def test_a_log_channel_where_nothing_can_be_posted_is_refused(house: House) -> None:
    general = place(house, "general")
    general.deny("send_messages")
    refusal = await said(house, "log", channel=general)
    assert f"could not post in <#{general.id}>: I lack Send Messages" in refusal
    assert here(house).log_channel_id is None


# Defaults


async def test_what_a_server_prefers_is_taken_where_a_member_does_not_say(house: House) -> None:
    model = house.provider.offers[0].model_copy(update={"id": "waves", "title": "Waves"})
    house.provider.offers.append(model)
    told = await said(house, "defaults", provider="local", model="waves")
    preferred = "the local engine and the model \u2068waves\u2069"
    assert told == f"Where a member does not say, this is preferred: {preferred}."
    job, _ = await house.queued(house.sandbox.ben)
    assert job.request.model == "waves"
    assert job.asked.model is None, "a rerun takes what the server prefers then"
    named, _ = await house.queued(house.sandbox.ben, model="shapes")
    assert named.request.model == "shapes"


async def test_a_model_that_is_gone_is_passed_over_and_the_card_says_so(house: House) -> None:
    model = house.provider.offers[0].model_copy(update={"id": "waves"})
    house.provider.offers.append(model)
    await used(house, "defaults", model="waves")
    house.provider.offers.remove(model)
    job, card = await house.queued(house.sandbox.ben)
    assert job.request.model == "shapes"
    assert (
        "This server prefers the model \u2068waves\u2069, which is not there any more." in card.text
    )


async def test_a_provider_that_was_switched_off_is_passed_over(house: House) -> None:
    settings = here(house).evolve(default_provider=ProviderName.NOVITA)
    house.guilds.learn(settings)
    job, card = await house.queued(house.sandbox.ben)
    assert job.backend == "local"
    assert "This server prefers Novita, which is switched off." in card.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"provider": "novita"}, "novita is not set up here"),
        ({"provider": "@everyone"}, "must be one of: local, modelslab, novita"),
        ({"model": "@everyone"}, "there is no"),
        ({"provider": "local", "model": "nope"}, "at the local engine; see /models"),
    ],
)
async def test_defaults_that_are_not_there_are_refused(
    house: House, options: Mapping[str, object], words: str
) -> None:
    refusal = await said(house, "defaults", **options)
    assert words in refusal
    assert "@everyone" not in refusal
    assert await acts(house) == []


async def test_defaults_are_proposed_out_of_what_is_there(house: House) -> None:
    sandbox = house.sandbox
    for option, value in (("provider", "local"), ("model", "shapes")):
        found = await sandbox.complete(
            sandbox.olga, sandbox.channel, "settings defaults", {option: ""}, focused=option
        )
        assert [choice["value"] for choice in found] == [value]


# Moderators


async def test_who_moderates_is_changed(house: House) -> None:
    sandbox = house.sandbox
    helpers = sandbox.world.add_role(sandbox.guild, "helpers")
    told = await said(house, "moderators", permission="moderate_members", add_role=helpers)
    assert "permission **Timeout Members**, or one of these roles" in told
    assert "Show it to others under Server Settings → Integrations" in told
    assert here(house).moderator_permission is ModeratorPermission.MODERATE_MEMBERS
    assert here(house).moderator_roles == {int(helpers.id)}
    await used(house, "moderators", remove_role=helpers)
    assert here(house).moderator_roles == frozenset()
    assert here(house).moderator_permission is ModeratorPermission.MODERATE_MEMBERS
    told = await said(house, "moderators", permission="manage_messages")
    assert told == "Moderators are all who have the permission **Manage Messages**."


async def test_not_everybody_can_be_made_a_moderator(house: House) -> None:
    guild = house.sandbox.guild
    refusal = await said(house, "moderators", add_role=guild.roles[guild.id])
    assert "everybody here would be a moderator" in refusal
    assert not here(house).moderator_roles


@pytest.mark.parametrize(
    ("options", "words"),
    [({}, "at least one"), ({"permission": "administrator"}, "must be one of")],
)
async def test_a_choice_that_is_none_is_refused(
    house: House, options: Mapping[str, object], words: str
) -> None:
    assert words in await said(house, "moderators", **options)
    assert await acts(house) == []


# The budget


async def test_a_budget_holds_for_all_members_together(house: House) -> None:
    told = await said(house, "budget", limit="videos_per_day", amount="1")
    assert told.startswith("**videos per day** for the whole server is now 1 video.")
    assert "Nobody is warned" in told
    await house.queued(house.sandbox.ben)
    refused = await (await house.video(house.sandbox.ana)).wait_answer()
    assert refused.is_ephemeral
    page = await said(house, "show")
    assert "- videos per day: **1 video**, none left, until <t:" in page
    (act,) = await acts(house)
    assert act.act.actor_id == int(house.sandbox.olga.id)
    assert act.after == {"videos per day": "1 video"}


async def test_a_budget_is_taken_away_by_a_word(house: House) -> None:
    await used(house, "budget", limit="videos_per_day", amount="none")
    assert (await house.quotas.rules(int(house.sandbox.guild.id)))[0].value == 0
    told = await said(house, "budget", limit="videos_per_day", amount="unlimited")
    assert told == "**videos per day** for the whole server is now unlimited."
    assert await house.quotas.rules(int(house.sandbox.guild.id)) == []


@pytest.mark.parametrize(
    ("limit", "amount"),
    [("videos_per_day", "0"), ("videos_per_day", "x"), ("at_once", "3"), ("nothing", "3")],
)
async def test_a_budget_that_is_none_is_refused(house: House, limit: str, amount: str) -> None:
    await used(house, "budget", limit=limit, amount=amount)
    assert await house.quotas.rules(int(house.sandbox.guild.id)) == []
    assert await acts(house) == []
