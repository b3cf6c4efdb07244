"""The chat page as its server sends it: entries by key, and what is done through it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord

from bot.sandbox import Member
from tests.sandbox.lounge_bot import LoungeBot

Entries = dict[str, Any]

Act = Callable[..., Awaitable[tuple[int, Any]]]


async def read_event(response: aiohttp.ClientResponse) -> Any:
    """Read one event of the stream, over the comments between events."""
    async for line in response.content:
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    return None


async def seen_by(session: aiohttp.ClientSession, member: Member) -> Entries:
    async with session.get("/page/events", params={"account": member.id}) as response:
        event = await read_event(response)
        return event["put"]


def of_kind(entries: Entries, kind: str) -> list[Any]:
    return [entry for key, entry in entries.items() if key.startswith(f"{kind}:")]


def names(entries: Entries, kind: str) -> list[str]:
    return [entry["name"] for entry in of_kind(entries, kind)]


async def answer(bot: LoungeBot, content: str, **options: Any) -> discord.Interaction:
    use = await bot.uses.get()
    await use.response.send_message(content, **options)
    return use
