"""What a request must be made of: another type is refused in Discord's words, nothing changes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox import RateLimits, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

BUTTON = {"type": 2, "style": 1, "label": "x", "custom_id": "a"}
LINK = {"type": 2, "style": 5, "label": "x"}


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


def row(*components: object) -> dict[str, object]:
    return {"type": 1, "components": [*components]}


def places(errors: Any, path: str = "") -> list[str]:
    """List each place of a refusal with its code, e.g. `embeds.0.color NUMBER_TYPE_MAX`."""
    if "_errors" in errors:
        return [f"{path} {error['code']}" for error in errors["_errors"]]
    inner = [(f"{path}.{key}".strip("."), value) for key, value in errors.items()]
    return [place for deeper, value in inner for place in places(value, deeper)]


MESSAGES: list[tuple[dict[str, object], str]] = [
    ({"content": 7}, "content STRING_TYPE_CONVERT"),
    ({"content": ["x"]}, "content STRING_TYPE_CONVERT"),
    ({"tts": "yes"}, "tts BOOLEAN_TYPE_CONVERT"),
    ({"flags": "x"}, "flags NUMBER_TYPE_COERCE"),
    ({"flags": 1.5}, "flags NUMBER_TYPE_COERCE"),
    ({"flags": True}, "flags NUMBER_TYPE_COERCE"),
    ({"flags": -1}, "flags NUMBER_TYPE_MIN"),
    ({"nonce": ["x"]}, "nonce NUMBER_TYPE_COERCE"),
    ({"allowed_mentions": []}, "allowed_mentions DICT_TYPE_CONVERT"),
    ({"allowed_mentions": {"parse": True}}, "allowed_mentions.parse LIST_TYPE_CONVERT"),
    ({"allowed_mentions": {"parse": [[]]}}, "allowed_mentions.parse.0 STRING_TYPE_CONVERT"),
    ({"allowed_mentions": {"users": "1"}}, "allowed_mentions.users LIST_TYPE_CONVERT"),
    ({"allowed_mentions": {"users": ["ana"]}}, "allowed_mentions.users.0 NUMBER_TYPE_COERCE"),
    ({"allowed_mentions": {"users": ["9" * 5000]}}, "allowed_mentions.users.0 NUMBER_TYPE_COERCE"),
    ({"message_reference": "1"}, "message_reference DICT_TYPE_CONVERT"),
    ({"message_reference": {"message_id": {}}}, "message_reference.message_id NUMBER_TYPE_COERCE"),
    ({"sticker_ids": {"a": 1}}, "sticker_ids LIST_TYPE_CONVERT"),
    ({"attachments": [None]}, "attachments.0 DICT_TYPE_CONVERT"),
    ({"attachments": [{"id": []}]}, "attachments.0.id NUMBER_TYPE_COERCE"),
    ({"embeds": {"title": "x"}}, "embeds LIST_TYPE_CONVERT"),
    ({"embeds": ["x"]}, "embeds.0 DICT_TYPE_CONVERT"),
    ({"embeds": [{}]}, "embeds.0.description BASE_TYPE_REQUIRED"),
    ({"embeds": [{"color": 1}]}, "embeds.0.description BASE_TYPE_REQUIRED"),
    ({"embeds": [{"title": "x", "color": 2**24}]}, "embeds.0.color NUMBER_TYPE_MAX"),
    ({"embeds": [{"title": "x", "color": -1}]}, "embeds.0.color NUMBER_TYPE_MIN"),
    ({"embeds": [{"timestamp": "noon"}]}, "embeds.0.timestamp DATE_TIME_TYPE_PARSE"),
    ({"embeds": [{"url": "ftp://x"}]}, "embeds.0.url URL_TYPE_INVALID_SCHEME"),
    ({"embeds": [{"url": "attachment://x"}]}, "embeds.0.url URL_TYPE_INVALID_SCHEME"),
    ({"embeds": [{"image": {"url": "http://["}}]}, "embeds.0.image.url URL_TYPE_INVALID_URL"),
    ({"embeds": [{"fields": [{"inline": 1}]}]}, "embeds.0.fields.0.inline BOOLEAN_TYPE_CONVERT"),
    ({"components": {}}, "components LIST_TYPE_CONVERT"),
    ({"components": [[]]}, "components.0 DICT_TYPE_CONVERT"),
    ({"components": [{"type": "x"}]}, "components.0.type NUMBER_TYPE_COERCE"),
    ({"components": [{"type": True}]}, "components.0.type NUMBER_TYPE_COERCE"),
    ({"components": [row(BUTTON | {"id": []})]}, "components.0.components.0.id NUMBER_TYPE_COERCE"),
    (
        {"components": [row(BUTTON | {"custom_id": ["a"]})]},
        "components.0.components.0.custom_id STRING_TYPE_CONVERT",
    ),
    (
        {"components": [row(LINK | {"url": "http://["})]},
        "components.0.components.0.url URL_TYPE_INVALID_URL",
    ),
    (
        {"components": [row(LINK | {"url": "https://"})]},
        "components.0.components.0.url URL_TYPE_INVALID_URL",
    ),
]


@pytest.mark.parametrize(("change", "expected"), MESSAGES)
async def test_a_message_of_wrong_types_is_refused_where_it_is_wrong(
    sandbox: Sandbox, rest: Rest, change: dict[str, object], expected: str
) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    status, body = await rest("POST", path, {"content": "x"} | change)
    assert (status, body["code"], places(body["errors"])) == (400, 50035, [expected])
    assert not sandbox.channel.messages
    _, sent = await rest("POST", path, {"content": "x"})
    status, body = await rest("PATCH", f"{path}/{sent['id']}", change)
    assert (status, places(body["errors"])) == (400, [expected])


@pytest.fixture
async def unjudged(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Open a sandbox without a referee, who knows no unknown keys."""
    async with Sandbox.open(tmp_path / "unjudged", rate_limits=RateLimits.roomy()) as opened:
        yield opened


