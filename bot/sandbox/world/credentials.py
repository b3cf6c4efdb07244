"""The bot's token, which Discord resets when a bot starts too many sessions.

Source: Discord's "Gateway", Identifying.
"""

import base64
import secrets


class Credentials:
    """The token that is good at present; it looks like Discord's."""

    def __init__(self, bot_id: str) -> None:
        self._head = base64.urlsafe_b64encode(bot_id.encode()).decode().rstrip("=")
        self.token = ""
        self.reset()

    def reset(self) -> None:
        """Make a new token; the old one opens nothing any more."""
        self.token = f"{self._head}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(27)}"
