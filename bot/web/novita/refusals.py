"""How the Novita door says no: a documented status, a documented reason, and a sentence.

Clients of Novita decide by the reason (https://novita.ai/docs/api-reference/basic-error-code), so
each one here means to them what happened: whether it may be tried again, and whether a task
may have been made all the same.
"""

import math
from enum import StrEnum

from aiohttp import web
from pydantic import BaseModel

from bot.web.problems import Problem, ProblemKind


class Reason(StrEnum):
    """Those of the documented reasons that are used here."""

    INVALID_REQUEST_BODY = "INVALID_REQUEST_BODY"
    MISSING_API_KEY = "MISSING_API_KEY"
    INVALID_API_KEY = "INVALID_API_KEY"
    API_NOT_FOUND = "API_NOT_FOUND"
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    CREATE_TASK_FAILED = "CREATE_TASK_FAILED"
    GET_RESULT_FAILED = "GET_RESULT_FAILED"


class Fault(BaseModel, frozen=True):
    """The body of every refusal."""

    code: int
    reason: Reason
    message: str
    metadata: dict[str, str] = {}


_DOCUMENTED = {
    ProblemKind.BAD_REQUEST: (400, Reason.INVALID_REQUEST_BODY),
    ProblemKind.TOO_LARGE: (400, Reason.INVALID_REQUEST_BODY),
    # It is about this one request: too large a picture, a model that is not for this key. The
    # documented 403s are about accounts, and clients give the whole service up on them.
    ProblemKind.FORBIDDEN: (400, Reason.INVALID_REQUEST_BODY),
    ProblemKind.UNAUTHORIZED: (403, Reason.INVALID_API_KEY),
    ProblemKind.NOT_FOUND: (404, Reason.TASK_NOT_FOUND),
    ProblemKind.RATE_LIMITED: (429, Reason.RATE_LIMIT_EXCEEDED),
    # What a key may use comes back by itself, when a task is done or a span is over.
    ProblemKind.QUOTA: (429, Reason.RATE_LIMIT_EXCEEDED),
    # No task was made, and of the documented reasons only this one says so.
    ProblemKind.UNAVAILABLE: (503, Reason.RATE_LIMIT_EXCEEDED),
}


def refusal(problem: Problem, *, has_key: bool, broken: Reason) -> web.Response:
    """Return the answer to a request that is refused.

    Args:
        problem: Why.
        has_key: Whether any key came along: a missing one and a wrong one are told apart.
        broken: What this path calls a fault of ours.
    """
    code, reason = _told(problem.kind, has_key=has_key, broken=broken)
    fault = Fault(code=code, reason=reason, message=problem.message)
    answer = web.json_response(text=fault.model_dump_json(), status=code)
    if problem.retry_after_s is not None:
        answer.headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after_s)))
    return answer


def not_an_api(*, status: int) -> web.Response:
    """Return the answer to a path or a method that Novita may have and this door has not."""
    message = "There is no such API here; txt2video, task-result and model are served."
    fault = Fault(code=status, reason=Reason.API_NOT_FOUND, message=message)
    return web.json_response(text=fault.model_dump_json(), status=status)


def _told(kind: ProblemKind, *, has_key: bool, broken: Reason) -> tuple[int, Reason]:
    match kind:
        case ProblemKind.UNAUTHORIZED if not has_key:
            return 400, Reason.MISSING_API_KEY
        case ProblemKind.BROKEN:
            return 500, broken
        case _:
            return _DOCUMENTED[kind]
