"""What members write: ordinary messages, under the rules that hold for them."""

from bot.sandbox.errors import ApiError, RefusedError
from bot.sandbox.rules.mentions import MESSAGE_PARSE, AllowedMentions, reached
from bot.sandbox.rules.speech import check_speech
from bot.sandbox.world.entities import Channel, Member, Message
from bot.sandbox.world.world import World


def speak(world: World, member: Member, channel: Channel, content: str) -> Message:
    """Post a member's ordinary message; in an archived thread that takes it out of the archive.

    Raises:
        RefusedError: Discord would not let the member; `code` says why.
    """
    try:
        check_speech(member, channel, content, world.clock.now())
    except ApiError as error:
        raise RefusedError(error) from error
    if channel.archived:
        world.revive_thread(channel)
    mentions = AllowedMentions(parse=MESSAGE_PARSE).found(content, channel, member)
    return world.say(member, channel, content, mentions=mentions, pings=reached(mentions, channel))
