"""Makes the certificates that let a bot believe it talks to Discord, for this sandbox only."""

import ssl
from pathlib import Path

import trustme

from bot.sandbox.hosts import HOSTS


def write_authority(ca_file: Path) -> ssl.SSLContext:
    """Write a fresh CA's certificate and make the server's TLS context for Discord's hosts."""
    authority = trustme.CA()
    ca_file.parent.mkdir(parents=True, exist_ok=True)
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*HOSTS).configure_cert(context)
    return context
