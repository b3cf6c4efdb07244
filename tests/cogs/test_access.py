"""Who may use what, and where: every command of the tree, by every kind of member.

`COMMANDS` is the table that the tree is held to: a command without a row fails, and so does one
that lets somebody pass who should not, or keeps somebody out who should not be.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from discord import app_commands

from bot.client import FlipbookClient
from bot.sandbox import Channel, Guild, Member, Message, Role
from jobs.model import Job
from jobs.quota.tiers import EVERYONE, Kind, Setting, Target
from jobs.states import JobState
from tests.cogs.conftest import House, settled
from tests.factories import make_act, make_rule


class Power(IntEnum):
    """What a member must be at least, to use a command."""

    MEMBER = 0
    MODERATOR = 1
    MANAGER = 2


ROLES: Mapping[str, Power] = {
    "stranger": Power.MEMBER,  # has no role, and nothing here is theirs
    "member": Power.MEMBER,  # asked for the video that the options name
    "moderator by permission": Power.MODERATOR,
    "moderator by role": Power.MODERATOR,
    "manager": Power.MANAGER,
    "administrator": Power.MANAGER,
    "owner": Power.MANAGER,
}


@dataclass
class Scene:
    """A server with something of everything that nobody elsewhere may learn."""

    house: House
    here: Guild
    channel: Channel
    job: Job
    card: Message
    role: Role
    people: Mapping[str, Member]
    file: Path

    @property
    def member(self) -> Member:
        """Return the one whose video waits."""
        return self.people["member"]

    @property
    def secrets(self) -> list[str]:
        """Return what must not be read elsewhere."""
        return [self.job.id, "zanzibar", "xylophone", "quagga", "7,777", "7777", "helpers"]

    def state(self) -> list[tuple[object, ...]]:
        """Return everything that the database holds of this server."""
        connection = sqlite3.connect(self.file)
        try:
            return [
                (table, *row)
                for table, columns in TABLES.items()
                for row in connection.execute(
                    f"SELECT {columns} FROM {table} WHERE guild_id = ? ORDER BY 1, 2",  # noqa: S608 - names of our own
                    (int(self.here.id),),
                )
            ]
        finally:
            connection.close()

    async def use(
        self,
        who: Member,
        command: str,
        options: Mapping[str, object],
        channel: Channel | None = None,
    ) -> str:
        """Use a command as a client that checks nothing, and return what is answered."""
        place = channel or self.channel
        sent = await self.house.sandbox.invoke(who, place, command, options)
        answer = await sent.wait_answer()
        await settled()
        assert "went wrong" not in answer.text, (command, answer.text)
        return answer.text

    def open_commands(self) -> None:
        """Show every command to everybody, as managers can in their server's settings."""
        for command in self.house.sandbox.world.commands[None].values():
            command["default_member_permissions"] = None


TABLES = {
    "job": "id, state, cancel_requested, failure",
    "quota_rule": "target, setting, value",
    "bonus": "number, user_id, amount, ended_at",
    "block": "user_id, reason, expires_at",
    "policy_rule": "number, kind, text, action",
    "guild": "guild_id, channels, log_channel_id, default_model, moderator_roles",
    "audit": "number, kind, target, reason",
}

Options = Callable[[Scene], Mapping[str, object]]


def no_options(_: Scene) -> Mapping[str, object]:
    return {}


def the_job(scene: Scene) -> Mapping[str, object]:
    return {"id": scene.job.id}


def the_member(scene: Scene) -> Mapping[str, object]:
    return {"member": scene.member}


def the_channel(scene: Scene) -> Mapping[str, object]:
    return {"channel": scene.channel}


