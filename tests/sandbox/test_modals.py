"""Modals: what Discord opens, what a member's client sends back, and what it does not."""

from typing import Any

import discord
import pytest
from discord import ui

from bot.sandbox import CommandLineError, Interaction, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

QUARTER_S = 15 * 60


def text_input(custom_id: str = "t", **more: object) -> dict[str, Any]:
    return {"type": 4, "custom_id": custom_id, "style": 1, **more}


def choices(number: int) -> list[dict[str, Any]]:
    return [{"label": f"L{n}", "value": f"v{n}"} for n in range(number)]


def field(type_: int, **more: object) -> dict[str, Any]:
    return {"type": type_, "custom_id": "f", **more}


def label(component: object, **more: object) -> dict[str, Any]:
    return {"type": 18, "label": "Question", "component": component, **more}


def row(*components: object) -> dict[str, Any]:
    return {"type": 1, "components": list(components)}


def modal(*components: object, **more: object) -> dict[str, Any]:
    whole = {"title": "Report", "custom_id": "m", "components": list(components), **more}
    return {"type": 9, "data": whole}


TEXT = {"type": 10, "content": "Please be kind."}
DEFAULT = {"default": True}

ACCEPTED = [
    modal(label(text_input()), title="x" * 45, custom_id="x" * 100),
    modal(*[label(text_input(str(n))) for n in range(5)]),
    modal(TEXT, label(text_input(style=2, value="x" * 4000, placeholder="x" * 100))),
    modal(row(text_input(label="x" * 45, min_length=0, max_length=4000, required=False))),
    modal(label(text_input(), label="x" * 45, description="x" * 100)),
    modal(label(field(3, options=choices(25), max_values=25, placeholder="x" * 150))),
    modal(label(field(3, options=choices(1), min_values=0, required=False))),
    modal(label(field(3, options=[choices(2)[0] | DEFAULT, choices(2)[1]]))),
    *[modal(label(field(type_, min_values=1, max_values=25))) for type_ in (5, 6, 7, 8)],
    modal(label(field(19, min_values=10, max_values=10))),
    modal(label(field(19, min_values=0, required=False))),
    modal(label(field(21, options=choices(2)))),
    modal(label(field(22, options=choices(10), min_values=2))),
    modal(label(field(23, default=True))),
]

REFUSED = [
    modal(label(text_input()), title="x" * 46),
    modal(label(text_input()), title=""),
    modal(label(text_input()), custom_id="x" * 101),
    modal(label(text_input()), custom_id=""),
    modal(),
    modal(*[label(text_input(str(n))) for n in range(6)]),
    modal(label(text_input("a")), label(text_input("a"))),
    modal(label(text_input("a"), id=1), label(text_input("b"), id=1)),
    modal(label(text_input("a"), id=-1)),
    modal(label(text_input("a", id=[]))),
    modal(label(field(3, options=[choices(1)[0] | {"emoji": {"animated": True}}]))),
    modal(text_input()),
    modal(row()),
    modal(row(text_input(label="A"), text_input("b", label="B"))),
    modal(row(text_input())),
    modal(row(field(3, options=choices(1)))),
    modal({"type": 10, "content": ""}),
    modal(label(text_input(), label="")),
    modal(label(text_input(), label="x" * 46)),
    modal(label(text_input(), description="x" * 101)),
    modal(label(None)),
    modal(label({"type": 2, "style": 1, "label": "A", "custom_id": "a"})),
    modal(label(TEXT)),
    modal(label(text_input(""))),
    modal(label(text_input("x" * 101))),
    modal(label(text_input(style=3))),
    modal(label(text_input(value="x" * 4001))),
    modal(label(text_input(placeholder="x" * 101))),
    modal(label(text_input(min_length=4001))),
    modal(label(text_input(max_length=0))),
    modal(label(text_input(max_length=4001))),
    modal(label(text_input(min_length=5, max_length=4))),
    modal(label(field(3, options=[]))),
    modal(label(field(3, options=choices(26)))),
    modal(label(field(3, options=choices(1) * 2))),
    modal(label(field(3, options=[{"label": "x" * 101, "value": "x"}]))),
    modal(label(field(3, options=[{"label": "x", "value": "x" * 101}]))),
    modal(label(field(3, options=[{"label": "x", "value": "x", "description": "x" * 101}]))),
    modal(label(field(3, options=[choice | DEFAULT for choice in choices(2)]))),
    modal(label(field(3, options=choices(1), placeholder="x" * 151))),
    modal(label(field(3, options=choices(1), disabled=True))),
    modal(label(field(3, options=choices(1), min_values=0))),
    modal(label(field(5, max_values=26))),
    modal(label(field(5, min_values=3, max_values=2))),
    modal(label(field(5, default_values=[{"id": "1", "type": "user"}] * 2))),
    modal(label(field(19, max_values=11))),
    modal(label(field(19, min_values=0))),
    modal(label(field(21, options=choices(1)))),
    modal(label(field(21, options=choices(11)))),
    modal(label(field(21, options=[choice | DEFAULT for choice in choices(2)]))),
    modal(label(field(22, options=[]))),
    modal(label(field(22, options=choices(11)))),
    modal(label(field(22, options=choices(2), max_values=11))),
]


