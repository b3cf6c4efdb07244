"""What Discord does not register: limits of commands, options, choices and translations."""

from typing import Any

import pytest

from bot.sandbox import Sandbox
from tests.sandbox.conftest import Rest

PING = {"name": "ping", "description": "Answer", "type": 1}
DAY_S = 24 * 60 * 60


def option(name: str = "a", **more: object) -> dict[str, Any]:
    return {"name": name, "description": "x", "type": 3, **more}


def subcommand(name: str = "s", *options: dict[str, Any]) -> dict[str, Any]:
    return option(name, type=1, options=list(options))


def group(name: str = "g", *options: dict[str, Any]) -> dict[str, Any]:
    return option(name, type=2, options=list(options))


def numbered(number: int, first: int = 0) -> list[dict[str, Any]]:
    return [PING | {"name": f"c{n}"} for n in range(first, first + number)]


def with_options(*options: dict[str, Any]) -> dict[str, Any]:
    return PING | {"options": list(options)}


def of_size(size: int) -> dict[str, Any]:
    """Make a command that counts so many characters: names, descriptions and values."""
    rest = size - len("pingAnswer")
    options = [option(f"o{n:02}", description="x" * 97) for n in range(25)]
    rest -= 25 * 100
    for each in options:
        each["choices"] = []
        while rest and len(each["choices"]) < 25:
            taken = min(rest, 200)
            name = "n" * max(1, taken // 2)
            each["choices"].append({"name": name, "value": "v" * (taken - len(name))})
            rest -= taken
    return PING | {"options": options}


def path(sandbox: Sandbox, more: str = "") -> str:
    return f"/applications/{sandbox.world.bot.id}{more}/commands"


ACCEPTED = [
    PING | {"name": "x" * 32, "description": "x" * 100},
    PING | {"name": "vidéo-2_o'clock"},
    PING | {"name": "วิดีโอ", "name_localizations": {"th": "วิดีโอ", "hi": "वीडियो"}},
    PING | {"default_member_permissions": "32", "contexts": [0, 1], "integration_types": [0]},
    PING | {"default_member_permissions": None, "nsfw": True},
    with_options(*[option(f"o{n}") for n in range(25)]),
    with_options(option("a", choices=[{"name": "x", "value": f"{n}"} for n in range(25)])),
    with_options(option("a", choices=[{"name": "x" * 100, "value": "x" * 100}])),
    with_options(option("a", type=4, min_value=1 - 2**53, max_value=2**53 - 1)),
    with_options(option("a", type=10, min_value=0.5, choices=[{"name": "1", "value": 1}])),
    with_options(option("a", min_length=0, max_length=6000, autocomplete=True)),
    with_options(option("a", type=7, channel_types=[0, 11])),
    with_options(option("a", required=True), option("b")),
    with_options(subcommand("s", option()), group("g", subcommand("t", option()))),
    of_size(8000),
    {"name": "High Five to Ana", "type": 2},
    {"name": "Animate!", "type": 3, "description": ""},
]

REFUSED: list[dict[str, Any]] = [
    {"description": "Answer"},
    PING | {"name": "Ping"},
    PING | {"name": "two words"},
    PING | {"name": "x" * 33},
    PING | {"name": ""},
    PING | {"description": ""},
    PING | {"description": "x" * 101},
    PING | {"type": 4},
    PING | {"name_localizations": {"xx": "ping"}},
    PING | {"name_localizations": {"de": "Ping"}},
    PING | {"description_localizations": {"de": "x" * 101}},
    PING | {"default_member_permissions": "manage_guild"},
    PING | {"contexts": []},
    PING | {"contexts": [3]},
    PING | {"integration_types": [0, 0]},
    with_options(*[option(f"o{n}") for n in range(26)]),
    with_options(option("A")),
    with_options(option(type=12)),
    with_options(option(description="")),
    with_options(option("a"), option("b", required=True)),
    with_options(option("a"), option("a")),
    with_options(option("a"), option("b", name_localizations={"de": "a"})),
    with_options(
        option("a", name_localizations={"de": "c"}), option("b", name_localizations={"de": "c"})
    ),
    with_options(option(choices=[{"name": "x", "value": f"{n}"} for n in range(26)])),
    with_options(option(choices=[{"name": "", "value": "x"}])),
    with_options(option(choices=[{"name": "x" * 101, "value": "x"}])),
    with_options(option(choices=[{"name": "x", "value": "x" * 101}])),
    with_options(option(choices=[{"name": "x", "value": 1}])),
    with_options(option(type=4, choices=[{"name": "x", "value": 1.5}])),
    with_options(option(type=4, choices=[{"name": "x", "value": 2**53}])),
    with_options(option(choices=[{"name": "x", "value": "x", "name_localizations": {"de": ""}}])),
    with_options(option(type=5, choices=[{"name": "x", "value": "x"}])),
    with_options(option(choices=[{"name": "x", "value": "x"}], autocomplete=True)),
    with_options(option(type=6, autocomplete=True)),
    with_options(option(type=4, min_value=1.5)),
    with_options(option(type=4, min_value=2, max_value=1)),
    with_options(option(type=4, max_value=2**53)),
    with_options(option(min_value=1)),
    with_options(option(type=4, min_length=1)),
    with_options(option(max_length=0)),
    with_options(option(max_length=6001)),
    with_options(option(min_length=3, max_length=2)),
    with_options(option(channel_types=[0])),
    with_options(option(type=7, channel_types=[99])),
    with_options(subcommand("s"), option()),
    with_options(group("g", group("h", subcommand()))),
    with_options(group("g", option())),
    with_options(subcommand("s", subcommand("t"))),
    with_options(option(options=[option("b")])),
    with_options(group("g", *[subcommand(f"s{n}") for n in range(26)])),
    of_size(8001),
    PING | {"description_localizations": {"de": "x" * 100}, "options": of_size(7917)["options"]},
    {"name": "x" * 33, "type": 2},
    {"name": "High Five", "type": 2, "description": "x"},
    {"name": "High Five", "type": 3, "options": [option()]},
]


@pytest.mark.parametrize("command", ACCEPTED)
async def test_a_command_within_the_limits_is_registered(
    sandbox: Sandbox, rest: Rest, command: dict[str, Any]
) -> None:
    status, body = await rest("POST", path(sandbox), command)
    assert (status, body.get("errors")) == (201, None)
    assert sandbox.world.commands_in(sandbox.guild) == [body]


@pytest.mark.parametrize("command", REFUSED)
async def test_a_command_beyond_a_limit_is_not_registered(
    sandbox: Sandbox, rest: Rest, command: dict[str, Any]
) -> None:
    for method, body in (("POST", command), ("PUT", [command])):
        status, answer = await rest(method, path(sandbox), body)
        assert (status, answer["code"]) == (400, 50035)
    assert not sandbox.has_commands


async def test_there_are_100_slash_commands_and_15_of_each_menu(
    sandbox: Sandbox, rest: Rest
) -> None:
    menus = [{"name": f"m{n}", "type": type_} for n in range(15) for type_ in (2, 3)]
    status, body = await rest("PUT", path(sandbox), numbered(100) + menus)
    assert (status, len(body)) == (200, 130)
    for extra in (PING, {"name": "x", "type": 2}, {"name": "x", "type": 3}):
        status, body = await rest("POST", path(sandbox), extra)
        assert (status, body["code"]) == (400, 50035)
    status, _ = await rest("POST", path(sandbox), PING | {"name": "c7", "description": "New"})
    assert status == 200


async def test_names_are_unique_by_type(sandbox: Sandbox, rest: Rest) -> None:
    status, body = await rest("PUT", path(sandbox), [PING, PING])
    assert (status, body["code"]) == (400, 50035)
    status, _ = await rest("PUT", path(sandbox), [PING, {"name": "ping", "type": 2}])
    assert status == 200


async def test_200_commands_are_created_a_day_in_a_guild(sandbox: Sandbox, rest: Rest) -> None:
    guild = path(sandbox, f"/guilds/{sandbox.guild.id}")
    assert (await rest("PUT", guild, numbered(100)))[0] == 200
    assert (await rest("PUT", guild, numbered(100)))[0] == 200  # nothing of it is new
    assert (await rest("PUT", guild, numbered(99, 100)))[0] == 200
    status, body = await rest("PUT", guild, numbered(2, 199))
    assert (status, body["code"]) == (400, 30034)
    assert len(sandbox.world.commands_in(sandbox.guild)) == 99
    assert (await rest("POST", guild, PING))[0] == 201
    assert (await rest("PUT", guild, []))[0] == 200  # what is deleted has been created
    status, body = await rest("POST", guild, PING | {"name": "pong"})
    assert (status, body["code"]) == (400, 30034)
    assert (await rest("POST", path(sandbox), PING))[0] == 201  # the global set has its own count
    sandbox.clock.advance(DAY_S + 1)
    assert (await rest("POST", guild, PING | {"name": "pong"}))[0] == 201