COMMANDS: Mapping[str, tuple[Power, Options]] = {
    "help": (Power.MEMBER, no_options),
    "models": (Power.MEMBER, no_options),
    "queue": (Power.MEMBER, no_options),
    "video": (Power.MEMBER, lambda _: {"prompt": "a red circle"}),
    "job info": (Power.MEMBER, the_job),
    "job cancel": (Power.MEMBER, the_job),  # whose it is decides
    "quota show": (Power.MEMBER, no_options),
    "quota history": (Power.MEMBER, no_options),
    "appeal": (Power.MEMBER, no_options),
    "cases": (Power.MEMBER, no_options),
    "privacy show": (Power.MEMBER, no_options),
    "privacy export": (Power.MEMBER, lambda _: {"everywhere": True}),
    "privacy delete": (Power.MEMBER, no_options),  # asks once more
    "mod audit": (Power.MODERATOR, the_member),
    "mod cases list": (Power.MODERATOR, no_options),
    "mod cases show": (Power.MODERATOR, lambda _: {"case": 1}),
    "mod video remove": (Power.MODERATOR, the_job),
    "mod block add": (Power.MODERATOR, lambda scene: {**the_member(scene), "reason": "spam"}),
    "mod block list": (Power.MODERATOR, no_options),
    "mod block remove": (Power.MODERATOR, the_member),
    "mod jobs list": (Power.MODERATOR, no_options),
    "mod jobs charge": (Power.MODERATOR, the_job),
    "mod jobs release": (Power.MODERATOR, the_job),
    "mod jobs retry": (Power.MODERATOR, the_job),
    "mod jobs cancel": (Power.MODERATOR, the_job),
    "mod policy add": (
        Power.MODERATOR,
        lambda _: {"kind": "word", "text": "gore", "action": "hold", "reason": "ugly"},
    ),
    "mod policy list": (Power.MODERATOR, no_options),
    "mod policy remove": (Power.MODERATOR, lambda _: {"rule": 1}),
    "mod policy test": (Power.MODERATOR, lambda _: {"prompt": "a red circle"}),
    "mod review": (Power.MODERATOR, no_options),
    "mod usage": (Power.MODERATOR, no_options),
    "mod export": (Power.MODERATOR, lambda _: {"prompts": True}),
    "mod quota list": (Power.MODERATOR, no_options),
    "mod quota explain": (Power.MODERATOR, the_member),
    "mod quota set": (
        Power.MODERATOR,
        lambda scene: {"limit": "videos_per_day", "amount": "5", "role": scene.role},
    ),
    "mod quota clear": (Power.MODERATOR, lambda scene: {"role": scene.role}),
    "mod quota grant": (
        Power.MODERATOR,
        lambda scene: {**the_member(scene), "what": "videos", "amount": "5"},
    ),
    "mod quota reset": (Power.MODERATOR, the_member),
    "settings show": (Power.MANAGER, no_options),
    "settings channels add": (Power.MANAGER, the_channel),
    "settings channels remove": (Power.MANAGER, the_channel),
    "settings channels clear": (Power.MANAGER, no_options),
    "settings defaults": (Power.MANAGER, lambda _: {"provider": "local"}),
    "settings log": (Power.MANAGER, the_channel),
    "settings moderators": (Power.MANAGER, lambda scene: {"add_role": scene.role}),
    "settings retention": (Power.MANAGER, lambda _: {"days": 30}),
    "settings budget": (
        Power.MANAGER,
        lambda _: {"limit": "videos_per_day", "amount": "500"},
    ),
}


