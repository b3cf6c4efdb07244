"""A stand-in for Discord on loopback, for tests, the demo and people without a token."""

from bot.sandbox.client.person import Person, Use
from bot.sandbox.errors import CommandLineError, RefusedError, SandboxError, SandboxTimeoutError
from bot.sandbox.rest.exchange import Exchange, read_traffic, traffic_log
from bot.sandbox.rest.faults import Fault
from bot.sandbox.sandbox import Sandbox
from bot.sandbox.world.accounts import Role, User
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.entities import Channel, Guild, Member, Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.interaction import Interaction
from bot.sandbox.world.limits import Limit, RateLimits, Scope
from bot.sandbox.world.world import World

__all__ = [
    "Attachment",
    "Channel",
    "CommandLineError",
    "Exchange",
    "Fault",
    "Guild",
    "Interaction",
    "Limit",
    "Member",
    "Message",
    "Person",
    "RateLimits",
    "RefusedError",
    "Role",
    "Sandbox",
    "SandboxClock",
    "SandboxError",
    "SandboxTimeoutError",
    "Scope",
    "Use",
    "User",
    "World",
    "read_traffic",
    "traffic_log",
]
