"""A small bot in plain discord.py: it knows nothing of the sandbox but an operator's settings.

Run as a script it is a whole process that is started with DISCORD_TOKEN, DISCORD_PROXY and
SSL_CERT_FILE, as Flipbook itself is.
"""

import asyncio
import io
import os
import signal
from typing import Any

import discord
from discord import app_commands
from typing_extensions import override

MODELS = ["shapes", "shore", "toon"]


class LoungeBot(discord.Client):
    """Registers `/video` and `/job info|cancel`, and keeps every interaction for its owner."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            guild_ready_timeout=0.05,
            **options,
        )
        self.tree = app_commands.CommandTree(self)
        self.uses: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.resumed = 0
        add_commands(self.tree)

    @override
    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is not discord.InteractionType.autocomplete:
            await self.uses.put(interaction)

    async def on_resumed(self) -> None:
        self.resumed += 1


def add_commands(tree: app_commands.CommandTree) -> None:
    @tree.command(description="Make a video")
    @app_commands.choices(
        quality=[app_commands.Choice(name=name.title(), value=name) for name in ("draft", "best")]
    )
    async def video(  # noqa: PLR0917 -- options of the command
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 1, 1024],
        seed: app_commands.Range[int, 0, 2**32 - 1] | None = None,
        model: str | None = None,
        quality: str | None = None,
        strength: app_commands.Range[float, 0.0, 1.0] | None = None,
        loop: bool | None = None,  # noqa: FBT001 -- an option of the command
        image: discord.Attachment | None = None,
        member: discord.Member | None = None,
    ) -> None:
        pass

    @video.autocomplete("model")
    async def models(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=m.title(), value=m) for m in MODELS if current in m]

    job = app_commands.Group(name="job", description="One job")
    tree.add_command(job)

    @job.command(name="info", description="Tell about a job")
    async def info(interaction: discord.Interaction, id: str) -> None:  # noqa: A002 -- its name
        pass

    @job.command(name="cancel", description="Cancel a job")
    async def cancel(interaction: discord.Interaction, id: str) -> None:  # noqa: A002 -- its name
        pass

    @tree.command(description="Moderate")
    @app_commands.default_permissions(manage_guild=True)
    async def mod(interaction: discord.Interaction) -> None:
        pass


async def serve(bot: LoungeBot) -> None:
    """Answer every use: defer, then put a file into the deferral."""
    while True:
        interaction = await bot.uses.get()
        await interaction.response.defer(thinking=True)
        file = discord.File(io.BytesIO(b"not really a video"), "red-circle.mp4")
        await interaction.edit_original_response(content="Here it is.", attachments=[file])


async def main() -> None:
    environment = os.environ  # noqa: TID251 -- this script is an operator's process
    bot = LoungeBot(proxy=environment["DISCORD_PROXY"])
    loop = asyncio.get_running_loop()
    async with bot, asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(serve(bot))
        running = tasks.create_task(bot.start(environment["DISCORD_TOKEN"]))

        def stop() -> None:
            serving.cancel()  # first: it may be in the middle of a request
            tasks.create_task(bot.close())

        loop.add_signal_handler(signal.SIGTERM, stop)
        await running


if __name__ == "__main__":
    asyncio.run(main())
