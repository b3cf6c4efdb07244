"""Every field of a request can be asked for in `/video`, and completion stays within limits."""

from typing import Any

import discord
import pytest
from discord import app_commands

from bot.sandbox.rules.commands import check_command
from cogs.completion import (
    complete_embeddings,
    complete_jobs,
    complete_last,
    complete_loras,
    complete_models,
)
from cogs.options import VideoOptions
from cogs.video import VideoCog
from jobs.errors import RequestError
from jobs.request import LoraUse, ProviderName, Scheduler, VideoRequest
from providers.registry import Registry
from tests.factories import make_job, make_request
from tests.fakes.provider import FakeProvider


def payload() -> dict[str, object]:
    client = discord.Client(intents=discord.Intents.none())
    return VideoCog.video.to_dict(app_commands.CommandTree(client))


def test_video_is_a_command_that_discord_registers() -> None:
    command = payload()
    check_command((), command)  # 8000 characters, 25 options, 100 characters each
    options = command["options"]
    assert isinstance(options, list)
    assert len(options) == 22


def test_every_field_of_a_request_is_an_option() -> None:
    asked = set(VideoRequest.model_fields) - {"segments"} | {"prompt"}
    assert {parameter.name for parameter in VideoCog.video.parameters} == asked


def test_every_option_reaches_the_request() -> None:
    request = VideoOptions(
        prompt="a seed | 24: a sprout",
        negative_prompt="text",
        model="shapes",
        aspect="wide",
        width=256,
        height=128,
        frames=40,
        fps=12,
        steps=9,
        guidance_scale=3.5,
        seed=-1,
        scheduler="DDIMScheduler",
        clip_skip=2,
        closed_loop=True,
        loras="sketch:0.5, toon",
        embeddings="badhands, good",
        strength=0.3,
        enhance_prompt=True,
        format="gif",
        quality="best",
        provider="local",
    ).request()
    told = request.model_dump(mode="json", exclude_defaults=True)
    assert set(told) == set(VideoRequest.model_fields) - {"image"}
    assert request.scheduler is Scheduler.DDIM
    assert [segment.frames for segment in request.segments] == [None, 24]
    assert request.loras == (LoraUse(id="sketch", strength=0.5), LoraUse(id="toon"))


def test_options_left_alone_leave_the_defaults_to_the_model() -> None:
    request = VideoOptions(prompt="a cat").request()
    assert request == VideoRequest(segments=request.segments)


@pytest.mark.parametrize("field", ["aspect", "scheduler", "format", "quality", "provider"])
def test_a_forged_choice_is_refused_with_the_real_ones(field: str) -> None:
    options: dict[str, Any] = {"prompt": "a cat", field: "\n@everyone"}
    with pytest.raises(RequestError, match=f"`{field}` must be one of") as refused:
        VideoOptions(**options).request()
    assert refused.value.field == field
    assert "everyone" not in refused.value.user_message


def test_completion_keeps_the_earlier_items_and_offers_each_once() -> None:
    names = ["sketch", "toon", "tooth"]
    values = [choice.value for choice in complete_last(names, "sketch:0.5, to")]
    assert values == ["sketch:0.5, toon", "sketch:0.5, tooth"]
    assert [choice.value for choice in complete_last(names, "toon, ")] == [
        "toon, sketch",
        "toon, tooth",
    ]
    assert [choice.value for choice in complete_last(names, "toon:0.")] == ["toon:0."]


def test_completion_never_answers_more_than_discord_takes() -> None:
    names = [f"{n:03d}{'x' * 60}" for n in range(200)] + ["y" * 101]
    choices = complete_last(names, "")
    assert len(choices) == 25
    assert complete_last(names, "z" * 90 + ", ") == []
    jobs = [make_job(request=make_request(prompt="p" * 1024)) for _ in range(30)]
    assert len(complete_jobs(jobs, "")) == 25
    assert all(len(choice.name) <= 100 for choice in complete_jobs(jobs, ""))


def test_completion_asks_only_the_picked_provider() -> None:
    catalogue = Registry(providers=[FakeProvider()], default=ProviderName.LOCAL)
    assert [choice.value for choice in complete_models(catalogue, "SHA")] == ["shapes"]
    assert complete_models(catalogue, "", "novita") == []
    assert [choice.value for choice in complete_loras(catalogue, "sk")] == ["sketch"]
    assert [choice.value for choice in complete_embeddings(catalogue, "")] == ["badhands"]