async def test_ids_may_be_numbers_null_is_nothing_and_unknown_keys_are_ignored(
    unjudged: Sandbox,
) -> None:
    sandbox = unjudged
    path = f"/channels/{sandbox.channel.id}/messages"
    allowed = {"users": [int(sandbox.ana.id), sandbox.ben.id], "roles": None, "friends": [[]]}
    button = BUTTON | {"emoji": {"id": 17, "name": "x"}, "sku_id": None, "colour": []}
    message = {
        "content": f"{sandbox.ana.mention} {sandbox.ben.mention}",
        "allowed_mentions": allowed,
        "embeds": None,
        "components": [row(button) | {"accessory": {"type": 99}}],
        "unknown": {"deep": [1e3]},
    }
    headers = {"Authorization": f"Bot {sandbox.token}"}
    async with (
        aiohttp.ClientSession(sandbox.http_url, headers=headers) as session,
        session.post(f"/api/v10{path}", json=message) as response,
    ):
        status, body = response.status, await response.json()
    assert status == 200
    assert sandbox.channel.messages[body["id"]].pings == {sandbox.ana.id, sandbox.ben.id}
    (shown,) = body["components"]
    assert shown.keys() == {"type", "id", "components"}
    assert "colour" not in shown["components"][0]


CALLBACKS: list[tuple[object, str]] = [
    ({"type": "4"}, "type NUMBER_TYPE_COERCE"),
    ({"type": [4]}, "type NUMBER_TYPE_COERCE"),
    ({"type": 4, "data": "x"}, "data DICT_TYPE_CONVERT"),
    ({"type": 4, "data": {"flags": {}}}, "data.flags NUMBER_TYPE_COERCE"),
    ({"type": 5, "data": {"flags": "64"}}, "data.flags NUMBER_TYPE_COERCE"),
    ({"type": 9, "data": {"title": []}}, "data.title STRING_TYPE_CONVERT"),
    ({"type": 8, "data": {"choices": {}}}, "data.choices LIST_TYPE_CONVERT"),
]


