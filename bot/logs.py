"""Log lines for people (text) or machines (JSON), with secrets taken out of both.

`discord` loggers stay above DEBUG: they print interaction tokens and whole payloads there.
"""

import json
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

from typing_extensions import override

from bot.redaction import hide_shapes
from bot.settings import LogFormat

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
WEBHOOK_TOKEN = re.compile(r"(/(?:webhooks|interactions)/\d+/|/hooks/[\w-]+/)[\w.=-]+")


class Redactor(logging.Formatter):
    """Writes one record, with every known secret and every interaction token replaced."""

    def __init__(self, inner: logging.Formatter, secrets: Sequence[str]) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = secrets

    @override
    def format(self, record: logging.LogRecord) -> str:
        line = hide(self._inner.format(record), self._secrets)
        return hide_shapes(WEBHOOK_TOKEN.sub(r"\1•••", line))


def hide(text: str, secrets: Sequence[str]) -> str:
    """Return a text with every secret replaced, in every form in which it may stand there."""
    forms = {form for secret in secrets if secret for form in _forms_of(secret)}
    for form in sorted(forms, key=len, reverse=True):  # none may spoil a longer one
        text = text.replace(form, "•••")
    return text


def _forms_of(secret: str) -> set[str]:
    """Return a secret as it is, as in JSON, as in a `repr`, and as in an address."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        quote(secret, safe=""),
        quote_plus(secret),
    }


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what `extra` brought."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


def set_up_logs(
    log_format: LogFormat, secrets: Sequence[str], *, level: int = logging.INFO
) -> None:
    """Send all logs to stderr, which leaves stdout to what a command prints."""
    inner = (
        JsonFormatter()
        if log_format is LogFormat.JSON
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redactor(inner, secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("discord").setLevel(max(level, logging.INFO))
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