@pytest.fixture
async def scene(house: House, client: FlipbookClient, tmp_path: Path) -> Scene:
    del client
    sandbox = house.sandbox
    world, here = sandbox.world, sandbox.guild
    role = world.add_role(here, "helpers")
    people = {
        "stranger": world.add_member(here, "sam"),
        "member": sandbox.ben,
        "moderator by permission": world.add_member(here, "pia", permissions=["manage_messages"]),
        "moderator by role": world.add_member(here, "rita"),
        "manager": world.add_member(here, "mona", permissions=["manage_guild"]),
        "administrator": world.add_member(here, "adam", permissions=["administrator"]),
        "owner": sandbox.olga,
    }
    world.give_role(people["moderator by role"], role)
    settings = house.guilds.of(int(here.id)).evolve(moderator_roles=frozenset({int(role.id)}))
    act = make_act(guild_id=int(here.id), reason="quagga", target=f"member:{sandbox.ben.id}")
    await house.guild_store.save_settings(settings, act=act)
    house.guilds.learn(settings)
    job, card = await house.queued(sandbox.ben, prompt="a zanzibar circle")
    scene = Scene(
        house=house,
        here=here,
        channel=sandbox.channel,
        job=job,
        card=card,
        role=role,
        people=people,
        file=tmp_path / "flipbook.db",
    )
    target = Target(kind=Kind.ROLE, id=int(role.id))
    await house.quotas.set_rule(make_rule(Setting.VIDEOS_PER_DAY, 7777, target=target), act=act)
    pia, ana = people["moderator by permission"], sandbox.ana
    await scene.use(pia, "mod block add", {"member": ana, "reason": "xylophone"})
    return scene


@dataclass
class Elsewhere:
    """Another server, whose owner may do everything there."""

    owner: Member
    channel: Channel


@pytest.fixture
def elsewhere(scene: Scene) -> Elsewhere:
    world = scene.house.sandbox.world
    guild = world.add_guild("Elsewhere", owner=world.add_user("eve"))
    owner = next(member for member in guild.members.values() if member.name == "eve")
    return Elsewhere(owner=owner, channel=world.add_channel(guild, "videos"))


def commands_of(client: FlipbookClient) -> Iterator[app_commands.Command[Any, ..., Any]]:
    """Yield every command that a member can use."""
    for command in client.tree.walk_commands():
        if isinstance(command, app_commands.Command):
            yield command


def is_refusal(text: str) -> bool:
    return text.startswith(("This is for moderators", "This is for managers"))


async def test_every_command_of_the_tree_has_a_row(client: FlipbookClient) -> None:
    assert {command.qualified_name for command in commands_of(client)} == set(COMMANDS)


@pytest.mark.parametrize("name", ROLES)
async def test_each_kind_of_member_may_do_exactly_what_the_table_says(
    scene: Scene, name: str
) -> None:
    who, power = scene.people[name], ROLES[name]
    kept_out: set[str] = set()
    for command, (_, options) in COMMANDS.items():
        before = scene.state()
        if is_refusal(await scene.use(who, command, options(scene))):
            kept_out.add(command)
            assert scene.state() == before, command
    assert kept_out == {command for command, (need, _) in COMMANDS.items() if need > power}


async def test_nobody_elsewhere_sees_or_touches_anything_of_this_server(
    scene: Scene, elsewhere: Elsewhere
) -> None:
    before = scene.state()
    for command, (_, options) in COMMANDS.items():
        text = await scene.use(elsewhere.owner, command, options(scene), elsewhere.channel)
        assert not is_refusal(text), command
        assert scene.state() == before, command
        typed = {scene.job.id} & {str(value) for value in options(scene).values()}
        told = [secret for secret in scene.secrets if secret in text and secret not in typed]
        assert told == [], command


@pytest.mark.parametrize("command", [name for name, row in COMMANDS.items() if row[1] is the_job])
async def test_another_servers_job_answers_as_one_that_does_not_exist(
    scene: Scene, elsewhere: Elsewhere, command: str
) -> None:
    theirs = await scene.use(elsewhere.owner, command, {"id": scene.job.id}, elsewhere.channel)
    nobodys = await scene.use(elsewhere.owner, command, {"id": "abcd2345"}, elsewhere.channel)
    assert theirs == nobodys


async def test_no_server_writes_into_anothers_channel(scene: Scene, elsewhere: Elsewhere) -> None:
    await scene.use(elsewhere.owner, "settings log", the_channel(scene), elsewhere.channel)
    settings = scene.house.guilds.of(int(elsewhere.channel.guild.id))
    assert settings.log_channel_id is None


