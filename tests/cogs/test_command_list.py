"""docs/commands.md lists the slash commands as Discord gets them: names, options, who sees them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from bot.client import FlipbookClient

PAGE = Path(__file__).parents[2] / "docs/commands.md"
SECTION = re.compile(r"^### For (\w+)\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
MENU = re.compile(r"\*\*Apps → ([^*]+)\*\*")
ROW = re.compile(r"^\| `(/[^`]+)` \| \S.* \|$", re.MULTILINE)
SEEN_BY: Mapping[str, discord.Permissions | None] = {
    "everyone": None,
    "moderators": discord.Permissions(manage_messages=True),
    "managers": discord.Permissions(manage_guild=True),
}


def usage(command: app_commands.Command[Any, ..., Any]) -> str:
    """Write a command as the page does: what may be left out stands in brackets."""
    options = [f"{one.name}:" if one.required else f"[{one.name}:]" for one in command.parameters]
    return " ".join([f"/{command.qualified_name}", *options])


def documented() -> dict[str, list[str]]:
    """Return the commands of the page by who sees them."""
    return {who: sorted(ROW.findall(text)) for who, text in SECTION.findall(PAGE.read_text())}


async def test_the_page_lists_each_command_with_its_options_where_it_belongs(
    client: FlipbookClient,
) -> None:
    found: dict[str, list[str]] = {who: [] for who in SEEN_BY}
    for command in client.tree.walk_commands():
        if isinstance(command, app_commands.Command):
            seen_by = (command.root_parent or command).default_permissions
            (who,) = (who for who, permissions in SEEN_BY.items() if permissions == seen_by)
            found[who].append(usage(command))
    assert documented() == {who: sorted(commands) for who, commands in found.items()}


async def test_the_page_names_each_command_of_a_menu(
    client: FlipbookClient,
) -> None:
    kinds = (discord.AppCommandType.message, discord.AppCommandType.user)
    names = {one.name for kind in kinds for one in client.tree.get_commands(type=kind)}
    assert set(MENU.findall(PAGE.read_text())) == names != set()
