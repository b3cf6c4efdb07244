"""Says what a "no" of ModelsLab means: for this request, for everyone, or only for now.

The words decide before the HTTP code does, because errors come inside a 200 as well
(docs.modelslab.com, "Error codes", and bodies recorded by clients). What cannot be told for sure
after a submit is `UnconfirmedError`: it may have been billed.
"""

import re
from collections.abc import Callable

from jobs.errors import BusyError, ProviderError, RefusedError, UnconfirmedError
from providers.modelslab.wire import Reply

SPAM_WAIT_S = 30.0  # "spam filter is enabled, please wait for 30 seconds"

_LATER = re.compile(
    r"rate limit|too many|spam filter|queued requests?|queue (is )?full"
    r"|server(s are| is)? busy|overloaded|at capacity|maintenance",
)
_KEY = re.compile(
    r"(invalid|wrong|expired|incorrect|missing) api ?key|api ?key (is )?(not|in)valid"
)
_SUSPENDED = re.compile(r"^your account (has been |is )?(suspended|banned|disabled|blocked)")
_MONEY = re.compile(
    r"monthly limit|(insufficient|not enough|no|out of) (credit|balance|fund)"
    r"|upgrade (your )?(subscription|plan)|subscri(be|ption) (expired|required|now)"
    r"|your (current )?plan|wallet",
)
_CONTENT = re.compile(
    r"nsfw|prohibited|inappropriate|content policy|(banned|bad|illegal|restricted) word"
    r"|sensitive content|not safe for work",
)
_MODEL = re.compile(r"\bmodel\b.*(not found|not exist|not available|not ready|invalid)")
_SOMETIME = re.compile(r"(\d{1,4}) ?s(ec(ond)?s?)?\b")
_NOT_FOUND = re.compile(r"request not found")
_NOT_UNDERSTOOD = re.compile(r"invalid api request")

OUR_FIELDS = {  # by the wire's names
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "width": "width",
    "height": "height",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance_scale",
    "num_frames": "frames",
    "fps": "fps",
    "seed": "seed",
    "scheduler": "scheduler",
    "model_id": "model",
    "clip_skip": "clip_skip",
}


def is_not_found(reply: Reply) -> bool:
    """The service says that it does not know the job, or does not know it yet."""
    return _NOT_FOUND.search(reply.said.lower()) is not None


def is_not_understood(reply: Reply) -> bool:
    """The service says that the request itself was not what it expects."""
    return _NOT_UNDERSTOOD.search(reply.said.lower()) is not None


def is_about_content(reply: Reply) -> bool:
    """The service says that it may not make, or not show, what was asked."""
    return _CONTENT.search(reply.said.lower()) is not None


def told(reply: Reply | None, status: int, location: str = "") -> str:
    """Return what the service said, for the operator's log."""
    words = " | ".join(word for word in (reply.said, reply.hint) if word) if reply else ""
    place = f" to {location}" if location else ""
    return f"HTTP {status}{place}: {words[:500] or 'no message'}"


def by_words(reply: Reply, detail: str, retry_after_s: float | None) -> ProviderError | None:
    """Return what the message means, or None if it is not one of the known ones."""
    if "key" in reply.wrong_fields:
        return key_refused(detail)
    if OUR_FIELDS.keys() & set(reply.wrong_fields):
        return refused(detail, reply.wrong_fields)
    said = reply.said.lower()
    if _LATER.search(said):
        return busy(detail, retry_after_s or reply.retry_after or _asked_wait(reply))
    readings: tuple[tuple[re.Pattern[str], Callable[[str], ProviderError]], ...] = (
        (_CONTENT, content_refused),
        (_KEY, key_refused),
        (_SUSPENDED, key_refused),
        (_MONEY, out_of_money),
        (_MODEL, no_such_model),
    )
    return next((error(detail) for pattern, error in readings if pattern.search(said)), None)


def by_code(status: int, detail: str, retry_after_s: float | None) -> ProviderError | None:
    """Return what an HTTP code means without its words; None if it says no "no" at all.

    301, 302, 307 and 308 are a "no": the request was not carried out, and is not sent anywhere
    else, since a base URL that answers so is written wrongly. 303 may follow a request that was.
    408 and all from 500 on may be said by a gateway whose service has taken the job.
    """
    if status == 429:
        return busy(detail, retry_after_s)
    if status in {301, 302, 307, 308, 404, 405, 410}:
        return misdirected(detail)
    if status == 401:
        return key_refused(detail)
    if status in {402, 403}:
        return out_of_money(detail)
    if 400 <= status < 500 and status != 408:
        return refused(detail)
    return None


def busy(detail: str, retry_after_s: float | None) -> BusyError:
    """It takes nothing on just now."""
    return BusyError("ModelsLab is busy just now.", retry_after_s=retry_after_s, detail=detail)


def key_refused(detail: str) -> RefusedError:
    """The key is no good, or the account is closed."""
    message = "ModelsLab does not accept this bot's account; its operator has to act."
    return RefusedError(message, refuses_everyone=True, detail=detail)


def out_of_money(detail: str) -> RefusedError:
    """Credits, month or plan are used up."""
    message = "This bot's account at ModelsLab is used up; its operator has to act."
    return RefusedError(message, refuses_everyone=True, detail=detail)


def misdirected(detail: str) -> RefusedError:
    """There is no such API at the configured address."""
    message = "ModelsLab does not answer where this bot looks for it; its operator has to act."
    return RefusedError(message, refuses_everyone=True, detail=detail)


def content_refused(detail: str) -> RefusedError:
    """The prompt is not allowed."""
    return RefusedError("ModelsLab does not allow this prompt.", detail=detail)


def no_such_model(detail: str) -> RefusedError:
    """The model is gone, or not ready."""
    return RefusedError("ModelsLab does not have this model now; choose another.", detail=detail)


def no_such_job(detail: str) -> RefusedError:
    """It does not know the job that it is asked about."""
    return RefusedError("ModelsLab does not know this video.", detail=detail)


def refused(detail: str, wrong_fields: tuple[str, ...] = ()) -> RefusedError:
    """It says no to this request, and perhaps to which field of it."""
    names = [f"`{OUR_FIELDS[name]}`" for name in wrong_fields if name in OUR_FIELDS]
    what = f"the {' and '.join(names)} of this request" if names else "this request"
    return RefusedError(f"ModelsLab refuses {what}.", detail=detail)


def unconfirmed(detail: str) -> UnconfirmedError:
    """There was an answer, and it does not say what became of the request."""
    return UnconfirmedError("ModelsLab gave no clear answer.", detail=detail)


def _asked_wait(reply: Reply) -> float | None:
    """Return how many seconds a message or its tip asks to wait."""
    words = f"{reply.said} {reply.hint}".lower()
    found = _SOMETIME.search(words)
    if found:
        return float(found[1])
    return SPAM_WAIT_S if "spam" in words else None
