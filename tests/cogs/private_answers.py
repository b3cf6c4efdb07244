"""Answers that only the one who used a command sees."""

from bot.sandbox import Interaction, Member, Message
from tests.cogs.conftest import House, settled


async def private(sent: Interaction) -> Message:
    """Return the answer to a command, after checking that nobody else sees it or is pinged."""
    answer = await sent.wait_answer()
    await settled()
    assert answer.is_ephemeral
    assert not answer.pings
    return answer


async def typed(house: House, by: Member, line: str) -> Message:
    """Type a command in Discord's client, which checks it first."""
    return await private(await house.sandbox.slash(by, house.sandbox.channel, line))


async def invoked(house: House, by: Member, command: str, **options: object) -> Message:
    """Send a command with a client that checks nothing."""
    return await private(await house.sandbox.invoke(by, house.sandbox.channel, command, options))
