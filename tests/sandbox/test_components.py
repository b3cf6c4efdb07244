"""Components V2 and the older components: what a message may hold, and what a reader sees."""

import io
from typing import Any

import discord
import pytest
from discord import ui

from bot.sandbox import Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

V2 = 1 << 15


def text(content: str) -> dict[str, Any]:
    return {"type": 10, "content": content}


def row(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(buttons)}


def button(custom_id: str = "a") -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "A", "custom_id": custom_id}


async def post(sandbox: Sandbox, rest: Rest, **message: object) -> tuple[int, Any]:
    return await rest("POST", f"/channels/{sandbox.channel.id}/messages", message)


async def test_a_card_says_shows_and_offers_what_its_components_hold(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    view = ui.LayoutView(timeout=None)
    gallery = discord.MediaGalleryItem("attachment://red.mp4", description="a red circle")
    container = ui.Container[ui.LayoutView](
        ui.TextDisplay("## Done"),
        ui.MediaGallery(gallery),
        ui.Section("seed 7", accessory=ui.Button(label="Again", custom_id="again")),
        ui.ActionRow(ui.Button(label="Open", url="https://example.org")),
    )
    view.add_item(container)
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.defer(thinking=True)
    files = [discord.File(io.BytesIO(b"v"), name) for name in ("red.mp4", "unseen.mp4")]
    edited = await received.edit_original_response(view=view, attachments=files)
    card = sandbox.world.messages[str(edited.id)]
    assert card.text == "## Done\nseed 7"
    assert [(b.label, b.custom_id, b.url) for b in card.buttons] == [
        ("Again", "again", None),
        ("Open", None, "https://example.org"),
    ]
    assert [file.filename for file in card.shown_attachments] == ["red.mp4"]
    assert [file.filename for file in card.attachments] == ["red.mp4", "unseen.mp4"]
    shown = edited.components[0]
    assert isinstance(shown, discord.Container)
    media = shown.children[1]
    assert isinstance(media, discord.MediaGalleryComponent)
    assert media.items[0].media.url.startswith("https://cdn.discordapp.com/attachments/")


async def test_components_v2_exclude_content_and_cannot_be_taken_back(
    sandbox: Sandbox, rest: Rest
) -> None:
    status, body = await post(sandbox, rest, content="old", components=[text("new")], flags=V2)
    assert (status, body["code"]) == (400, 50035)
    assert "content" in body["errors"]
    status, body = await post(sandbox, rest, components=[text("new")], flags=V2)
    assert status == 200
    path = f"/channels/{sandbox.channel.id}/messages/{body['id']}"
    status, body = await rest("PATCH", path, {"content": "old", "components": [], "flags": 0})
    assert (status, body["code"]) == (400, 50035)
    status, body = await rest("PATCH", path, {"flags": 0, "components": [text("newer")]})
    assert (status, body["flags"] & V2) == (200, V2)


async def test_an_old_message_becomes_components_only_without_its_content(
    sandbox: Sandbox, rest: Rest
) -> None:
    _, body = await post(sandbox, rest, content="old")
    path = f"/channels/{sandbox.channel.id}/messages/{body['id']}"
    edit = {"components": [text("new")], "flags": V2}
    assert (await rest("PATCH", path, edit))[0] == 400
    assert (await rest("PATCH", path, edit | {"content": None}))[0] == 200


async def test_40_components_and_4000_characters_are_the_most(sandbox: Sandbox, rest: Rest) -> None:
    async def accepted(*components: dict[str, Any]) -> bool:
        status, _ = await post(sandbox, rest, components=list(components), flags=V2)
        return status == 200

    assert await accepted(*[text("x")] * 40)
    assert not await accepted(*[text("x")] * 41)
    assert not await accepted({"type": 17, "components": [text("x")] * 40})
    assert await accepted(text("x" * 2000), text("x" * 2000))
    assert not await accepted(text("x" * 2000), text("x" * 2001))


@pytest.mark.parametrize(
    "component",
    [
        {"type": 17, "components": [{"type": 17, "components": [text("x")]}]},
        {"type": 12, "items": []},
        {"type": 12, "items": [{"media": {"url": "attachment://absent.mp4"}}]},
        {"type": 13, "file": {"url": "https://example.org/video.mp4"}},
        {"type": 9, "components": [text("x")]},
        {"type": 10, "content": ""},
        button(),
    ],
)
async def test_a_component_out_of_place_or_incomplete_is_refused(
    sandbox: Sandbox, rest: Rest, component: dict[str, Any]
) -> None:
    status, body = await post(sandbox, rest, components=[component], flags=V2)
    assert (status, body["code"]) == (400, 50035)


@pytest.mark.parametrize(
    "components",
    [
        [row(button("x" * 101))],
        [row(button("a"), button("a"))],
        [row(*[button(str(n)) for n in range(6)])],
        [row(button(str(n))) for n in range(6)],
        [row({"type": 2, "style": 5, "label": "A", "custom_id": "a"})],
        [row({"type": 2, "style": 1, "custom_id": "a"})],
        [row({"type": 3, "custom_id": "s", "options": [{"label": "x", "value": "x"}] * 26})],
        [text("no components of the newer kind without the flag")],
    ],
)
async def test_a_row_holds_only_what_discord_allows(
    sandbox: Sandbox, rest: Rest, components: list[dict[str, Any]]
) -> None:
    status, body = await post(sandbox, rest, content="x", components=components)
    assert (status, body["code"]) == (400, 50035)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "x" * 2001},
        {"embeds": [{"description": "x" * 4097}]},
        {"embeds": [{"title": "x"}] * 11},
    ],
)
async def test_a_text_that_is_too_long_is_refused(
    sandbox: Sandbox, rest: Rest, message: dict[str, Any]
) -> None:
    status, body = await post(sandbox, rest, **message)
    assert (status, body["code"]) == (400, 50035)


async def test_an_empty_message_is_refused(sandbox: Sandbox, rest: Rest) -> None:
    status, body = await post(sandbox, rest, content="")
    assert (status, body["code"]) == (400, 50006)


async def test_a_message_is_shown_as_plain_text(sandbox: Sandbox, bot: LoungeBot) -> None:
    asked = sandbox.world.say(sandbox.ben, sandbox.channel, "a red circle, please")
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Again", custom_id="again"))
    file = discord.File(io.BytesIO(b"x" * 20_000), "red.mp4", description="a red circle")
    target = bot.get_partial_messageable(int(sandbox.channel.id))
    reply = await target.get_partial_message(int(asked.id)).reply("Done.", file=file, view=view)
    shown = sandbox.render(sandbox.world.messages[str(reply.id)])
    assert shown.split("\n")[1:] == [
        "  > replying to ben: a red circle, please",
        "  Done.",
        "  [file] red.mp4 (video/mp4, 20 kB): a red circle",
        "  [Again]",
    ]
