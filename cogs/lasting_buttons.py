"""What all buttons have in common that work for ever.

Such a button holds in its custom id all that it needs to know, so one on a message that was posted
before the bot was last started does the same as a new one.
"""

import re
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any, Self, cast

import discord
from discord.ui import Button, DynamicItem, LayoutView
from typing_extensions import override

from cogs.errors import report

JOB = r"(?P<job>[0-9A-Za-z_-]{1,40})"


class LastingButton(DynamicItem[Button[LayoutView]], template=r"(?!)"):
    """A button that is made anew from its custom id; each kind has a template and a press.

    Attributes:
        named: What the custom id says, by the names in the template.
    """

    def __init__(self, button: Button[LayoutView], named: re.Match[str]) -> None:
        super().__init__(button)
        self.named = named

    @classmethod
    @override
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from the one on the message that was pressed."""
        return cls(cast("Button[LayoutView]", item), match)

    @override
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Answer a press."""
        await answered(interaction, self.press(interaction))

    @abstractmethod
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the button says; what it raises is told to whoever pressed."""


async def answered(interaction: discord.Interaction[Any], press: Coroutine[Any, Any, None]) -> None:
    """Carry a press out; whatever goes wrong is answered, for discord.py would only log it."""
    try:
        await press
    except Exception as error:  # noqa: BLE001 - the outer edge of a press; `report` logs it
        await report(interaction, error)
    interaction.client.dispatch("answered", interaction)
