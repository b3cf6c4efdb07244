"""Signs outgoing webhooks as Standard Webhooks wants it, so any of its libraries can check them.

Source: https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from jobs.errors import SettingsError

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64  # of a secret, as the specification says


class Signer:
    """Writes the headers of a message.

    Args:
        secret: The key of the HMAC; without one, messages are numbered and not signed.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret

    def headers(self, message_id: str, body: bytes, *, at: datetime) -> Mapping[str, str]:
        """Return the headers of one try to send a message.

        Args:
            message_id: The same for every try, so that a receiver knows what it has seen.
            body: Exactly the bytes that are sent.
            at: When; a receiver refuses what is older than five minutes.
        """
        timestamp = str(int(at.timestamp()))
        headers = {"webhook-id": message_id, "webhook-timestamp": timestamp}
        if self._secret is None:
            return headers
        signed = f"{message_id}.{timestamp}.".encode() + body
        digest = hmac.digest(self._secret, signed, hashlib.sha256)
        return {**headers, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def read_secret(text: str) -> bytes:
    """Return the key that a secret stands for: base64, with or without `whsec_` before it.

    Raises:
        SettingsError: It is no base64 of 24 to 64 bytes.
    """
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not MIN_BYTES <= len(secret) <= MAX_BYTES:
        message = (
            f"FLIPBOOK_WEBHOOK_SECRET is {PREFIX} and then base64 of {MIN_BYTES} to {MAX_BYTES} "
            "bytes, as in Standard Webhooks."
        )
        raise SettingsError(message)
    return secret
