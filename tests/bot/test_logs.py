import json
import logging

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
