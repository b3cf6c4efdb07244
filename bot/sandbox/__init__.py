"""A stand-in for Discord on loopback, for tests, the demo and people without a token."""

from bot.sandbox.errors import CommandLineError, SandboxError, SandboxTimeoutError
from bot.sandbox.rest.faults import Fault
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.entities import Attachment, Channel, Guild, Member, Message, Role, User
from bot.sandbox.world.interaction import Interaction
from bot.sandbox.world.world import World

__all__ = [
    "Attachment",
    "Channel",
    "CommandLineError",
    "Fault",
    "Guild",
    "Interaction",
    "Member",
    "Message",
    "Role",
    "Sandbox",
    "SandboxClock",
    "SandboxError",
    "SandboxTimeoutError",
    "User",
    "World",
]
