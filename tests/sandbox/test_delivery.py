"""How interactions reach the bot: once, twice, in no order, or not at all.

Source: Discord's reference, "Consistency": an event may come "never", "once" or "up to N times".
"""

from bot.sandbox import Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

PING = {"name": "ping", "description": "Answer", "type": 1}


async def test_what_nobody_listens_to_is_lost_and_fails(sandbox: Sandbox, rest: Rest) -> None:
    await rest("PUT", f"/applications/{sandbox.world.bot.id}/commands", [PING])
    assert not sandbox.is_connected
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/ping")
    sandbox.clock.advance(3.1)
    assert sent.failed(sandbox.clock.now())
    assert (sent.acked_at, sent.message) == (None, None)


async def test_an_interaction_may_come_twice(sandbox: Sandbox, bot: LoungeBot) -> None:
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    await sandbox.redeliver(sent)
    first, second = await bot.uses.get(), await bot.uses.get()
    assert first is not second
    assert {first.id, second.id} == {int(sent.id)}
    assert first.token == second.token == sent.token


async def test_interactions_may_come_in_another_order(sandbox: Sandbox, bot: LoungeBot) -> None:
    with sandbox.delivered_backwards():
        for prompt in ("a", "b", "c"):
            await sandbox.slash(sandbox.ben, sandbox.channel, f"/video prompt:{prompt}")
        assert bot.uses.empty()
    received = [await bot.uses.get() for _ in range(3)]
    assert [interaction.namespace.prompt for interaction in received] == ["c", "b", "a"]
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:d")
    assert (await bot.uses.get()).namespace.prompt == "d"
