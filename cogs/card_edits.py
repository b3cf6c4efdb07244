"""Edits a job's card: with the interaction's token while it lives, afterwards as the bot.

Discord takes edits of an interaction's public response with the bot's token too, for ever
(discord-api-docs#3090), so fifteen minutes are no limit for a job. Tokens are known to die
early (discord-api-docs#6851), so every refusal of the first way leads to the second.
"""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import discord
from discord.ui import LayoutView

from cogs.answers import Answer, read
from cogs.webhooks import webhook_of
from jobs.model import Address
from jobs.ports import Clock

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file to attach; it is opened anew for every try, because a request uses it up."""

    path: Path
    name: str
    alt_text: str | None

    def open(self) -> discord.File:
        """Return the file as discord.py wants it."""
        return discord.File(self.path, filename=self.name, description=self.alt_text)


EDIT_S = 10.0
UPLOAD_S = 120.0
LOST = frozenset({Answer.CLOSED, Answer.NO_MESSAGE})


class CardEditor:
    """Knows the two ways to a card."""

    def __init__(self, *, client: discord.Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def edit(self, address: Address, view: LayoutView, upload: Upload | None = None) -> bool:
        """Show a view on a card, with a file if there is one; False if the card is lost.

        Raises:
            discord.HTTPException: Discord refused for another reason than a lost card.
            aiohttp.ClientError: The connection failed.
        """
        if address.card_id is None:
            return False
        if await self._edit_by_token(address, address.card_id, view, upload):
            return True
        return await self._edit_as_bot(address, address.card_id, view, upload)

    async def _edit_by_token(
        self, address: Address, card_id: int, view: LayoutView, upload: Upload | None
    ) -> bool:
        token, ends = address.token, address.token_expires_at
        if token is None or ends is None or self._clock.now() >= ends:
            return False
        webhook = webhook_of(self._client, address.application_id, token)
        try:
            # A rate limit on this way is slept out inside discord.py, however long it is.
            async with asyncio.timeout(EDIT_S if upload is None else UPLOAD_S):
                if upload is None:
                    await webhook.edit_message(card_id, view=view)
                else:
                    await webhook.edit_message(card_id, view=view, attachments=[upload.open()])
        except TimeoutError:
            logger.info("Card %s: no answer by token", card_id, extra={"action": "card_slow"})
            return False
        except discord.HTTPException as error:
            if read(error) is Answer.TOO_LARGE:
                raise
            logger.info("Card %s: token refused: %s", card_id, error)
            return False
        return True

    async def _edit_as_bot(
        self, address: Address, card_id: int, view: LayoutView, upload: Upload | None
    ) -> bool:
        channel = self._client.get_partial_messageable(address.channel_id)
        message = channel.get_partial_message(card_id)
        try:
            if upload is None:
                await message.edit(view=view)
            else:
                await message.edit(view=view, attachments=[upload.open()])
        except discord.HTTPException as error:
            if read(error) in LOST:
                logger.info("Card %s is lost: %s", card_id, error, extra={"action": "card_lost"})
                return False
            raise
        return True
