"""Where traffic is known to differ from Discord's OpenAPI document, and why nobody is to blame.

Either the document falls short of Discord's documentation (which holds where the two differ, says
the document's own README), or a client has a habit that Discord is known to bear.
"""

import re
from dataclasses import dataclass

from tests.referee.violations import Violation

UPLOADS = r"\$(\.data)?\.attachments\[\d+\]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One difference: where the referee looks away, and why it may."""

    name: str
    reason: str
    route: str = ".*"
    side: str
    path: str
    complaint: str

    def covers(self, violation: Violation) -> bool:
        """Tell whether this is what a violation is about."""
        pairs = (
            (self.route, f"{violation.method} {violation.route}"),
            (self.side, violation.side),
            (self.path, violation.path),
            (self.complaint, violation.complaint),
        )
        return all(re.fullmatch(pattern, text) for pattern, text in pairs)


DOCUMENT = (
    Discrepancy(
        name="attachments[].id",
        reason=(
            "the document wants a string; Discord's 'Message' resource says 'snowflake or number' "
            "for a new file, and its examples, discord.py and hikari send the part's number"
        ),
        side="request",
        path=rf"{UPLOADS}\.id",
        complaint="is not of type 'string'",
    ),
    Discrepancy(
        name="errors[…]._errors[].code",
        reason=(
            "the document wants a number; Discord's 'API Reference', section 'Error Messages', "
            "shows words such as BASE_TYPE_REQUIRED"
        ),
        side=r"answer 4\d\d",
        path=r"\$\.errors.*\['_errors'\]\[\d+\]\.code",
        complaint="is not of type 'integer'",
    ),
    Discrepancy(
        name="nsfw of a command",
        reason=(
            "the document has it in answers only; Discord's 'Application Commands' has it among "
            "the parameters of every create, edit and overwrite (discord-api-docs#5617)"
        ),
        route=r"(POST|PUT|PATCH) /applications/.*/commands(/\{command_id\})?",
        side="request",
        path=r"\$(\[\d+\])?\.nsfw",
        complaint="unknown key",
    ),
    Discrepancy(
        name="default_member_permissions of a command",
        reason=(
            "the document wants a number; Discord's 'Application Commands' says a string, and the "
            "document's own README that the API reads both where it wants numbers"
        ),
        route=r"(POST|PUT|PATCH) /applications/.*/commands(/\{command_id\})?",
        side="request",
        path=r"\$(\[\d+\])?\.default_member_permissions",
        complaint="is not of type 'integer', 'null'",
    ),
)

CLIENTS = (
    Discrepancy(
        name="tts of an edit",
        reason=(
            "only a create knows it; discord.py writes it with whatever it sends "
            "(http.py, handle_message_parameters), and its edits work (observed by its many users)"
        ),
        route=r"PATCH .*|POST /interactions/.*",
        side="request",
        path=r"\$(\.data)?\.tts",
        complaint="unknown key",
    ),
    Discrepancy(
        name="flags of an embed",
        reason=(
            "only answers know them; discord.py writes them with every embed (embeds.py, to_dict), "
            "and Discord takes them (observed by its many users)"
        ),
        side="request",
        path=r"\$(\.data)?\.embeds\[\d+\]\.flags",
        complaint="unknown key",
    ),
    Discrepancy(
        name="a kept attachment as a whole",
        reason=(
            "an edit needs no more than the id of a file to keep; discord.py returns all that it "
            "was told (message.py, Attachment.to_dict)"
        ),
        route="PATCH .*",
        side="request",
        path=rf"{UPLOADS}\.(content_type|height|proxy_url|size|spoiler|url|width)",
        complaint="unknown key",
    ),
    Discrepancy(
        name="numbers for ids",
        reason=(
            "ids are strings in JSON; discord.py writes those of a reply, of a mention and of whom "
            "it writes to as numbers (message.py, MessageReference.to_dict; mentions.py; http.py, "
            "start_private_message), and Discord takes them (observed by its many users)"
        ),
        side="request",
        path=(
            r"\$\.message_reference\.(message|channel|guild)_id|\$\.recipient_id"
            r"|\$(\.data)?\.allowed_mentions\.(users|roles)\[\d+\]"
        ),
        complaint="is not of type 'string'|fits no alternative",
    ),
)

KNOWN = (*DOCUMENT, *CLIENTS)
