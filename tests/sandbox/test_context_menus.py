"""Message and user commands: who is offered them, and what the bot is told."""

import discord
import pytest
from discord import app_commands

from bot.sandbox import CommandLineError, Sandbox
from bot.sandbox.world.entities import Message
from tests.sandbox.lounge_bot import LoungeBot


async def animate(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(f"will move: {message.content}")


async def greet(interaction: discord.Interaction, member: discord.Member) -> None:
    permissions = member.resolved_permissions
    assert permissions is not None
    await interaction.response.send_message(f"{member.name} {permissions.manage_messages}")


@pytest.fixture
async def menus(bot: LoungeBot) -> LoungeBot:
    bot.tree.add_command(app_commands.ContextMenu(name="Animate this", callback=animate))
    bot.tree.add_command(app_commands.ContextMenu(name="Greet", callback=greet))
    await bot.tree.sync()
    return bot


@pytest.fixture
def said(sandbox: Sandbox) -> Message:
    return sandbox.world.say(sandbox.ana, sandbox.channel, "a red circle")


async def test_a_message_command_brings_its_message(
    sandbox: Sandbox, menus: LoungeBot, said: Message
) -> None:
    sent = await sandbox.use_on_message(sandbox.ben, said, "Animate this")
    answer = await sent.wait_answer()
    assert answer.text == "will move: a red circle"
    received = await menus.uses.get()
    assert received.message is None
    assert (received.data or {}).get("target_id") == said.id
    reply = await received.original_response()
    assert reply.type is discord.MessageType.context_menu_command
    assert reply.reference is not None
    assert str(reply.reference.message_id) == said.id
    assert reply.interaction_metadata is not None
    assert str(reply.interaction_metadata.target_message_id) == said.id


async def test_a_user_command_brings_its_member(sandbox: Sandbox, menus: LoungeBot) -> None:
    sent = await sandbox.use_on_member(sandbox.ben, sandbox.max, sandbox.channel, "Greet")
    assert (await sent.wait_answer()).text == "max True"
    received = await menus.uses.get()
    assert (received.data or {}).get("target_id") == sandbox.max.id
    metadata = (await received.original_response()).interaction_metadata
    assert metadata is not None
    assert str(getattr(metadata.target_user, "id", None)) == sandbox.max.id


async def test_a_menu_offers_what_the_member_may_use(
    sandbox: Sandbox, menus: LoungeBot, said: Message
) -> None:
    assert menus.is_ready()
    with pytest.raises(CommandLineError, match="no command"):
        await sandbox.use_on_message(sandbox.ben, said, "Greet")
    with pytest.raises(CommandLineError, match="no command"):
        await sandbox.slash(sandbox.ben, sandbox.channel, "/Greet")
    sandbox.channel.deny("send_messages", to=sandbox.ben)
    assert await sandbox.use_on_message(sandbox.ben, said, "Animate this")
    with pytest.raises(CommandLineError, match="may not write"):
        await sandbox.use_on_member(sandbox.ben, sandbox.ana, sandbox.channel, "Greet")
    sandbox.channel.deny("use_application_commands", to=sandbox.ben)
    with pytest.raises(CommandLineError, match="may not use commands"):
        await sandbox.use_on_message(sandbox.ben, said, "Animate this")
    sandbox.world.delete_message(said)
    with pytest.raises(CommandLineError, match="no menu"):
        await sandbox.use_on_message(sandbox.ana, said, "Animate this")


async def test_a_hostile_client_uses_a_menu_that_nobody_offers(
    sandbox: Sandbox, menus: LoungeBot, said: Message
) -> None:
    sandbox.channel.deny("use_application_commands", to=sandbox.ben)
    await sandbox.use_on_message(sandbox.ben, said, "Gone", unchecked=True)
    received = await menus.uses.get()
    assert (received.data or {}).get("name") == "Gone"
    sent = await sandbox.use_on_member(
        sandbox.ben, sandbox.ana, sandbox.channel, "Greet", unchecked=True
    )
    assert (await sent.wait_answer()).text == "ana False"


@pytest.mark.usefixtures("menus")
async def test_a_person_uses_both_menus(sandbox: Sandbox, said: Message) -> None:
    ben = sandbox.member("ben")
    moved = await ben.use_on(said, "Animate this")
    assert moved.answer.text == "will move: a red circle"
    greeted = await ben.use_on(sandbox.max, "Greet")
    assert greeted.answer.text == "max True"
    assert ben.messages == [said, moved.answer, greeted.answer]