async def opened(sandbox: Sandbox, rest: Rest, reply: dict[str, Any]) -> tuple[Interaction, int]:
    """Have ben use a command and answer it with a modal; the interaction and the status."""
    sent = await sandbox.invoke(sandbox.ben, sandbox.channel, "report", {})
    status, body = await rest("POST", f"/interactions/{sent.id}/{sent.token}/callback", reply)
    assert status in {204, 400}
    assert body is None or body["code"] == 50035
    return sent, status


@pytest.mark.parametrize("reply", ACCEPTED)
async def test_a_modal_within_the_limits_opens(
    sandbox: Sandbox, rest: Rest, reply: dict[str, Any]
) -> None:
    sent, status = await opened(sandbox, rest, reply)
    assert status == 204
    assert sent.modal is not None


@pytest.mark.parametrize("reply", REFUSED)
async def test_a_modal_beyond_a_limit_does_not_open(
    sandbox: Sandbox, rest: Rest, reply: dict[str, Any]
) -> None:
    sent, status = await opened(sandbox, rest, reply)
    assert status == 400
    assert (sent.modal, sent.acked_at) == (None, None)


class Form(ui.Modal):
    """A modal whose fields are kept, each in a label."""

    def __init__(self, **fields: ui.Item[Any]) -> None:
        super().__init__(title="Form", timeout=None)
        self.add_item(ui.TextDisplay[Any]("About your video:"))
        for name, item in fields.items():
            self.add_item(ui.Label[Any](text=name, component=item))


def survey() -> tuple[Form, ui.TextInput[Any], ui.Select[Any]]:
    name = ui.TextInput[Any](custom_id="name", max_length=8)
    models = ui.Select[Any](
        custom_id="models",
        options=[discord.SelectOption(label=v, value=v) for v in ("shapes", "shore", "toon")],
        max_values=2,
    )
    return Form(name=name, models=models), name, models


async def shown(sandbox: Sandbox, bot: LoungeBot, form: ui.Modal) -> Interaction:
    """Have ben use a command and the bot open a form."""
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    await (await bot.uses.get()).response.send_modal(form)
    await sent.wait_acked()
    return sent


async def test_texts_and_choices_are_read_by_discord_py(sandbox: Sandbox, bot: LoungeBot) -> None:
    speed = ui.RadioGroup[Any](
        custom_id="speed",
        options=[discord.RadioGroupOption(label=v, value=v) for v in ("slow", "fast")],
    )
    wants = ui.CheckboxGroup[Any](
        custom_id="wants",
        options=[discord.CheckboxGroupOption(label=v, value=v) for v in ("loop", "sound")],
        required=False,
        min_values=0,
    )
    form, name, models = survey()
    sent = await shown(sandbox, bot, form)
    submitted = await sandbox.submit(sent, {"name": "Red", "models": ["toon", "shapes"]})
    await (await bot.uses.get()).response.send_message("thanks")
    assert (name.value, models.values) == ("Red", ["toon", "shapes"])
    assert (await submitted.wait_answer()).text == "thanks"
    sent = await shown(sandbox, bot, Form(speed=speed, wants=wants))
    await sandbox.submit(sent, {"speed": "fast", "wants": ["loop"]})
    await bot.uses.get()
    assert (speed.value, wants.values) == ("fast", ["loop"])


