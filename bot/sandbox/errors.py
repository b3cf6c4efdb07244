"""What can go wrong in the sandbox.

    SandboxError
    ├── CommandLineError      a slash command that a Discord client would not have sent
    ├── RefusedError          something of a member's that Discord would refuse
    └── SandboxTimeoutError   what a test waited for did not happen (also an AssertionError)

These never leave the sandbox: they become what a bot is told.

    ApiError                  a refusal of Discord's; that of a member's deed becomes a RefusedError
    RateLimitedError          a 429 with its bucket (`rest/limiter.py`)
    GatewayCloseError         a close code of the gateway (`gateway/opcodes.py`)
    _CutError                 a scripted fault that cuts the connection (`rest/api.py`)

The codes are those of Discord's "Opcodes and Status Codes", section "JSON Error Codes".
"""

import math
from collections.abc import Sequence
from enum import Enum
from typing import Any

from bot.sandbox.json_types import JsonObject


class SandboxError(Exception):
    """Something the user of the sandbox did wrong or waited for in vain."""


class CommandLineError(SandboxError):
    """A Discord client would refuse to send this command."""


class RefusedError(SandboxError):
    """Discord would refuse what a member wants to do; `code` is what it would answer."""

    def __init__(self, error: "ApiError") -> None:
        self.code = error.code
        self.retry_after_s = error.retry_after_s
        super().__init__(error.message)


class SandboxTimeoutError(SandboxError, AssertionError):
    """What was waited for did not happen in time."""


class Problem(Enum):
    """A refusal of Discord's: HTTP status, code, message."""

    NOT_FOUND = (404, 0, "404: Not Found")
    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
    SLOW_MODE = (429, 20016, "This action cannot be performed due to slowmode rate limit")
    TOO_MANY_COMMAND_CREATES = (
        400,
        30034,
        "Max number of daily application command creates has been reached (200)",
    )
    OLD_EDITS = (
        429,
        30046,
        "Maximum number of edits to messages older than 1 hour reached. Try again later",
    )
    TOO_LARGE = (413, 40005, "Request entity too large")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_THE_AUTHOR = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    CANNOT_SEND_TO_USER = (403, 50007, "Cannot send messages to this user")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    WRONG_CHANNEL_TYPE = (400, 50024, "Cannot execute action on this channel type")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    INVALID_RECIPIENTS = (400, 50033, "Invalid Recipient(s)")
    INVALID_FORM = (400, 50035, "Invalid Form Body")
    THREAD_ARCHIVED = (400, 50083, "Thread is archived")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")
    CANNOT_REPLY = (400, 160002, "Cannot reply without permission to read message history")
    THREAD_EXISTS = (400, 160004, "A thread has already been created for this message")
    THREAD_LOCKED = (400, 160005, "Thread is locked")
    BLOCKED = (400, 200000, "Message was blocked by automatic moderation")
    INTERNAL = (500, 0, "500: Internal Server Error")


class ApiError(Exception):
    """Discord's answer to a request that it will not carry out."""

    def __init__(
        self,
        problem: Problem,
        errors: JsonObject | None = None,
        *,
        retry_after_s: float | None = None,
    ) -> None:
        self.status, self.code, self.message = problem.value
        self.errors = errors
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.status} {self.code} {self.message}")

    @property
    def body(self) -> JsonObject:
        """The JSON that goes with the status."""
        body: JsonObject = {"message": self.message, "code": self.code}
        if self.retry_after_s is not None:
            body |= {"retry_after": self.retry_after_s, "global": False}
        return body if self.errors is None else {**body, "errors": self.errors}

    @property
    def headers(self) -> dict[str, str]:
        """What goes with a 429 ("Rate Limits", Exceeding A Rate Limit)."""
        if self.retry_after_s is None:
            return {}
        return retry_headers(self.retry_after_s)


def retry_headers(retry_after_s: float) -> dict[str, str]:
    """Return what every 429 of Discord's has among its headers."""
    # Without `Via` clients take a 429 for a ban by Cloudflare (see discord.py, http.py).
    return {"Retry-After": str(math.ceil(retry_after_s)), "Via": "1.1 google"}


def invalid(path: Sequence[str | int], code: str, message: str) -> ApiError:
    """Make the 400/50035 that points at one field, as Discord's "Error Messages" describes."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for step in reversed(path):
        errors = {str(step): errors}
    return ApiError(Problem.INVALID_FORM, errors)
