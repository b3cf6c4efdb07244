"""What the bot is told with each interaction, and how discord.py reads it."""

from typing import Any

import discord
import pytest
from discord import app_commands, ui

from bot.sandbox import CommandLineError, Sandbox
from bot.sandbox.world.entities import Message
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

FIELDS = {
    *("id", "application_id", "type", "token", "version", "data", "guild", "guild_id", "channel"),
    *("channel_id", "member", "locale", "guild_locale", "app_permissions", "entitlements"),
    *("authorizing_integration_owners", "context", "attachment_size_limit"),
}
"""All of Discord's "Interaction Structure" that an interaction in a server has."""

NOWHERE_ELSE = {"user", "deaf", "mute"}
"""What the members in `resolved` lack."""


async def pick(
    interaction: discord.Interaction,
    channel: discord.TextChannel | discord.Thread,
    role: discord.Role,
    who: discord.Member | discord.Role,
) -> None:
    pass


async def look_at(interaction: discord.Interaction, who: discord.Member | discord.User) -> None:
    pass


async def offer(sandbox: Sandbox, bot: LoungeBot, *items: ui.Item[Any]) -> Message:
    """Have the bot post something to press."""
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    posted = await channel.send("choose", view=view)
    return sandbox.world.messages[str(posted.id)]


async def test_an_interaction_has_all_that_discord_documents(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sandbox.ben.locale, sandbox.guild.locale = "fr", "de"
    sandbox.channel.deny("attach_files")
    sandbox.channel.allow("manage_messages", to=sandbox.ben)
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    assert set(sent.payload) == FIELDS
    assert (received.locale.value, str(received.guild_locale)) == ("fr", "de")
    assert received.permissions.manage_messages
    assert not received.app_permissions.attach_files
    assert received.context.guild
    assert received.is_guild_integration()
    assert received.entitlements == []
    card = await offer(sandbox, bot, ui.Button(label="Again", custom_id="again"))
    pressed = await sandbox.press(sandbox.ben, card, "again")
    assert set(pressed.payload) == FIELDS | {"message"}


async def test_things_come_with_a_description(sandbox: Sandbox, bot: LoungeBot) -> None:
    bot.tree.command(description="Choose")(pick)
    await bot.tree.sync()
    thread = sandbox.guild.channel("storyboards")
    mods = sandbox.guild.role("Moderators")
    sandbox.channel.deny("send_messages", to=sandbox.ben)
    line = f"/pick channel:{sandbox.channel.name} role:Moderators who:@ana"
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, line)
    chosen = (await bot.uses.get()).namespace
    assert (str(chosen.channel.id), chosen.channel.name) == (sandbox.channel.id, "videos")
    assert not chosen.channel.permissions.send_messages  # ben's, who asks
    assert (str(chosen.role.id), str(chosen.who.id)) == (mods.id, sandbox.ana.id)
    resolved = sent.data["resolved"]
    assert not NOWHERE_ELSE & set(resolved["members"][sandbox.ana.id])
    assert set(resolved["users"]) == set(resolved["members"])
    options = {"channel": thread, "role": mods, "who": mods}
    await sandbox.invoke(sandbox.ben, sandbox.channel, "pick", options, unchecked=False)
    chosen = (await bot.uses.get()).namespace
    assert isinstance(chosen.channel, app_commands.AppCommandThread)
    assert str(chosen.channel.parent_id) == sandbox.channel.id
    assert isinstance(chosen.who, discord.Role)


async def test_a_user_of_no_server_comes_without_a_member(sandbox: Sandbox, bot: LoungeBot) -> None:
    bot.tree.command(description="Look at")(look_at)
    await bot.tree.sync()
    gone = sandbox.world.add_user("gone")
    sent = await sandbox.invoke(sandbox.ben, sandbox.channel, "look_at", {"who": gone})
    chosen = (await bot.uses.get()).namespace.who
    assert isinstance(chosen, discord.User)
    assert str(chosen.id) == gone.id
    assert set(sent.data["resolved"]) == {"users"}


async def test_a_select_takes_its_options_and_no_others(sandbox: Sandbox, bot: LoungeBot) -> None:
    options = [discord.SelectOption(label=v.title(), value=v) for v in ("red", "blue", "green")]
    card = await offer(
        sandbox, bot, ui.Select(custom_id="c", options=options, min_values=1, max_values=2)
    )
    for wrong in ([], ["red", "blue", "green"], ["red", "red"], ["pink"], None):
        with pytest.raises(CommandLineError, match="'c'"):
            await sandbox.press(sandbox.ben, card, "c", values=wrong)
    await sandbox.press(sandbox.ben, card, "c", values=["green", "red"])
    received = await bot.uses.get()
    assert received.data is not None
    assert received.data.get("values") == ["green", "red"]
    assert received.data.get("component_type") == 3
    assert bot.uses.empty()