async def test_an_acknowledgement_of_wrong_types_is_refused_and_can_be_made_good(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    interaction = await sandbox.slash(sandbox.ana, sandbox.channel, "/video prompt:x")
    await bot.uses.get()
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    for payload, expected in CALLBACKS:
        status, body = await rest("POST", path, payload)
        assert (status, places(body["errors"])) == (400, [expected])
    assert (await rest("POST", path, {"type": 5}))[0] == 204


def command(**fields: object) -> dict[str, object]:
    return {"name": "x", "description": "x"} | fields


def option(**fields: object) -> dict[str, object]:
    return command(options=[command(type=3) | fields])


COMMANDS: list[tuple[object, str]] = [
    (command(type="1"), "0.type NUMBER_TYPE_COERCE"),
    (command(type=[]), "0.type NUMBER_TYPE_COERCE"),
    (command(name=7), "0.name STRING_TYPE_CONVERT"),
    (command(name_localizations=["de"]), "0.name_localizations DICT_TYPE_CONVERT"),
    (command(contexts=0), "0.contexts LIST_TYPE_CONVERT"),
    (command(contexts=[[]]), "0.contexts.0 NUMBER_TYPE_COERCE"),
    (command(nsfw=1), "0.nsfw BOOLEAN_TYPE_CONVERT"),
    (
        command(default_member_permissions="9" * 5000),
        "0.default_member_permissions NUMBER_TYPE_COERCE",
    ),
    (option(choices="x"), "0.options.0.choices LIST_TYPE_CONVERT"),
    (
        option(choices=[{"name": "x", "value": ["x"]}]),
        "0.options.0.choices.0.value NUMBER_TYPE_COERCE",
    ),
    (option(type=7, channel_types=True), "0.options.0.channel_types LIST_TYPE_CONVERT"),
    (option(type=7, channel_types=[{}]), "0.options.0.channel_types.0 NUMBER_TYPE_COERCE"),
    (option(type=10, min_value="1"), "0.options.0.min_value NUMBER_TYPE_COERCE"),
    ("x", "0 DICT_TYPE_CONVERT"),
    (None, "0 DICT_TYPE_CONVERT"),
]


@pytest.mark.parametrize(("wrong", "expected"), COMMANDS)
async def test_a_command_of_wrong_types_is_refused_and_the_others_stay(
    sandbox: Sandbox, rest: Rest, wrong: object, expected: str
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    await rest("PUT", path, [command(name="kept")])
    status, body = await rest("PUT", path, [wrong])
    assert (status, places(body["errors"])) == (400, [expected])
    assert [one["name"] for one in (await rest("GET", path))[1]] == ["kept"]


@pytest.mark.parametrize("wrong", [{}, {"name": "x"}, "x", 7, None])
async def test_a_bulk_overwrite_that_is_no_list_changes_nothing(
    sandbox: Sandbox, rest: Rest, wrong: object
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    await rest("PUT", path, [command(name="kept")])
    status, body = await rest("PUT", path, wrong)
    assert (status, body["errors"]["_errors"][0]["code"]) == (400, "LIST_TYPE_CONVERT")
    assert [one["name"] for one in (await rest("GET", path))[1]] == ["kept"]


async def test_a_thread_of_wrong_types_is_refused(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.channel.id}/threads"
    for wrong, expected in (
        ({"name": ["x"]}, "name STRING_TYPE_CONVERT"),
        ({"auto_archive_duration": [60]}, "auto_archive_duration NUMBER_TYPE_COERCE"),
        ({"rate_limit_per_user": "5"}, "rate_limit_per_user NUMBER_TYPE_COERCE"),
    ):
        status, body = await rest("POST", path, {"name": "x", "type": 11} | wrong)
        assert (status, places(body["errors"])) == (400, [expected])


async def test_a_list_is_asked_for_in_numbers_that_make_sense(sandbox: Sandbox, rest: Rest) -> None:
    messages, threads = (f"/channels/{sandbox.channel.id}/{one}" for one in ("messages", "threads"))
    for query, expected in (
        (f"{messages}?limit=0", "limit NUMBER_TYPE_MIN"),
        (f"{messages}?limit=101", "limit NUMBER_TYPE_MAX"),
        (f"{messages}?limit={'9' * 5000}", "limit NUMBER_TYPE_COERCE"),
        (f"{messages}?limit=%D9%A1", "limit NUMBER_TYPE_COERCE"),
        (f"{messages}?before={'9' * 5000}", "before NUMBER_TYPE_COERCE"),
        (f"{threads}/archived/public?limit=1", "limit NUMBER_TYPE_MIN"),
        (f"{threads}/archived/public?limit=ten", "limit NUMBER_TYPE_COERCE"),
        (f"{threads}/archived/public?before=noon", "before DATE_TIME_TYPE_PARSE"),
    ):
        status, body = await rest("GET", query)
        assert (status, places(body["errors"])) == (400, [expected]), query
