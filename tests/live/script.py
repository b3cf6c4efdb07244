"""A short life of a bot's, the same on the sandbox and on the real Discord: claims, one by one.

Each step asserts what the sandbox claims of Discord, so that a failure against the real one is a
mistake in our reading of it. Nothing stays behind: what is made here is deleted here.
"""

import io
import secrets
from dataclasses import dataclass

import discord
from discord import ui
from discord.http import Route

COMMAND = "flipbook-smoke"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoke:
    """A client that has logged in, and the channel it may use."""

    client: discord.Client
    channel: discord.TextChannel

    @property
    def application_id(self) -> int:
        assert self.client.application_id is not None
        return self.client.application_id

    async def run(self) -> None:
        """Go through all the steps."""
        await self.knows_itself()
        await self.registers_a_command()
        await self.posts_once_for_one_nonce()
        await self.posts_components_with_a_file()

    async def knows_itself(self) -> None:
        application = await self.client.application_info()
        assert application.id == self.application_id
        assert self.client.user is not None
        assert self.client.user.bot

    async def registers_a_command(self) -> None:
        """A command for one server is there at once, keeps its id, and can be taken back."""
        http, guild_id = self.client.http, self.channel.guild.id
        payload = {"name": COMMAND, "description": "A test that removes itself", "type": 1}
        made = await http.upsert_guild_command(self.application_id, guild_id, payload)
        again = await http.upsert_guild_command(self.application_id, guild_id, payload)
        assert made["id"] == again["id"]
        listed = await http.get_guild_commands(self.application_id, guild_id)
        assert made["id"] in {command["id"] for command in listed}
        await http.delete_guild_command(self.application_id, guild_id, int(made["id"]))
        listed = await http.get_guild_commands(self.application_id, guild_id)
        assert made["id"] not in {command["id"] for command in listed}

    async def posts_once_for_one_nonce(self) -> None:
        """Create Message, `enforce_nonce`: the second of two is the first."""
        nonce = secrets.token_hex(8)
        first, second = [await self._create("flipbook smoke test", nonce) for _ in range(2)]
        assert first["id"] == second["id"]
        assert first["nonce"] == nonce
        message = await self.channel.fetch_message(int(first["id"]))
        assert message.content == "flipbook smoke test"
        await message.delete()
        assert await self._is_gone(message.id)

    async def _create(self, content: str, nonce: str) -> dict[str, str]:
        """Post without the check for an answer that discord.py would make."""
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=self.channel.id)
        payload = {"content": content, "nonce": nonce, "enforce_nonce": True}
        return await self.client.http.request(route, json=payload)

    async def posts_components_with_a_file(self) -> None:
        """Components V2 show a file by reference, are edited, and cannot be taken back."""
        message = await self.channel.send(view=_card("first"), file=_picture())
        assert message.flags.components_v2
        assert message.content == ""
        assert message.attachments == [], "what components show is there only (api-docs#8279)"
        (gallery,) = [c for c in message.components if isinstance(c, discord.MediaGalleryComponent)]
        url = gallery.items[0].media.url
        assert await self.client.http.get_from_cdn(url) == PNG
        await message.edit(view=_card("second"), attachments=[_picture()])
        read = await self.channel.fetch_message(message.id)
        assert read.edited_at is not None
        shown = [part for part in read.components if isinstance(part, discord.TextDisplay)]
        assert [part.content for part in shown] == ["second"]
        refused = await self._refusal(message.id, {"content": "x"})
        assert refused.code == 50035
        await message.delete()
        assert await self._is_gone(message.id)

    async def _refusal(self, message_id: int, payload: dict[str, str]) -> discord.HTTPException:
        route = Route(
            "PATCH",
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=self.channel.id,
            message_id=message_id,
        )
        try:
            await self.client.http.request(route, json=payload)
        except discord.HTTPException as error:
            return error
        raise AssertionError("Discord did not refuse")

    async def _is_gone(self, message_id: int) -> bool:
        try:
            await self.channel.fetch_message(message_id)
        except discord.NotFound as error:
            return error.code == 10008
        return False


def _card(text: str) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay(text))
    return view.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://smoke.png")))


def _picture() -> discord.File:
    return discord.File(io.BytesIO(PNG), "smoke.png")
