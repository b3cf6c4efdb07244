"""Writes the OpenAPI document of the HTTP door from the models that read and write its bodies.

Nothing is described by hand that a model says already: fields, ranges and defaults come from the
bodies that validate, what an answer holds from the models that it is written with, and what a
field means from the docstrings of both. Source: https://spec.openapis.org/oas/v3.1.0.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

OPENAPI = "3.1.0"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
OK = 200
BEARER = "bearer"  # the name of the one security scheme

NULL = {"type": "null"}

Schema = Mapping[str, object]
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What stands in the path, the query or the headers of a request."""

    name: str
    place: Literal["path", "query", "header"]
    about: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One status that an operation answers with.

    Attributes:
        about: When that is.
        shape: A type that pydantic knows, or None for a file.
        media_types: Of the body; none if there is none.
        may_wait: Whether a `Retry-After` may come with it.
    """

    about: str
    shape: Any = None
    media_types: Sequence[str] = (JSON,)
    may_wait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked at one path.

    Attributes:
        name: Unique among all operations.
        group: Whose protocol it belongs to.
        body: The type that reads the body; None if there is none.
        media_types: What a body may come as.
        example: A body that works; `$MODEL` and `$KEY` stand for the caller's own.
        has_bearer: Whether the key comes in the `Authorization` header.
    """

    name: str
    group: str
    method: Literal["get", "post"]
    path: str
    title: str
    answers: Mapping[int, Answer]
    about: str = ""
    parameters: Sequence[Parameter] = ()
    body: Any = None
    media_types: Sequence[str] = (JSON,)
    example: Mapping[str, object] | None = None
    has_bearer: bool = False
    links: Mapping[str, Mapping[str, object]] = field(
        default_factory=dict[str, Mapping[str, object]]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A protocol, and what is to be said about it."""

    name: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """All that is described.

    Attributes:
        about: What it is, in a paragraph.
        groups: In the order in which they are shown.
        operations: The same.
        webhooks: What is sent to callers; their paths are names.
    """

    version: str
    about: str
    groups: Sequence[Group]
    operations: Sequence[Operation]
    webhooks: Sequence[Operation] = ()


def document(service: Service) -> dict[str, object]:
    """Return the whole document, ready to be written as JSON."""
    shapes, definitions = _schemas(service)
    return {
        "openapi": OPENAPI,
        "info": {"title": "Flipbook", "version": service.version, "description": service.about},
        "servers": [{"url": "/"}],
        "tags": [{"name": group.name, "description": group.about} for group in service.groups],
        "paths": _paths(service.operations, shapes),
        "webhooks": _paths(service.webhooks, shapes),
        "components": {
            "schemas": definitions,
            "securitySchemes": {BEARER: {"type": "http", "scheme": "bearer"}},
        },
    }


_Shapes = Mapping[tuple[str, int], Schema]
_BODY = 0  # beside the statuses of an operation's answers


def _paths(operations: Sequence[Operation], shapes: _Shapes) -> Mapping[str, object]:
    paths: dict[str, dict[str, object]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method] = _operation(one, shapes)
    return paths


def _schemas(service: Service) -> tuple[_Shapes, Schema]:
    """Return the schema of each body and answer, and the definitions that they share."""
    schemas, shared = TypeAdapter.json_schemas(
        [
            ((name, status), cast("Literal['validation', 'serialization']", mode), adapter)
            for name, status, mode, adapter in _adapters(service)
        ],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Generator,
    )
    shapes = {key: schema for (key, _), schema in schemas.items()}
    return shapes, shared.get("$defs", {})


def _adapters(service: Service) -> Iterator[tuple[str, int, str, TypeAdapter[Any]]]:
    for one in (*service.operations, *service.webhooks):
        if one.body is not None:
            is_ours = one in service.webhooks
            mode = "serialization" if is_ours else "validation"
            yield one.name, _BODY, mode, TypeAdapter(one.body)
        for status, answer in one.answers.items():
            if answer.shape is not None:
                yield one.name, status, "serialization", TypeAdapter(answer.shape)


def _operation(one: Operation, shapes: _Shapes) -> dict[str, object]:
    written: dict[str, object] = {
        "operationId": one.name,
        "tags": [one.group],
        "summary": one.title,
        "description": one.about,
        "parameters": [_parameter(parameter) for parameter in one.parameters],
        "responses": {
            str(status): _answer(
                answer, shapes.get((one.name, status)), one.links if status == OK else {}
            )
            for status, answer in one.answers.items()
        },
    }
    if one.body is not None:
        content: dict[str, object] = {"schema": shapes[one.name, _BODY]}
        if one.example is not None:
            content["example"] = one.example
        written["requestBody"] = {
            "required": True,
            "content": dict.fromkeys(one.media_types, content),
        }
    if one.has_bearer:
        written["security"] = [{BEARER: []}]
    return written


def _parameter(parameter: Parameter) -> dict[str, object]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.about,
        "required": parameter.is_required or parameter.place == "path",
        "schema": parameter.schema,
    }


def _answer(
    answer: Answer, shape: Schema | None, links: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    body: Schema = {} if shape is None else {"schema": shape}
    written: dict[str, object] = {"description": answer.about}
    if answer.media_types:
        written["content"] = dict.fromkeys(answer.media_types, body)
    if answer.may_wait:
        about = "Seconds after which it may be asked again."
        written["headers"] = {"Retry-After": {"description": about, "schema": {"type": "integer"}}}
    if links:
        written["links"] = links
    return written


class _Generator(GenerateJsonSchema):
    """Describes fields by their docstrings, and answers without what they leave out."""

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False  # it is the name once more

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found, kind = super().model_schema(schema), schema["cls"]
        found["description"] = inspect.getdoc(kind) and _first_part(inspect.getdoc(kind) or "")
        told = _attributes(kind)
        for name, one in found.get("properties", {}).items():
            if name in told:
                one.setdefault("description", told[name])
        return _as_written(found) if self.mode == "serialization" else found


def _as_written(found: JsonSchemaValue) -> JsonSchemaValue:
    """Describe what is really sent: every field, but those that may be left out for being None."""
    properties: dict[str, dict[str, Any]] = found.get("properties", {})
    required = list[str]()
    for name, one in properties.items():
        default = one.pop("default", ...)
        kinds = [
            kind for kind in cast("list[dict[str, Any]]", one.get("anyOf", [])) if kind != NULL
        ]
        if default is not None or not kinds:
            required.append(name)
            continue
        del one["anyOf"]
        one.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})
    return {**found, "required": required} if required else found


def _first_part(text: str) -> str:
    """Return a docstring without its sections."""
    return re.split(r"\n\n\w+:\n", text)[0].replace("\n", " ").strip()


def _attributes(kind: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of its attributes."""
    told: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, section = (inspect.cleandoc(base.__doc__ or "")).partition("\n\nAttributes:\n")
        for name, text in _ATTRIBUTE.findall(section):
            told[name] = " ".join(text.split())
    return told
