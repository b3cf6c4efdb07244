import json
import logging
from urllib.parse import quote

import pytest

from bot.logs import JsonFormatter, Redactor

TOKEN = "MTIz.made.up-token"


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "jobs", "levelname": "INFO", "msg": message, "args": arguments}
    )
    vars(made).update(extra)
    return made


def test_known_secrets_never_reach_a_log_line() -> None:
    formatter = Redactor(logging.Formatter("%(message)s"), [TOKEN])
    assert formatter.format(record("using %s", TOKEN)) == "using •••"


@pytest.mark.parametrize("secret", ['sk_"quoted"', "sk_back\\slash", "sk_a/b+c=", "sk_it's"])
def test_a_secret_is_found_however_it_is_written(secret: str) -> None:
    line = Redactor(JsonFormatter(), [secret]).format(
        record("%s %r %s", secret, [secret], quote(secret, safe=""), body=json.dumps(secret))
    )
    assert secret not in line
    assert json.dumps(secret)[1:-1] not in line
    assert quote(secret, safe="") not in line


def test_the_token_of_an_interaction_is_taken_out_of_its_url() -> None:
    formatter = Redactor(logging.Formatter("%(message)s"), [])
    line = formatter.format(record("PATCH /webhooks/12/aW50ZXI.x-_y=/messages/@original"))
    assert line == "PATCH /webhooks/12/•••/messages/@original"


def test_a_json_line_carries_what_extra_brought_and_the_traceback() -> None:
    error = ValueError(TOKEN)
    made = record("Job %s failed", "abc", action="job_failed", exc_info=(ValueError, error, None))
    entry = json.loads(Redactor(JsonFormatter(), [TOKEN]).format(made))
    assert entry["message"] == "Job abc failed"
    assert entry["action"] == "job_failed"
    assert "ValueError: •••" in entry["exception"]
