"""Shows a posted message in a terminal, for people who have no Discord at hand."""

import re

from bot.sandbox.rules.mentions import USER_MENTION
from bot.sandbox.world.components import Button
from bot.sandbox.world.entities import Message
from bot.sandbox.world.files import Attachment

LINE_SIGN = re.compile(r"^(?:#{1,3}|-#) ", re.MULTILINE)
INVISIBLE = re.compile("[\u2066-\u2069]")  # the isolates around text that may run right to left


def render(message: Message) -> str:
    """Write a message as plain text: author, what it replies to, text, files, buttons."""
    lines = [
        _head(message),
        *_indented(readable(message) or ("(thinking)" if message.is_loading else "")),
    ]
    lines += [f"  [file] {_file(attachment)}" for attachment in message.shown_attachments]
    if message.buttons:
        lines.append("  " + " ".join(_button(button) for button in message.buttons))
    return "\n".join(lines)


def readable(message: Message) -> str:
    """Return a message's text without its markdown signs, and people by their names."""
    text = USER_MENTION.sub(lambda found: _name(message, found[1]), message.text)
    text = INVISIBLE.sub("", text)
    return LINE_SIGN.sub("", text)


def first_line(message: Message) -> str:
    """Return how a message is quoted above its reply."""
    return readable(message).split("\n", 1)[0][:60]


def _name(message: Message, user_id: str) -> str:
    member = message.channel.guild.members.get(user_id)
    return f"@{member.name}" if member else "@unknown"


def _head(message: Message) -> str:
    place = f"#{message.channel.name}"
    private = f" (only {message.ephemeral_to.name} sees this)" if message.ephemeral_to else ""
    reply = f"  > replying to {_quote(message.reference)}" if message.reference else ""
    head = f"{message.author.name} in {place} at {message.created_at:%H:%M:%S}{private}"
    return "\n".join(part for part in (head, reply) if part)


def _quote(message: Message) -> str:
    return f"{message.author.name}: {first_line(message)}"


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.split("\n")] if text else []


def _file(attachment: Attachment) -> str:
    size = len(attachment.content)
    shown = f"{size} bytes" if size < 10_000 else f"{size / 1000:,.0f} kB"
    description = f": {attachment.description}" if attachment.description else ""
    return f"{attachment.filename} ({attachment.content_type}, {shown}){description}"


def _button(button: Button) -> str:
    label = button.label or "?"
    if button.url:
        return f"[{label} -> {button.url}]"
    return f"({label})" if button.disabled else f"[{label}]"
