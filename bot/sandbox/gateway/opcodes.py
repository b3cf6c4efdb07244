"""The numbers of the gateway's language.

Source: Discord's "Opcodes and Status Codes": Gateway Opcodes, Gateway Close Event Codes.
"""

from enum import IntEnum


class Op(IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11
    REQUEST_SOUNDBOARD_SOUNDS = 31
    REQUEST_CHANNEL_INFO = 43


FROM_CLIENTS = frozenset(
    {
        Op.HEARTBEAT,
        Op.IDENTIFY,
        Op.PRESENCE_UPDATE,
        Op.VOICE_STATE_UPDATE,
        Op.RESUME,
        Op.REQUEST_GUILD_MEMBERS,
        Op.REQUEST_SOUNDBOARD_SOUNDS,
        Op.REQUEST_CHANNEL_INFO,
    }
)


class CloseCode(IntEnum):
    """Why a gateway connection was closed."""

    NORMAL = 1000
    GOING_AWAY = 1001
    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQ = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    SHARDING_REQUIRED = 4011
    INVALID_API_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


SESSION_ENDS = frozenset(
    {
        CloseCode.NORMAL,  # "Initiating a Disconnect": these two invalidate the session
        CloseCode.GOING_AWAY,
        CloseCode.INVALID_SEQ,  # "Reconnect and start a new session", as the next but one
        CloseCode.AUTHENTICATION_FAILED,  # and all that forbid to reconnect
        CloseCode.SESSION_TIMED_OUT,
        CloseCode.INVALID_SHARD,
        CloseCode.SHARDING_REQUIRED,
        CloseCode.INVALID_API_VERSION,
        CloseCode.INVALID_INTENTS,
        CloseCode.DISALLOWED_INTENTS,
    }
)
"""Codes after which a session cannot be resumed."""


class GatewayCloseError(Exception):
    """What a client sent closes its connection; never leaves the sandbox."""

    def __init__(self, code: CloseCode) -> None:
        self.code = code
        super().__init__(f"{int(code)} {code.name}")
