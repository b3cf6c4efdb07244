"""Options that complete themselves: what the bot is told, and what it may propose."""

from typing import Any

import pytest

from bot.sandbox import CommandLineError, Interaction, Sandbox, SandboxTimeoutError
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot


def option(name: str, type_: int = 3, **more: object) -> dict[str, Any]:
    return {"type": type_, "name": name, "description": "x", **more}


COMMAND = {
    "name": "ask",
    "description": "x",
    "options": [
        option("place", required=True),
        option("text", max_length=3, autocomplete=True),
        option("whole", 4, autocomplete=True),
        option("part", 10, autocomplete=True),
    ],
}


@pytest.fixture
async def known(sandbox: Sandbox, rest: Rest) -> None:
    await rest("PUT", f"/applications/{sandbox.world.bot.id}/commands", [COMMAND])


async def ask(sandbox: Sandbox, focused: str, value: object, **more: object) -> Interaction:
    values = {**more, focused: value}
    return await sandbox.ask_choices(sandbox.ben, sandbox.channel, "ask", values, focused=focused)


async def propose(rest: Rest, asked: Interaction, *choices: object) -> tuple[int, Any]:
    path = f"/interactions/{asked.id}/{asked.token}/callback"
    reply = {"type": 8, "data": {"choices": list(choices)}}
    return await rest("POST", path, reply)


@pytest.mark.usefixtures("known")
async def test_what_is_typed_is_sent_with_what_was_filled_in_before(sandbox: Sandbox) -> None:
    asked = await ask(sandbox, "text", "longer than it may be", whole=7)
    assert (asked.payload["type"], asked.data["name"]) == (4, "ask")
    assert asked.data["options"] == [
        {"name": "whole", "type": 4, "value": 7},
        {"name": "text", "type": 3, "value": "longer than it may be", "focused": True},
    ]


@pytest.mark.usefixtures("known")
async def test_only_options_that_complete_themselves_ask_and_numbers_ask_with_numbers(
    sandbox: Sandbox,
) -> None:
    for focused, value in (("place", "x"), ("nothing", "x"), ("whole", "x"), ("part", "1,5")):
        with pytest.raises(CommandLineError):
            await ask(sandbox, focused, value)
    for focused, value in (("whole", ""), ("whole", "-7"), ("part", "1.5")):
        assert await ask(sandbox, focused, value)


@pytest.mark.usefixtures("known")
async def test_a_hidden_command_does_not_ask(sandbox: Sandbox) -> None:
    sandbox.channel.deny("use_application_commands", to=sandbox.ben)
    with pytest.raises(CommandLineError, match="may not use commands"):
        await ask(sandbox, "text", "x")


@pytest.mark.parametrize(
    ("focused", "choice", "status"),
    [
        ("text", {"name": "x" * 100, "value": "x" * 100}, 204),
        ("text", {"name": "", "value": "x"}, 400),
        ("text", {"name": "x" * 101, "value": "x"}, 400),
        ("text", {"name": "x", "value": "x" * 101}, 400),
        ("text", {"name": "x", "value": 1}, 400),
        ("whole", {"name": "x", "value": 1}, 204),
        ("whole", {"name": "x", "value": True}, 400),
        ("whole", {"name": "x", "value": 1.5}, 400),
        ("whole", {"name": "x", "value": 2**53 + 1}, 400),
        ("part", {"name": "x", "value": 1.5}, 204),
        ("part", {"name": "x", "value": "1.5"}, 400),
    ],
)
@pytest.mark.usefixtures("known")
async def test_a_proposal_fits_its_option(
    sandbox: Sandbox, rest: Rest, focused: str, choice: dict[str, Any], status: int
) -> None:
    asked = await ask(sandbox, focused, "")
    assert (await propose(rest, asked, choice))[0] == status
    assert asked.choices == ([choice] if status == 204 else None)


@pytest.mark.usefixtures("known")
async def test_there_are_25_proposals_at_most(sandbox: Sandbox, rest: Rest) -> None:
    asked, choice = await ask(sandbox, "text", ""), {"name": "x", "value": "x"}
    status, body = await propose(rest, asked, *[choice] * 26)
    assert (status, body["code"]) == (400, 50035)
    assert (await propose(rest, asked, *[choice] * 25))[0] == 204
    assert len(await asked.wait_choices()) == 25


@pytest.mark.usefixtures("known")
async def test_a_late_proposal_is_nobodys(sandbox: Sandbox, rest: Rest) -> None:
    asked = await ask(sandbox, "text", "x")
    sandbox.clock.advance(3.1)
    status, body = await propose(rest, asked)
    assert (status, body["code"]) == (404, 10062)
    assert asked.choices is None
    assert not asked.failed(sandbox.clock.now())  # the member is told nothing
    with pytest.raises(SandboxTimeoutError):
        await asked.wait_choices(timeout_s=0.05)


@pytest.mark.usefixtures("known")
async def test_nothing_follows_up_on_proposals(sandbox: Sandbox, rest: Rest) -> None:
    asked = await ask(sandbox, "text", "x")
    await propose(rest, asked)
    path = f"/webhooks/{sandbox.world.bot.id}/{asked.token}"
    status, body = await rest("POST", path, {"content": "x"})
    assert (status, body["code"]) == (404, 10015)


async def test_what_is_chosen_need_not_have_been_proposed(sandbox: Sandbox, bot: LoungeBot) -> None:
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x model:of my own")
    assert (await bot.uses.get()).namespace.model == "of my own"


async def test_discord_py_is_told_what_else_was_filled_in(sandbox: Sandbox, bot: LoungeBot) -> None:
    assert bot.is_ready()
    options = {"prompt": "x", "seed": 7, "model": "to"}
    choices = await sandbox.complete(
        sandbox.ben, sandbox.channel, "video", options, focused="model"
    )
    assert [choice["value"] for choice in choices] == ["toon"]
