"""The ways to somebody who brought a case: their interaction's token, and direct messages."""

import asyncio
import hashlib
import logging

import discord

from cogs.answers import Answer, read
from cogs.text import safe
from cogs.webhooks import webhook_of
from jobs.moderation.cases import Case, Reached, Way, outcome_sentence

logger = logging.getLogger(__name__)

MAX_NAME_CHARS = 100
NONCE_DIGITS = 20  # Discord takes 25 characters
REPLY_S = 10.0  # a rate limit on this way is slept out inside discord.py, however long it is


class DiscordMemberPost:
    """The `MemberPost` of Discord; it pings nobody."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def tell(self, case: Case, way: Way) -> Reached:
        """Tell the outcome of a case on one way.

        A member who takes no direct messages (Discord's 50007) is none whom it reaches later.
        """
        try:
            if way is Way.REPLY:
                await self._reply(case)
            else:
                await self._write(case)
        except Exception as error:
            answer = Answer.PASSING if isinstance(error, TimeoutError) else read(error)
            logger.info("Case %s not told by %s: %r", case.number, way, error)
            if answer is Answer.PASSING:
                return Reached.LATER
            if not isinstance(error, discord.HTTPException):
                raise
            return Reached.NEVER
        return Reached.YES

    async def _reply(self, case: Case) -> None:
        reply, application_id = case.draft.reply, self._client.application_id
        if reply is None or application_id is None:
            raise TimeoutError("not logged in")
        webhook = webhook_of(self._client, application_id, reply.value)
        async with asyncio.timeout(REPLY_S):
            await webhook.send(outcome_sentence(case), ephemeral=True, wait=True)

    async def _write(self, case: Case) -> None:
        """Write to a member; they may have left every server, so nobody is looked up."""
        channel = await self._client.create_dm(discord.Object(case.draft.user_id))
        guild = self._client.get_guild(case.draft.guild_id)
        place = "" if guild is None else f"{safe(guild.name, MAX_NAME_CHARS)}: "
        await channel.send(
            place + outcome_sentence(case),
            nonce=nonce_of(case),
            allowed_mentions=discord.AllowedMentions.none(),
        )


def nonce_of(case: Case) -> str:
    """Return what Discord takes once, so that a message that may have arrived is sent again."""
    key = f"{case.draft.guild_id}/{case.number}".encode()
    return f"v1.{hashlib.sha256(key).hexdigest()[:NONCE_DIGITS]}"