async def test_a_select_without_a_least_number_may_be_left_empty(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    select = ui.Select[Any](
        custom_id="c", options=[discord.SelectOption(label="x")], min_values=0, max_values=1
    )
    card = await offer(sandbox, bot, select)
    await sandbox.press(sandbox.ben, card, "c", values=[])
    assert ((await bot.uses.get()).data or {}).get("values") == []


async def test_selects_of_people_roles_and_channels_describe_what_is_chosen(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    card = await offer(
        sandbox,
        bot,
        ui.UserSelect(custom_id="users", max_values=2),
        ui.RoleSelect(custom_id="roles"),
        ui.MentionableSelect(custom_id="either", max_values=2),
        ui.ChannelSelect(custom_id="places", channel_types=[discord.ChannelType.text]),
    )
    mods, general = sandbox.guild.role("Moderators"), sandbox.guild.channel("general")
    people = [sandbox.ana, sandbox.max.id]
    sent = await sandbox.press(sandbox.ben, card, "users", values=people)
    assert sent.data["values"] == [sandbox.ana.id, sandbox.max.id]
    assert set(sent.data["resolved"]["members"]) == set(sent.data["values"])
    sent = await sandbox.press(sandbox.ben, card, "roles", values=[mods])
    assert sent.data["resolved"]["roles"][mods.id]["name"] == "Moderators"
    sent = await sandbox.press(sandbox.ben, card, "either", values=[mods, sandbox.ana])
    assert set(sent.data["resolved"]) == {"roles", "users", "members"}
    sent = await sandbox.press(sandbox.ben, card, "places", values=[general])
    assert sent.data["resolved"]["channels"][general.id]["permissions"]
    thread, hidden = (sandbox.guild.channel(name) for name in ("storyboards", "moderators"))
    for custom_id, value in (("roles", sandbox.ana), ("places", thread), ("places", hidden)):
        with pytest.raises(CommandLineError, match="cannot be chosen"):
            await sandbox.press(sandbox.ben, card, custom_id, values=[value])


async def test_what_cannot_be_pressed_sends_nothing(sandbox: Sandbox, bot: LoungeBot) -> None:
    card = await offer(
        sandbox,
        bot,
        ui.Button(label="Later", custom_id="later", disabled=True),
        ui.Button(label="Site", url="https://example.com"),
        ui.Select(custom_id="none", options=[discord.SelectOption(label="x")], disabled=True),
        ui.Button(label="Now", custom_id="now"),
    )
    for custom_id in ("later", "Site", "https://example.com", "none", "missing"):
        with pytest.raises(CommandLineError, match="nothing to press"):
            await sandbox.press(sandbox.ben, card, custom_id)
    with pytest.raises(CommandLineError, match="takes no values"):
        await sandbox.press(sandbox.ben, card, "now", values=["x"])
    sandbox.channel.deny("view_channel", to=sandbox.ben)
    with pytest.raises(CommandLineError, match="cannot see"):
        await sandbox.press(sandbox.ben, card, "now")
    sandbox.world.delete_message(card)
    with pytest.raises(CommandLineError, match="nothing to press"):
        await sandbox.press(sandbox.ana, card, "now")
    assert bot.uses.empty()


async def test_only_its_owner_presses_what_only_its_owner_sees(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Now", custom_id="now"))
    await (await bot.uses.get()).response.send_message("psst", view=view, ephemeral=True)
    card = await sent.wait_answer()
    with pytest.raises(CommandLineError, match="nothing to press"):
        await sandbox.press(sandbox.ana, card, "now")
    await sandbox.press(sandbox.ben, card, "now")
    received = await bot.uses.get()
    assert received.message is not None
    assert received.message.flags.ephemeral


async def test_a_component_is_named_by_its_id_too(sandbox: Sandbox, rest: Rest) -> None:
    button = {"type": 2, "style": 1, "label": "A", "custom_id": "a", "id": 77}
    row = {"type": 1, "components": [button, button | {"custom_id": "b", "id": 0}]}
    path = f"/channels/{sandbox.channel.id}/messages"
    _, body = await rest("POST", path, {"content": "x", "components": [row]})
    card = sandbox.world.messages[body["id"]]
    pressed = await sandbox.press(sandbox.ben, card, "a")
    assert pressed.data == {"custom_id": "a", "component_type": 2, "id": 77}