async def test_people_places_and_files_are_described(sandbox: Sandbox, bot: LoungeBot) -> None:
    who = ui.UserSelect[Any](custom_id="who", max_values=2)
    place = ui.ChannelSelect[Any](custom_id="place")
    stills = ui.FileUpload[Any](custom_id="stills", max_values=2)
    agreed = ui.Checkbox[Any](custom_id="agreed")
    sent = await shown(sandbox, bot, Form(who=who, place=place, stills=stills, agreed=agreed))
    values = {
        "who": [sandbox.ana, sandbox.max.id],
        "place": [sandbox.guild.channel("general")],
        "stills": [("a.png", b"pixels"), ("b.png", b"more")],
        "agreed": True,
    }
    submitted = await sandbox.submit(sent, values)
    await bot.uses.get()
    assert [user.name for user in who.values] == ["ana", "max"]
    assert [channel.name for channel in place.values] == ["general"]
    assert [await file.read() for file in stills.values] == [b"pixels", b"more"]
    assert agreed.value is True
    assert set(submitted.data["resolved"]) == {"users", "members", "channels", "attachments"}
    crew, either = ui.RoleSelect[Any](custom_id="crew"), ui.MentionableSelect[Any](custom_id="any")
    sent = await shown(sandbox, bot, Form(crew=crew, either=either))
    await sandbox.submit(sent, {"crew": sandbox.guild.role("Moderators"), "any": sandbox.ana})
    await bot.uses.get()
    assert [role.name for role in crew.values] == ["Moderators"]
    assert [str(thing.id) for thing in either.values] == [sandbox.ana.id]


async def test_what_is_sent_has_the_modals_ids(sandbox: Sandbox, rest: Rest) -> None:
    reply = modal(
        TEXT, label(text_input("a", id=1), id=7), row(text_input("b", label="B", value="b"))
    )
    sent, _ = await opened(sandbox, rest, reply)
    submitted = await sandbox.submit(sent, {"a": "one"})
    assert submitted.data == {
        "custom_id": "m",
        "components": [
            {"type": 10, "id": 2},
            {
                "type": 18,
                "id": 7,
                "component": {"type": 4, "id": 1, "custom_id": "a", "value": "one"},
            },
            {
                "type": 1,
                "id": 3,
                "components": [{"type": 4, "id": 4, "custom_id": "b", "value": "b"}],
            },
        ],
    }


@pytest.mark.parametrize(
    ("component", "value"),
    [
        (text_input("f"), ""),
        (text_input("f", min_length=3), "ab"),
        (text_input("f", min_length=3, required=False), "ab"),
        (text_input("f", max_length=3), "abcd"),
        (text_input("f"), "x" * 4001),
        (text_input("f"), 7),
        (field(3, options=choices(3), max_values=2), []),
        (field(3, options=choices(3), max_values=2), ["v0", "v1", "v2"]),
        (field(3, options=choices(3), max_values=2), ["v0", "v0"]),
        (field(3, options=choices(3)), ["v9"]),
        (field(5), ["1"]),
        (field(19), []),
        (field(19), ["a.png"]),
        (field(19), [("a.png", b"a"), ("b.png", b"b")]),
        (field(19), [("a.png", b"x" * 11)]),
        (field(21, options=choices(2)), None),
        (field(21, options=choices(2)), "v9"),
        (field(22, options=choices(2)), []),
        (field(22, options=choices(3), max_values=1), ["v0", "v1"]),
    ],
)
async def test_a_client_does_not_send_what_a_field_does_not_take(
    sandbox: Sandbox, rest: Rest, component: dict[str, Any], value: object
) -> None:
    sandbox.guild.upload_limit = 10
    sent, _ = await opened(sandbox, rest, modal(label(component)))
    with pytest.raises(CommandLineError):
        await sandbox.submit(sent, {"f": value})
    assert sent.submitted is None


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (text_input("f", min_length=3, required=False), {"value": ""}),
        (text_input("f", value="as it was"), {"value": "as it was"}),
        (field(3, options=[choices(1)[0] | DEFAULT]), {"values": ["v0"]}),
        (field(5, required=False), {"values": []}),
        (field(19, required=False), {"values": []}),
        (field(21, options=choices(2), required=False), {"value": None}),
        (field(21, options=[choices(2)[0] | DEFAULT, choices(2)[1]]), {"value": "v0"}),
        (field(22, options=choices(2), required=False), {"values": []}),
        (field(23), {"value": False}),
        (field(23, default=True), {"value": True}),
    ],
)
async def test_what_is_left_alone_is_sent_as_the_bot_set_it(
    sandbox: Sandbox, rest: Rest, component: dict[str, Any], expected: dict[str, Any]
) -> None:
    sent, _ = await opened(sandbox, rest, modal(label(component)))
    submitted = await sandbox.submit(sent, {})
    answer = submitted.data["components"][0]["component"]
    assert expected.items() <= answer.items()


