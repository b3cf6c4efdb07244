"""What went wrong in a request, told by its kind and never in a library's words.

A library's text quotes addresses with their signatures, and sometimes bodies with a key in them.
"""

import os
import socket
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from jobs.errors import ProviderError

# All that aiohttp raises for what the other side, the line or an address has done.
FAILURES = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError, RuntimeError)


def tell(error: Exception) -> str:
    """Return an error's kind, and its reason where that cannot hold a secret."""
    if isinstance(error, ProviderError):
        return error.detail
    reason = _reason_of(error)
    return f"{type(error).__name__}, {reason}" if reason else type(error).__name__


def _reason_of(error: Exception) -> str:
    match _root_of(error):
        case ssl.SSLCertVerificationError(verify_message=reason):
            return reason
        case ssl.SSLError(reason=reason) | socket.gaierror(strerror=reason):
            return reason or ""
        case OSError(errno=int(number)):
            return os.strerror(number)
        case _:
            return ""


def _root_of(error: Exception) -> Exception:
    """Return what aiohttp has wrapped, if it has."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return error.certificate_error
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
