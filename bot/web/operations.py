"""What is served at the HTTP door, path by path: what the OpenAPI document and the page tell.

Fields and ranges are those of the bodies and answers themselves; here is only which of them belongs
where, and what a caller has to know beside them.
"""

from bot.web.examples import NOVITA_EXAMPLE, V4_EXAMPLE, V6_EXAMPLE
from bot.web.modelslab.bodies import AskedV4, AskedV6, Fetch, FetchById
from bot.web.modelslab.door import FETCHES, MODEL_LIST, V4_FETCH, V4_SUBMIT, V6_SUBMIT
from bot.web.modelslab.shapes import (
    Callback,
    Failed,
    FailedCallback,
    ModelRow,
    Processing,
    Refused,
    Success,
    Waiting,
)
from bot.web.novita.answers import Event, Submitted, TaskResult
from bot.web.novita.bodies import Submit
from bot.web.novita.listing import MAX_PAGE, ModelPage
from bot.web.novita.refusals import Fault
from bot.web.novita.routes import MODELS, TASK_RESULT, TXT2VIDEO
from bot.web.openapi import FORM, JSON, OK, Answer, Group, Operation, Parameter, Service

ABOUT = (
    "Text in, video out, on your own GPU. Two protocols are served, so that code which was written "
    "for stablediffusionapi.com (ModelsLab) or for Novita runs here with another base URL and "
    "another key. `python -m bot keys create NAME` makes a key."
)
MODELSLAB = "ModelsLab"
NOVITA = "Novita"
FILES = "Files"

GROUPS = (
    Group(
        name=MODELSLAB,
        about=(
            "Every path takes JSON or a form by POST, with the key in the body as `key`, or in the "
            "`Authorization` header. Refusals come inside HTTP 200 with `status` `error`; only "
            "what should be repeated later is 429 or 503."
        ),
    ),
    Group(
        name=NOVITA,
        about=(
            "The key comes as `Authorization: Bearer KEY`, or bare. Refusals have a status of "
            "their own, and a `reason` to decide by."
        ),
    ),
    Group(name=FILES, about="Finished videos, behind links that are signed and expire."),
)

IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    about="The same one again gives the same job, however often it is sent.",
    schema={"type": "string", "pattern": "^[!-~]{1,255}$"},
)
NUMBER = Parameter(
    name="id",
    place="path",
    about="That of the submit's answer.",
    schema={"type": "integer", "minimum": 1},
)
TASK_ID = Parameter(
    name="task_id",
    place="query",
    about="That of the submit's answer.",
    schema={"type": "string", "minLength": 1},
    is_required=True,
)
MODEL_FILTERS = (
    Parameter(
        name="filter.types",
        place="query",
        about="`checkpoint`, `lora` or `textualinversion`, or several with commas; else all.",
    ),
    Parameter(name="filter.query", place="query", about="A part of a name."),
    Parameter(
        name="pagination.limit",
        place="query",
        about="How many on a page; 20 if it is not said.",
        schema={"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
    ),
    Parameter(
        name="pagination.cursor",
        place="query",
        about="`next_cursor` of the page before.",
        schema={"type": "string", "pattern": "^c_[0-9]{1,9}$"},
    ),
)
FILE_TYPES = ("video/mp4", "image/gif")
TEXT = "text/plain"

LATER = {
    429: Answer(about="Too many requests.", shape=Refused, may_wait=True),
    503: Answer(about="Not just now.", shape=Refused, may_wait=True),
}
NOVITA_LATER = {
    429: Answer(about="Too many requests, or too many tasks.", shape=Fault, may_wait=True),
    503: Answer(about="Not just now; no task was made.", shape=Fault, may_wait=True),
}
NOVITA_REFUSED = {
    400: Answer(about="What is asked makes no sense, or there is no key.", shape=Fault),
    403: Answer(about="The key is not one of ours.", shape=Fault),
}
NOVITA_MISSING = {404: Answer(about="There is no such task of this key.", shape=Fault)}


def _submit(name: str, path: str, title: str, body: type[AskedV4 | AskedV6]) -> Operation:
    """Describe one of the two submits of ModelsLab's protocol."""
    fetch = {"operationId": f"{name}_fetch", "parameters": {"path.id": "$response.body#/id"}}
    return Operation(
        name=name,
        group=MODELSLAB,
        method="post",
        path=path,
        title=title,
        about=(
            "Numbers may come as strings, and null is the default. A size that the model cannot "
            "do is rendered at its nearest and scaled; `meta` says both."
        ),
        parameters=(IDEMPOTENCY_KEY,),
        body=body,
        media_types=(JSON, FORM),
        example=V6_EXAMPLE if body is AskedV6 else V4_EXAMPLE,
        answers={
            OK: Answer(
                about="Queued; or refused, with `status` `error`.",
                shape=Processing | Waiting | Success | Failed | Refused,
            ),
            **LATER,
        },
        links={"fetch": fetch},
    )


def _fetch(name: str, path: str, title: str, body: type[Fetch | FetchById]) -> Operation:
    """Describe one of the ways to ask how a job is."""
    example = {"key": "$KEY"}
    return Operation(
        name=name,
        group=MODELSLAB,
        method="post",
        path=path,
        title=title,
        about="`output` holds the link once `status` is `success`; the link works for 24 hours.",
        parameters=() if body is FetchById else (NUMBER,),
        body=body,
        media_types=(JSON, FORM),
        example={**example, "request_id": "$ID"} if body is FetchById else example,
        answers={
            OK: Answer(
                about="How it is; `failed` also if this key has no such job.",
                shape=Waiting | Success | Failed | Refused,
            ),
            **LATER,
        },
    )


OPERATIONS = (
    _submit("v4_text2video", V4_SUBMIT, "Ask for a video (v4): 40 frames at 8 a second", AskedV4),
    _fetch("v4_text2video_fetch", FETCHES[0], "Ask how a job is (v3)", Fetch),
    _fetch("v4_fetch", V4_FETCH, "Ask how a job is (v4), the id in the body", FetchById),
    _submit("v6_text2video", V6_SUBMIT, "Ask for a video (v6)", AskedV6),
    _fetch("v6_text2video_fetch", FETCHES[1], "Ask how a job is (v6)", Fetch),
    Operation(
        name="v4_model_list",
        group=MODELSLAB,
        method="post",
        path=MODEL_LIST,
        title="List the models",
        about="A bare list, the default model first.",
        body=Fetch,
        media_types=(JSON, FORM),
        example={"key": "$KEY"},
        answers={
            OK: Answer(about="The models; an object if refused.", shape=list[ModelRow] | Refused),
            **LATER,
        },
    ),
    Operation(
        name="novita_txt2video",
        group=NOVITA,
        method="post",
        path=TXT2VIDEO,
        title="Ask for a video",
        about=(
            "8 to 128 frames in sum, at the model's own pace. Names may be those of files, with "
            "or without `.safetensors`."
        ),
        parameters=(IDEMPOTENCY_KEY,),
        body=Submit,
        example=NOVITA_EXAMPLE,
        answers={
            OK: Answer(about="Queued.", shape=Submitted),
            **NOVITA_REFUSED,
            **NOVITA_LATER,
        },
        has_bearer=True,
        links={
            "task-result": {
                "operationId": "novita_task_result",
                "parameters": {"query.task_id": "$response.body#/task_id"},
            }
        },
    ),
    Operation(
        name="novita_task_result",
        group=NOVITA,
        method="get",
        path=TASK_RESULT,
        title="Ask how a task is",
        about="`videos` holds the link once the task has succeeded; the link works for an hour.",
        parameters=(TASK_ID,),
        answers={
            OK: Answer(about="How it is.", shape=TaskResult),
            **NOVITA_REFUSED,
            **NOVITA_MISSING,
            **NOVITA_LATER,
        },
        has_bearer=True,
    ),
    Operation(
        name="novita_model",
        group=NOVITA,
        method="get",
        path=MODELS,
        title="List models, LoRAs and embeddings",
        about="`filter.type` and `filter[types]` are understood as well.",
        parameters=MODEL_FILTERS,
        answers={
            OK: Answer(about="One page of them.", shape=ModelPage),
            **NOVITA_REFUSED,
            **NOVITA_LATER,
        },
        has_bearer=True,
    ),
    Operation(
        name="file",
        group=FILES,
        method="get",
        path="/files/{token}.{format}",
        title="Fetch a finished video",
        about="Links come out of the answers above and need no key. Ranges are served.",
        parameters=(
            Parameter(name="token", place="path", about="What a link holds."),
            Parameter(
                name="format",
                place="path",
                about="The kind of file.",
                schema={"type": "string", "enum": ["mp4", "gif"]},
            ),
        ),
        answers={
            OK: Answer(about="The file.", media_types=FILE_TYPES),
            206: Answer(about="The part that a `Range` asks for.", media_types=FILE_TYPES),
            404: Answer(about="There is no such file.", media_types=(TEXT,)),
            410: Answer(about="The link has expired.", media_types=(TEXT,)),
            416: Answer(about="There is no such part.", media_types=(TEXT,)),
        },
    ),
)

TAKEN = {
    OK: Answer(about="Any 2xx ends it; else it is sent again, up to five times.", media_types=())
}
WEBHOOKS = (
    Operation(
        name="modelslab_webhook",
        group=MODELSLAB,
        method="post",
        path="modelslab",
        title="The end of a job, sent to its `webhook`",
        body=Callback | FailedCallback,
        answers=TAKEN,
    ),
    Operation(
        name="novita_webhook",
        group=NOVITA,
        method="post",
        path="novita",
        title="The end of a task, sent to its `extra.webhook.url`",
        body=Event,
        answers=TAKEN,
    ),
)


def the_service(version: str) -> Service:
    """Return all of it, as the given version of Flipbook serves it."""
    return Service(
        version=version,
        about=ABOUT,
        groups=GROUPS,
        operations=OPERATIONS,
        webhooks=WEBHOOKS,
    )
