"""`/video`: every field of a request as an option, and nothing else.

Ranges and choices here are help for the eye; `VideoOptions.request` and `Service.plan` are
what holds a request to its limits.
"""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from cogs import completion
from cogs.desk import Desk
from cogs.options import VideoOptions, choices, scheduler_choices
from jobs.request import (
    MAX_CLIP_SKIP,
    MAX_FPS,
    MAX_FRAMES,
    MAX_GUIDANCE,
    MAX_PROMPT_CHARS,
    MAX_SEED,
    MAX_SIDE,
    MAX_STEPS,
    MIN_FPS,
    MIN_FRAMES,
    MIN_SIDE,
    Aspect,
    ProviderName,
    Quality,
    VideoFormat,
)

DESCRIPTIONS = {
    "prompt": "What to show; parts in time: a seed | 24: a sprout | a tree (24: = its frames)",
    "negative_prompt": "What to keep out of the picture",
    "model": "What renders it; /models tells about each",
    "aspect": "The shape, if width and height are left open",
    "width": "Pixels, a multiple of 8; /models tells what each model can do",
    "height": "Pixels, a multiple of 8; /models tells what each model can do",
    "frames": "How many pictures, 8 to 128; frames / fps = seconds",
    "fps": "Pictures per second",
    "steps": "Denoising steps: more is slower and often finer",
    "guidance_scale": "How closely to follow the prompt; 1 is not at all",
    "seed": "The same seed and settings give the same video; -1 draws one",
    "scheduler": "The sampler; the model's own if left open",
    "clip_skip": "How many of the text encoder's last layers to leave out; 1 is none",
    "closed_loop": "The end leads back to the beginning",
    "loras": "id:strength, id (strength 0 to 1); at most 5",
    "embeddings": "Textual inversions: id, id; at most 5",
    "image": "A picture to start from, at most 20 MiB",
    "strength": "With image: 0 keeps the picture, 1 ignores it",
    "enhance_prompt": "Add words of style; the result shows the prompt really used",
    "format": "The file to post",
    "quality": "Draft is half the steps, best is twice; if steps are left open",
    "provider": "Who renders; chosen for you if left open",
}


class VideoCog(commands.Cog):
    """Asks for a video."""

    def __init__(self, *, desk: Desk) -> None:
        self._desk = desk

    @app_commands.command(name="video", description="Turn words into a short video")
    @app_commands.describe(**DESCRIPTIONS)
    @app_commands.choices(
        aspect=choices(Aspect),
        scheduler=scheduler_choices(),
        format=choices(VideoFormat),
        quality=choices(Quality),
        provider=choices(ProviderName),
    )
    async def video(  # noqa: PLR0913, PLR0917 - Discord's options are a command's parameters
        self,
        interaction: discord.Interaction,
        prompt: Range[str, 1, 6000],
        negative_prompt: Range[str, 0, MAX_PROMPT_CHARS] | None = None,
        model: str | None = None,
        aspect: str | None = None,
        width: Range[int, MIN_SIDE, MAX_SIDE] | None = None,
        height: Range[int, MIN_SIDE, MAX_SIDE] | None = None,
        frames: Range[int, MIN_FRAMES, MAX_FRAMES] | None = None,
        fps: Range[int, MIN_FPS, MAX_FPS] | None = None,
        steps: Range[int, 1, MAX_STEPS] | None = None,
        guidance_scale: Range[float, 1.0, MAX_GUIDANCE] | None = None,
        seed: Range[int, -1, MAX_SEED] | None = None,
        scheduler: str | None = None,
        clip_skip: Range[int, 1, MAX_CLIP_SKIP] | None = None,
        closed_loop: bool | None = None,  # noqa: FBT001 - an option
        loras: str | None = None,
        embeddings: str | None = None,
        image: discord.Attachment | None = None,
        strength: Range[float, 0.0, 1.0] | None = None,
        enhance_prompt: bool | None = None,  # noqa: FBT001 - an option
        format: str | None = None,  # noqa: A002 - the request's name for it
        quality: str | None = None,
        provider: str | None = None,
    ) -> None:
        """Queue a video."""
        options = VideoOptions(
            prompt=prompt,
            negative_prompt=negative_prompt,
            model=model,
            aspect=aspect,
            width=width,
            height=height,
            frames=frames,
            fps=fps,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
            scheduler=scheduler,
            clip_skip=clip_skip,
            closed_loop=closed_loop,
            loras=loras,
            embeddings=embeddings,
            strength=strength,
            enhance_prompt=enhance_prompt,
            format=format,
            quality=quality,
            provider=provider,
        )
        await self._desk.ask(interaction, options.request(), image)

    @video.autocomplete("model")
    async def complete_model(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete a model's id."""
        catalogue = self._desk.service.catalogue
        return completion.complete_models(catalogue, current, picked_provider(interaction))

    @video.autocomplete("loras")
    async def complete_loras(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete the last LoRA of the list."""
        catalogue = self._desk.service.catalogue
        return completion.complete_loras(catalogue, current, picked_provider(interaction))

    @video.autocomplete("embeddings")
    async def complete_embeddings(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete the last embedding of the list."""
        catalogue = self._desk.service.catalogue
        return completion.complete_embeddings(catalogue, current, picked_provider(interaction))


def picked_provider(interaction: discord.Interaction) -> str | None:
    """Return the provider that was picked already, while another option is typed."""
    return interaction.namespace.provider
