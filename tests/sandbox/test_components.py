"""Components V2 and the older components: what a message may hold, and what a reader sees."""

import io
from typing import Any

import discord
import pytest
from discord import ui

from bot.sandbox import RateLimits, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

V2 = 1 << 15


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


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


def select(kind: int = 3, **fields: object) -> dict[str, Any]:
    given = {"options": [option("a"), option("b")]} if kind == 3 else {}
    return {"type": kind, "custom_id": "s"} | given | fields


def option(value: str, **fields: object) -> dict[str, Any]:
    return {"label": value, "value": value} | fields


def section(*texts: dict[str, Any], accessory: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": 9, "components": list(texts), "accessory": accessory or button("section")}


def gallery(*urls: str, **fields: object) -> dict[str, Any]:
    return {"type": 12, "items": [{"media": {"url": url}} | fields for url in urls]}


def container(*components: dict[str, Any], **fields: object) -> dict[str, Any]:
    return {"type": 17, "components": list(components)} | fields


def user(kind: str = "user") -> dict[str, str]:
    return {"id": "1", "type": kind}


PICTURE = "https://example.org/a.png"
THUMBNAIL = {"type": 11, "media": {"url": PICTURE}}

GOOD: list[dict[str, Any]] = [
    text("x" * 4000),
    gallery(*[PICTURE] * 10, description="x" * 1024),
    section(*[text("x")] * 3, accessory=THUMBNAIL),
    {"type": 14, "spacing": 2, "divider": False},
    container(section(text("x")), row(button()), gallery(PICTURE), accent_color=0xFFFFFF),
    row({"type": 2, "style": 5, "label": "A", "url": "discord://-/users/@me"}),
    row({"type": 2, "style": 6, "sku_id": "123"}),
    row({"type": 2, "style": 4, "emoji": {"name": "x"}, "custom_id": "c" * 100}),
    row(button() | {"label": "x" * 80}),
    row(*[button(str(n)) for n in range(5)]),
    row(select(placeholder="x" * 150, min_values=0, max_values=25)),
    row(select(options=[option(str(n), description="x" * 100) for n in range(25)])),
    row(select(options=[option("a", default=True), option("b", default=True)], max_values=2)),
    row(select(5, default_values=[user()])),
    row(select(7, default_values=[user(), user("role")], max_values=2)),
    text("x") | {"id": 2**31 - 1},
    text("x") | {"id": 0},
]

BAD: list[tuple[dict[str, Any], str]] = [
    # Where it stands
    (container(container(text("x"))), "type"),
    (button(), "type"),
    (THUMBNAIL, "type"),
    (section(button("a")), "type"),
    (section(text("x"), accessory=text("x")), "type"),
    (row(text("x")), "type"),
    ({"type": 18}, "type"),
    # How many
    (row(), "components"),
    (row(*[button(str(n)) for n in range(6)]), "components"),
    (row(select(), button()), "components"),
    (section(), "components"),
    (section(*[text("x")] * 4), "components"),
    (container(), "components"),
    (gallery(), "items"),
    (gallery(*[PICTURE] * 11), "items"),
    # What is in it
    (text(""), "content"),
    (text("x") | {"id": -1}, "id"),
    (text("x") | {"id": 2**31}, "id"),
    ({"type": 9, "components": [text("x")]}, "accessory"),
    (gallery(PICTURE, description="x" * 1025), "description"),
    (gallery("ftp://example.org/a.png"), "url"),
    (gallery(PICTURE + "x" * 2048), "url"),
    (gallery("attachment://absent.mp4"), "components"),
    ({"type": 13, "file": {"url": PICTURE}}, "url"),
    ({"type": 14, "spacing": 3}, "spacing"),
    (container(text("x"), accent_color=0x1000000), "accent_color"),
    # Buttons
    (row({"type": 2, "label": "A", "custom_id": "a"}), "style"),
    (row({"type": 2, "style": 7, "label": "A", "custom_id": "a"}), "style"),
    (row(button("")), "custom_id"),
    (row(button("x" * 101)), "custom_id"),
    (row(button() | {"label": "x" * 81}), "label"),
    (row({"type": 2, "style": 1, "custom_id": "a"}), "BUTTON_COMPONENT_MISSING_LABEL"),
    (row(button() | {"emoji": {"name": ""}}), "emoji"),
    (row(button() | {"url": PICTURE}), "url"),
    (row(button() | {"sku_id": "1"}), "sku_id"),
    (row({"type": 2, "style": 5, "label": "A"}), "url"),
    (row({"type": 2, "style": 5, "label": "A", "url": PICTURE, "custom_id": "a"}), "custom_id"),
    (row({"type": 2, "style": 5, "label": "A", "url": "javascript:alert(1)"}), "url"),
    (row({"type": 2, "style": 5, "label": "A", "url": PICTURE + "x" * 512}), "url"),
    (row({"type": 2, "style": 6}), "sku_id"),
    (row({"type": 2, "style": 6, "sku_id": "1", "label": "A"}), "label"),
    # Selects
    (row(select(custom_id="")), "custom_id"),
    (row(select(custom_id="x" * 101)), "custom_id"),
    (row(select(placeholder="x" * 151)), "placeholder"),
    (row(select(min_values=-1)), "min_values"),
    (row(select(min_values=26, max_values=25)), "min_values"),
    (row(select(max_values=0)), "max_values"),
    (row(select(max_values=26)), "max_values"),
    (row(select(min_values=2)), "min_values"),
    (row(select(options=[])), "options"),
    (row(select(options=[option(str(n)) for n in range(26)])), "options"),
    (row(select(options=[option("a"), option("a")])), "options"),
    (row(select(options=[option("a", default=True), option("b", default=True)])), "options"),
    (row(select(options=[option("a", label="")])), "label"),
    (row(select(options=[option("x" * 101, label="a")])), "value"),
    (row(select(options=[option("a", description="x" * 101)])), "description"),
    (row(select(5, default_values=[user("role")])), "type"),
    (row(select(5, default_values=[user(), user()])), "default_values"),
]


@pytest.mark.parametrize("component", GOOD)
async def test_a_component_as_documented_is_accepted(
    sandbox: Sandbox, rest: Rest, component: dict[str, Any]
) -> None:
    status, body = await post(sandbox, rest, components=[component], flags=V2)
    assert status == 200, body


@pytest.mark.parametrize(("component", "wrong"), BAD)
async def test_a_component_that_is_not_as_documented_is_refused(
    sandbox: Sandbox, rest: Rest, component: dict[str, Any], wrong: str
) -> None:
    status, body = await post(sandbox, rest, components=[component], flags=V2)
    assert (status, body["code"]) == (400, 50035)
    assert wrong in told(body["errors"])


def told(errors: dict[str, Any]) -> str:
    """Follow the errors to their end: the field that is wrong, or a code about the whole."""
    place = ""
    while "_errors" not in errors:
        place, errors = next(iter(errors.items()))
    return errors["_errors"][0]["code"] if place.isdecimal() else place


async def test_ids_and_custom_ids_are_used_once(sandbox: Sandbox, rest: Rest) -> None:
    for twice in (
        [row(button("a"), button("a"))],
        [row(button("a")), section(text("x"), accessory=button("a"))],
        [text("x") | {"id": 1}, container(text("y") | {"id": 1})],
    ):
        status, body = await post(sandbox, rest, components=twice, flags=V2)
        assert (status, body["code"]) == (400, 50035)
    components = [text("a"), text("b") | {"id": 1}, container(text("c")) | {"id": 0}]
    _, body = await post(sandbox, rest, components=components, flags=V2)
    assert [component["id"] for component in body["components"]] == [2, 1, 3]


async def test_legacy_rows_are_five_and_nothing_else(sandbox: Sandbox, rest: Rest) -> None:
    async def status(*components: dict[str, Any]) -> int:
        return (await post(sandbox, rest, content="x", components=list(components)))[0]

    assert await status(*[row(button(str(n))) for n in range(5)]) == 200
    assert await status(*[row(button(str(n))) for n in range(6)]) == 400
    assert await status(text("without the flag")) == 400


async def test_polls_and_stickers_have_no_place_beside_components_v2(
    sandbox: Sandbox, rest: Rest
) -> None:
    for name, value in (
        ("embeds", [{"title": "x"}]),
        ("sticker_ids", ["1"]),
        ("poll", {"question": {"text": "x"}}),
    ):
        more = {name: value}
        status, body = await post(sandbox, rest, components=[text("x")], flags=V2, **more)
        assert (status, list(body["errors"])) == (400, [name])


async def test_components_v2_need_components(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    for files in ([], [b"a file that nothing shows"]):
        status, body = await rest("POST", path, {"flags": V2}, files=files)
        assert (status, body["code"]) == (400, 50006)


async def test_a_file_that_a_component_shows_is_not_among_the_attachments(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.MediaGallery(discord.MediaGalleryItem("attachment://a.mp4")))
    files = [discord.File(io.BytesIO(b"v"), name) for name in ("a.mp4", "b.mp4")]
    target = bot.get_partial_messageable(int(sandbox.channel.id))
    message = await target.send(view=view, files=files)
    assert [file.filename for file in message.attachments] == ["b.mp4"]
    message = await message.edit(view=view)
    stored = sandbox.world.messages[str(message.id)]
    assert [file.filename for file in stored.attachments] == ["a.mp4", "b.mp4"]
    assert [file.filename for file in stored.shown_attachments] == ["a.mp4"]


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
