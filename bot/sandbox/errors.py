"""What can go wrong in the sandbox.

    SandboxError
    ├── CommandLineError      a slash command that a Discord client would not have sent
    └── SandboxTimeoutError   what a test waited for did not happen (also an AssertionError)
    ApiError                  an answer that Discord would give to the bot; never leaves the sandbox

The codes are those of Discord's "Opcodes and Status Codes", section "JSON Error Codes".
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from bot.sandbox.json_types import JsonObject


class SandboxError(Exception):
    """Something the user of the sandbox did wrong or waited for in vain."""


class CommandLineError(SandboxError):
    """A Discord client would refuse to send this command."""


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
    TOO_LARGE = (413, 40005, "Request entity too large")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_THE_AUTHOR = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    CANNOT_SEND_TO_USER = (403, 50007, "Cannot send messages to this user")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    INVALID_FORM = (400, 50035, "Invalid Form Body")
    THREAD_ARCHIVED = (400, 50083, "Thread is archived")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")
    CANNOT_REPLY = (400, 160002, "Cannot reply without permission to read message history")
    THREAD_LOCKED = (400, 160005, "Thread is locked")


class ApiError(Exception):
    """Discord's answer to a request that it will not carry out."""

    def __init__(self, problem: Problem, errors: JsonObject | None = None) -> None:
        self.status, self.code, self.message = problem.value
        self.errors = errors
        super().__init__(f"{self.status} {self.code} {self.message}")

    @property
    def body(self) -> JsonObject:
        """The JSON that goes with the status."""
        body: JsonObject = {"message": self.message, "code": self.code}
        return body if self.errors is None else {**body, "errors": self.errors}


def invalid(path: Sequence[str | int], code: str, message: str) -> ApiError:
    """Make the 400/50035 that points at one field, as Discord's "Error Messages" describes."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for step in reversed(path):
        errors = {str(step): errors}
    return ApiError(Problem.INVALID_FORM, errors)