async def test_nothing_is_filled_in_that_is_not_there(sandbox: Sandbox, rest: Rest) -> None:
    sent, _ = await opened(sandbox, rest, modal(label(text_input("a"))))
    with pytest.raises(CommandLineError, match="nothing to fill in"):
        await sandbox.submit(sent, {"a": "x", "b": "y"})
    plain = await sandbox.invoke(sandbox.ben, sandbox.channel, "report", {})
    with pytest.raises(CommandLineError, match="no modal"):
        await sandbox.submit(plain, {})


async def test_an_answered_modal_is_closed(sandbox: Sandbox, rest: Rest) -> None:
    sent, _ = await opened(sandbox, rest, modal(label(text_input("a"))))
    first = await sandbox.submit(sent, {"a": "x"})
    with pytest.raises(CommandLineError, match="has been sent"):
        await sandbox.submit(sent, {"a": "x"})
    sandbox.clock.advance(3.1)
    second = await sandbox.submit(sent, {"a": "x"})  # nobody answered: it is still open
    assert first.failed(sandbox.clock.now())
    await rest("POST", f"/interactions/{second.id}/{second.token}/callback", {"type": 5})
    with pytest.raises(CommandLineError, match="has been sent"):
        await sandbox.submit(sent, {"a": "x"})


async def test_a_modal_does_not_stay_open_for_ever(sandbox: Sandbox, rest: Rest) -> None:
    sent, _ = await opened(sandbox, rest, modal(label(text_input("a"))))
    sandbox.clock.advance(QUARTER_S + 1)
    with pytest.raises(CommandLineError, match="too long"):
        await sandbox.submit(sent, {"a": "x"})


async def test_a_modal_remembers_what_opened_it(sandbox: Sandbox, bot: LoungeBot) -> None:
    sent = await shown(sandbox, bot, survey()[0])
    await sandbox.submit(sent, {"name": "Red", "models": ["toon"]})
    received = await bot.uses.get()
    assert received.message is None
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Report", custom_id="report"))
    await received.response.send_message("thanks", view=view)
    card = await received.original_response()
    assert card.interaction_metadata is not None
    opener = card.interaction_metadata.modal_interaction
    assert opener is not None
    assert str(opener.id) == sent.id
    pressed = await sandbox.press(sandbox.ana, sandbox.world.messages[str(card.id)], "report")
    await (await bot.uses.get()).response.send_modal(survey()[0])
    await pressed.wait_acked()
    await sandbox.submit(pressed, {"name": "Red", "models": ["toon"]})
    received = await bot.uses.get()
    assert received.message == card
    await received.response.edit_message(content="reported", view=None)
    assert sandbox.world.messages[str(card.id)].text == "reported"


async def test_a_modal_of_a_command_has_no_message_to_update(sandbox: Sandbox, rest: Rest) -> None:
    sent, _ = await opened(sandbox, rest, modal(label(text_input("a"))))
    submitted = await sandbox.submit(sent, {"a": "x"})
    path = f"/interactions/{submitted.id}/{submitted.token}/callback"
    for refused in ({"type": 7, "data": {"content": "x"}}, modal(label(text_input()))):
        status, body = await rest("POST", path, refused)
        assert (status, body["code"]) == (400, 50035)
    assert (await rest("POST", path, {"type": 6}))[0] == 204  # acknowledged without a word
    assert (submitted.message, submitted.answer) == (None, None)
