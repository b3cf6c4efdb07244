"""What an answer that is no success means for the money and for the member.

Novita says what is wrong by `reason`; the HTTP status is kept for answers that have none. The
rule for money: whatever does not say clearly that no task was made is `UnconfirmedError`.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from jobs.errors import BusyError, ProviderError, RefusedError, UnconfirmedError
from providers.http import Answer
from providers.novita.wire import Fault, read_fault

NOT_FOUND = "TASK_NOT_FOUND"
NOT_NOW = "Novita takes no jobs from this bot just now; the bot's operator has to act."
BUSY = "Novita is busy just now."
LOST = "Novita's answer was lost, so it is not known whether the video is being made."
REFUSED = "Novita did not take this job on."
FAILED = "Novita could not make this video."
DETAIL_CHARS = 300

# https://novita.ai/docs/api-reference/basic-error-code, and the JS SDK for the anonymous quota.
SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "ILLEGAL_PROMPT": "Novita's content filter refused this prompt; try other words.",
        "INVALID_REQUEST_BODY": "Novita does not accept these settings; try the model's defaults.",
        "INVALID_CUSTOM_OUTPUT_PATH": REFUSED,
        NOT_FOUND: "Novita does not know this video.",
    }
)
REFUSES_EVERYONE = frozenset(
    {
        "BILLING_BALANCE_NOT_ENOUGH",
        "BILLING_AUTH_FAILED",
        "MISSING_API_KEY",
        "INVALID_API_KEY",
        "API_NOT_ALLOWED",
        "API_NOT_FOUND",  # the base URL is wrong, or the service has gone
        "NEED_REAL_NAME_VERIFY",
        "ANONYMOUS_ACCESS_QUOTA_EXCEEDS",
    }
)
RATE_LIMITED = "RATE_LIMIT_EXCEEDED"
# They come with 500, and nothing documented says that no task was made or billed before it:
# the queue may have taken the task while its answer was lost inside. So they prove nothing.
PROVES_NOTHING = frozenset(
    {"BILLING_FAILED", "CREATE_TASK_FAILED", "GET_RESULT_FAILED", "TASK_FAILED"}
)
# The account is asked about before anything is made: the documented 403s are all of this kind,
# the general error guide says 401 for a bad key, and 402 is what payment means in HTTP.
OF_THE_ACCOUNT = frozenset({401, 402, 403})
# The request is to be made elsewhere, so it was not done here (RFC 9110, 15.4). After 302 and
# 303 it may have been, and what is elsewhere is only its result.
MOVED = frozenset({301, 307, 308})
# The server gave up waiting, or somebody in between did: it may have been done (RFC 9110; nginx).
GAVE_UP = frozenset({408, 499})


def error_of(answer: Answer, *, secrets: Iterable[str]) -> ProviderError:
    """Return what an answer that is no success means.

    Args:
        answer: Of any status: a refusal may come inside a 200.
        secrets: What must not reach the operator's log, even if the service repeats it.
    """
    fault = read_fault(answer.json())
    detail = _detail(answer, fault, secrets)
    reason = fault.reason if fault else ""
    status = _status(answer.status, fault)
    if reason == RATE_LIMITED or status == 429:
        return BusyError(BUSY, retry_after_s=answer.retry_after_s, detail=detail)
    if reason in SENTENCES:
        return RefusedError(SENTENCES[reason], detail=detail)
    if reason in PROVES_NOTHING:
        return UnconfirmedError(LOST, detail=detail)
    if reason in REFUSES_EVERYONE or status in OF_THE_ACCOUNT or status in MOVED:
        return RefusedError(NOT_NOW, refuses_everyone=True, detail=detail)
    if fault and 400 <= status < 500 and status not in GAVE_UP:
        return RefusedError(REFUSED, detail=detail)
    return UnconfirmedError(LOST, detail=detail)


def is_not_found(answer: Answer) -> bool:
    """Say whether the service answered that it knows no such task."""
    fault = read_fault(answer.json())
    return fault is not None and fault.reason == NOT_FOUND


def failure_of(reason: str) -> str:
    """Return the sentence for a task that was taken on and failed."""
    return SENTENCES.get(reason, FAILED)


def plain(text: str, secrets: Iterable[str]) -> str:
    """Make what a service said fit for a log: one short line without the secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return "".join(char if char.isprintable() else " " for char in text)[:DETAIL_CHARS]


def _status(status: int, fault: Fault | None) -> int:
    """Return the status, or the one that a refusal inside a success names."""
    if 200 <= status < 300 and fault and fault.code is not None:
        return fault.code
    return status


def _detail(answer: Answer, fault: Fault | None, secrets: Iterable[str]) -> str:
    return f"HTTP {answer.status}: {plain(_said(answer, fault), secrets)}"


def _said(answer: Answer, fault: Fault | None) -> str:
    if fault:
        return f"{fault.reason} {fault.message}"
    if answer.json() is not None:  # it may hold a signed link, or the address of a webhook
        return "JSON that is not documented"
    return answer.body.decode(errors="replace")  # whole, as half a secret is still one