async def completed(
    scene: Scene, client: FlipbookClient, who: Member, channel: Channel
) -> dict[str, str]:
    """Return all that is proposed to somebody, for each option that completes itself."""
    scene.open_commands()
    found: dict[str, str] = {}
    for command in commands_of(client):
        for option in command.parameters:
            if option.autocomplete:
                choices = await scene.house.sandbox.complete(
                    who,
                    channel,
                    command.qualified_name,
                    {option.display_name: ""},
                    focused=option.display_name,
                )
                found[f"{command.qualified_name} {option.display_name}"] = str(choices)
    return found


async def test_autocomplete_tells_moderators_of_jobs_and_nobody_else(
    scene: Scene, client: FlipbookClient
) -> None:
    pia = await completed(scene, client, scene.people["moderator by permission"], scene.channel)
    assert {name for name, text in pia.items() if scene.job.id in text} == {"mod jobs cancel id"}
    sam = await completed(scene, client, scene.people["stranger"], scene.channel)
    assert {
        name for name, text in sam.items() if scene.job.id in text or "zanzibar" in text
    } == set()
    for name, text in sam.items():
        if name.startswith("mod "):  # what can render here is no secret: `/models` tells it
            assert text == "[]", name


async def test_autocomplete_tells_nothing_across_servers(
    scene: Scene, client: FlipbookClient, elsewhere: Elsewhere
) -> None:
    found = await completed(scene, client, elsewhere.owner, elsewhere.channel)
    told = {name for name, text in found.items() if any(word in text for word in scene.secrets)}
    assert "mod jobs cancel id" in found
    assert told == set()


@pytest.mark.parametrize("name", ROLES)
async def test_the_cancel_button_is_for_its_owner_and_moderators(scene: Scene, name: str) -> None:
    who = scene.people[name]
    pressed = await scene.house.sandbox.press(who, scene.card, f"vid:cancel:{scene.job.id}")
    text = (await pressed.wait_answer()).text
    await settled()
    state = (await scene.house.jobs.get(scene.job.id)).state
    if name == "stranger":
        assert text == "Only the one who asked, or a moderator, can cancel this video."
        assert state is JobState.QUEUED
    else:
        assert "is cancelled" in text
        assert state is JobState.CANCELLED


async def test_a_permission_that_is_lost_while_typing_is_asked_for_again(
    scene: Scene, client: FlipbookClient
) -> None:
    pia = scene.people["moderator by permission"]
    found = await completed(scene, client, pia, scene.channel)
    assert scene.job.id in found["mod jobs cancel id"]
    pia.role_ids.clear()
    before = scene.state()
    assert is_refusal(await scene.use(pia, "mod jobs cancel", {"id": scene.job.id}))
    assert scene.state() == before


async def test_a_role_that_no_longer_moderates_lets_nobody_pass(scene: Scene) -> None:
    rita, owner = scene.people["moderator by role"], scene.people["owner"]
    assert not is_refusal(await scene.use(rita, "mod jobs list", {}))
    await scene.use(owner, "settings moderators", {"remove_role": scene.role})
    assert is_refusal(await scene.use(rita, "mod jobs list", {}))


async def test_a_job_keeps_its_place_when_its_members_role_is_taken_away(
    scene: Scene, client: FlipbookClient
) -> None:
    house = scene.house
    lea = house.sandbox.world.add_member(scene.here, "lea")
    house.sandbox.world.give_role(lea, scene.role)
    act = make_act(guild_id=int(scene.here.id))
    await house.quotas.set_rule(make_rule(Setting.VIDEOS_PER_DAY, 0, target=EVERYONE), act=act)
    job, card = await house.queued(lea)
    lea.role_ids.clear()
    refused = await (await house.video(lea)).wait_answer()
    assert refused.is_ephemeral
    async with house.running(client):
        await house.sandbox.wait_for(lambda: "### Done" in card.text)
    assert (await house.jobs.get(job.id)).state is JobState.DONE
    assert await house.quotas.audit() == []
