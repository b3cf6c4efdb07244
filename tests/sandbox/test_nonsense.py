"""Whatever JSON a bot sends, the sandbox answers it, and what it takes breaks nothing later."""

import copy
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox import RateLimits, Sandbox

EMBED = {
    "title": "t",
    "color": 1,
    "timestamp": "2026-01-01T00:00:00Z",
    "url": "https://example.org",
    "footer": {"text": "x", "icon_url": "https://example.org/a.png"},
    "image": {"url": "attachment://a.png"},
    "fields": [{"name": "a", "value": "b", "inline": True}],
}
BUTTON = {
    "type": 2,
    "id": 2,
    "style": 1,
    "custom_id": "a",
    "label": "x",
    "emoji": {"id": "1", "name": "x"},
    "disabled": False,
}
CHOICE = {"label": "a", "value": "b", "default": True, "emoji": {"name": "e"}}
SELECT = {"type": 3, "custom_id": "s", "min_values": 1, "max_values": 1, "options": [CHOICE]}
PEOPLE = {"type": 5, "custom_id": "u", "default_values": [{"id": "1", "type": "user"}]}
MESSAGE = {
    "content": "hi <@1>",
    "nonce": "n",
    "tts": False,
    "flags": 0,
    "allowed_mentions": {"parse": ["users"], "roles": ["1"], "replied_user": True},
    "embeds": [EMBED],
    "message_reference": {"message_id": "1", "fail_if_not_exists": False},
    "components": [
        {"type": 1, "id": 1, "components": [BUTTON]},
        {"type": 1, "components": [SELECT]},
        {"type": 1, "components": [PEOPLE]},
    ],
    "attachments": [],
    "sticker_ids": [],
}
THUMBNAIL = {"type": 11, "media": {"url": "https://example.org"}, "description": "d"}
SHOWN = [
    {"type": 10, "content": "hi"},
    {"type": 9, "components": [{"type": 10, "content": "x"}], "accessory": THUMBNAIL},
    {"type": 12, "items": [{"media": {"url": "https://example.org"}, "spoiler": False}]},
    {"type": 14, "divider": True, "spacing": 1},
    {"type": 1, "components": [BUTTON]},
]
V2 = {
    "flags": 32768,
    "components": [{"type": 17, "accent_color": 1, "spoiler": False, "components": SHOWN}],
}
OPTIONS = [
    {
        "type": 3,
        "name": "a",
        "description": "d",
        "required": True,
        "choices": [{"name": "n", "value": "v", "name_localizations": {"de": "x"}}],
    },
    {"type": 4, "name": "b", "description": "d", "min_value": 1, "max_value": 10},
    {"type": 10, "name": "c", "description": "d", "min_value": 1.5},
    {"type": 7, "name": "e", "description": "d", "channel_types": [0]},
]
COMMAND = {
    "name": "video",
    "description": "d",
    "type": 1,
    "name_localizations": {"de": "x"},
    "default_member_permissions": "8",
    "contexts": [0],
    "integration_types": [0],
    "nsfw": False,
    "options": OPTIONS,
}
DEEP_OPTION = {"type": 1, "name": "s", "description": "d", "options": OPTIONS}
GROUP = {"type": 2, "name": "g", "description": "d", "options": [DEEP_OPTION]}
INPUT = {"type": 4, "custom_id": "a", "style": 1, "min_length": 1, "max_length": 5, "value": "x"}
MODAL = {
    "title": "t",
    "custom_id": "c",
    "components": [
        {"type": 18, "label": "l", "component": INPUT},
        {"type": 18, "label": "l", "component": SELECT},
        {"type": 18, "label": "l", "component": PEOPLE},
        {"type": 18, "label": "l", "component": {"type": 19, "custom_id": "f", "min_values": 1}},
    ],
}
THREAD = {"name": "t", "type": 11, "auto_archive_duration": 60, "rate_limit_per_user": 0}

REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/channels/{channel}/messages", MESSAGE),
    ("POST", "/channels/{channel}/messages", V2),
    ("PATCH", "/channels/{channel}/messages/{message}", MESSAGE),
    ("PUT", "/applications/{bot}/commands", [COMMAND]),
    ("POST", "/applications/{bot}/commands", COMMAND),
    ("POST", "/applications/{bot}/commands", {"name": "x", "description": "d", "options": [GROUP]}),
    ("POST", "/channels/{channel}/threads", THREAD),
    ("POST", "/channels/{channel}/messages/{message}/threads", THREAD),
    ("POST", "/interactions/{interaction}/callback", {"type": 4, "data": MESSAGE}),
    ("POST", "/interactions/{interaction}/callback", {"type": 4, "data": V2}),
    ("POST", "/interactions/{interaction}/callback", {"type": 5, "data": {"flags": 64}}),
    ("POST", "/interactions/{interaction}/callback", {"type": 9, "data": MODAL}),
]
ODD = [None, True, 0, -1, 2**70, 1.5, 10**400, "", "x", "1", "http://[", "\x00", "\ud800"]
ELSEWHERE = ["accessory", "component", "components", "options", "media", "unheard_of"]
"""Keys that some objects have and others have not."""
NONSENSE = st.recursive(
    st.sampled_from(ODD) | st.integers(-2, 40) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "id", "components", "name", "x"]), inner)
    ),
    max_leaves=4,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List every place in a JSON value."""
    yield path
    match value:
        case dict():
            inner = [*value.items()]
        case list():
            inner = [*enumerate(value)]
        case _:
            inner = []
    for key, one in inner:
        yield from paths(one, (*path, key))


def changed(value: Any, path: tuple[Any, ...], nonsense: object) -> Any:
    """Copy a JSON value with one place changed."""
    if not path:
        return nonsense
    whole = copy.deepcopy(value)
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = nonsense
    return whole


@st.composite
def wrong_requests(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Take a good request and put nonsense in one place of it, or under a key that is not there."""
    method, path, body = draw(st.sampled_from(REQUESTS))
    place = draw(st.sampled_from(list(paths(body))))
    if place and isinstance(place[-1], str):
        place = (*place[:-1], draw(st.sampled_from([place[-1], *ELSEWHERE])))
    return method, path, changed(body, place, draw(NONSENSE))


@pytest.fixture
async def unjudged(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox.open(tmp_path, rate_limits=RateLimits.roomy()) as opened:
        yield opened


async def sent(
    session: aiohttp.ClientSession, method: str, path: str, body: object = None
) -> tuple[int, Any]:
    data = None if method == "GET" else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    url = f"/api/v10{path}"
    async with session.request(method, url, data=data, headers=headers) as response:
        content = await response.read()
        return response.status, json.loads(content) if content else None


async def fill(sandbox: Sandbox, session: aiohttp.ClientSession, path: str) -> str:
    """Fill in a path's blanks, with things that nothing was done to yet."""
    channel, bot = sandbox.channel.id, sandbox.world.bot.id
    _, message = await sent(session, "POST", f"/channels/{channel}/messages", {"content": "x"})
    used = await sandbox.invoke(sandbox.ana, sandbox.channel, "video", {})
    interaction = f"{used.id}/{used.token}"
    return path.format(channel=channel, bot=bot, message=message["id"], interaction=interaction)


async def check_all_is_well(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Read all that is there, as a bot and as the page do."""
    for path in (
        f"/channels/{sandbox.channel.id}/messages",
        f"/applications/{sandbox.world.bot.id}/commands?with_localizations=1",
        f"/guilds/{sandbox.guild.id}/threads/active",
    ):
        status, body = await sent(session, "GET", path)
        assert status == 200
        json.dumps(body, allow_nan=False)
    query = {"account": sandbox.ana.id}
    async with session.get("/page/events", params=query) as stream:
        assert (await stream.content.readuntil(b"\n\n")).startswith(b"data: {")
    assert not sandbox.crashes


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=wrong_requests())
async def test_nonsense_is_answered_and_leaves_nothing_broken(
    unjudged: Sandbox, request: tuple[str, str, Any]
) -> None:
    method, path, body = request
    headers = {"Authorization": f"Bot {unjudged.token}"}
    async with aiohttp.ClientSession(
        unjudged.http_url, headers=headers, read_bufsize=2**22
    ) as session:
        status, _ = await sent(session, method, await fill(unjudged, session, path), body)
        assert status < 500
        await check_all_is_well(unjudged, session)
