"""Uploaded files, and how large they may be."""

from dataclasses import dataclass, field

MIB = 1024**2
UPLOAD_LIMITS = {0: 10 * MIB, 1: 10 * MIB, 2: 50 * MIB, 3: 100 * MIB}
"""Per attachment by premium tier: Discord's change log, 2025-01-16 and 2025-04-03; discord.py's
`Guild.filesize_limit`. Discord began to raise the lowest to 20 MiB in 2026 (discord-api-docs#8572).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file on a message."""

    id: str
    channel_id: str
    filename: str
    content: bytes = field(repr=False)
    content_type: str
    description: str | None = None
    is_spoiler: bool = False
    is_ephemeral: bool = False
    path: str
    url: str
    """A signed link, good for a day from the posting; answers to the bot carry fresh ones."""

    def is_shown_by(self, urls: list[str]) -> bool:
        """Whether one of these media URLs means this file."""
        own = f"attachment://{self.filename}"
        return any(url == own or self.path in url for url in urls)
