"""Reads Discord's OpenAPI document and makes it strict: what it does not name is not allowed.

The document never says `additionalProperties: false`, so that a misspelt key would pass. A closed
copy of its schemas says so for every object whose properties it lists.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from bot.sandbox.json_types import JsonObject
from tests.referee.formats import FORMATS
from tests.referee.glance import Glance
from tests.referee.violations import Complaint, complaints

URI = "urn:discord"
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value in the path or the query, and where its schema is."""

    name: str
    place: str
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path, with the JSON pointers to all that the document says of it."""

    template: str
    parameters: tuple[Parameter, ...]
    request: str | None
    """Where the schema of the request's JSON is, if it may have any."""
    answers: dict[str, str | None]
    """Where the schema of an answer is, by status; None where there is no content."""

    def answer(self, status: int) -> tuple[bool, str | None]:
        """Tell whether a status is described, and where its schema is."""
        for key in (str(status), f"{status // 100}XX"):
            if key in self.answers:
                return True, self.answers[key]
        return False, None


class Document:
    """The closed copy, with a validator for each schema in it that was asked for."""

    def __init__(self, source: JsonObject) -> None:
        self._closed = Closer(source["components"]["schemas"]).document(source)
        resource = Resource(contents=self._closed, specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(URI, resource)
        self._validators: dict[str, Draft202012Validator] = {}
        self.glance = Glance(URI, self._closed, FORMATS)
        self._told: dict[tuple[str, str], tuple[Complaint, ...]] = {}

    @classmethod
    def read(cls, path: Path) -> "Document":
        """Read the file; a process does so once."""
        return _read(cls, path.resolve())

    def complaints(self, pointer: str, value: Any) -> tuple[Complaint, ...]:
        """Hold a value against the schema at a JSON pointer.

        What is wrong with a value is found out once: a bot says much of the same in every test.
        """
        if self.glance.vouches_for(pointer, value):
            return ()
        said = pointer, json.dumps(value, sort_keys=True)
        if said not in self._told:
            self._told[said] = tuple(complaints(self.validator(pointer), value))
        return self._told[said]

    def vouches_for(self, pointer: str, value: Any) -> bool:
        """Tell whether a value fits, without saying why not."""
        return self.glance.vouches_for(pointer, value) or self.validator(pointer).is_valid(value)

    def validator(self, pointer: str) -> Draft202012Validator:
        """Make the slow validator of one schema, by its JSON pointer."""
        if pointer not in self._validators:
            schema = {"$ref": f"{URI}#{quote(pointer)}"}
            self._validators[pointer] = Draft202012Validator(
                schema, registry=self._registry, format_checker=FORMATS
            )
        return self._validators[pointer]

    def complaints_of(self, name: str, value: Any) -> tuple[Complaint, ...]:
        """Hold a value against one of the document's named schemas."""
        return self.complaints(f"/components/schemas/{name}", value)

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Find what the document says of a request, and the values in its path."""
        for template, pattern in self._templates:
            found = pattern.fullmatch(path)
            item = self._closed["paths"][template]
            if found is not None and method.lower() in item:
                return self._operation(method, template), found.groupdict()
        return None

    @cached_property
    def _templates(self) -> list[tuple[str, re.Pattern[str]]]:
        """List the paths, those with the fewest blanks first: `@me` comes before any id."""
        ordered = sorted(self._closed["paths"], key=lambda template: template.count("{"))
        return [(template, _pattern(template)) for template in ordered]

    def _operation(self, method: str, template: str) -> Operation:
        item = self._closed["paths"][template]
        described = item[method.lower()]
        place = f"/paths/{_step(template)}/{method.lower()}"
        content = described.get("requestBody", {}).get("content", {})
        return Operation(
            template=template,
            parameters=(
                *_parameters(f"/paths/{_step(template)}", item),
                *_parameters(place, described),
            ),
            request=_schema(f"{place}/requestBody", content),
            answers={
                status: self._answer(f"{place}/responses/{status}", answer)
                for status, answer in described["responses"].items()
            },
        )

    def _answer(self, place: str, answer: JsonObject) -> str | None:
        if "$ref" in answer:
            place = answer["$ref"].removeprefix("#")
            answer = self._closed["components"]["responses"][place.rsplit("/", 1)[-1]]
        return _schema(place, answer.get("content", {}))


class Closer:
    """Copies schemas and forbids what they do not name."""

    def __init__(self, named: dict[str, JsonObject]) -> None:
        self._named = named

    def document(self, source: JsonObject) -> JsonObject:
        """Close every schema of the document: the named ones, and those of the paths."""
        components = source["components"]
        closed = {name: self.schema(schema) for name, schema in components["schemas"].items()}
        return {
            "paths": self._contents(source["paths"]),
            "components": self._contents(components) | {"schemas": closed},
        }

    def _contents(self, node: Any) -> Any:
        """Copy what is around schemas, and close those that stand under the key `schema`."""
        if isinstance(node, list):
            return [self._contents(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        return {
            key: self.schema(value) if key == "schema" else self._contents(value)
            for key, value in node.items()
            if key != "schemas"
        }

    def schema(self, schema: Any) -> Any:
        """Close one schema and all within it."""
        if not isinstance(schema, dict):
            return schema
        if len(schema.get("allOf", ())) > 1:
            schema = self._merged(schema)
        closed = {key: self._keyword(key, value) for key, value in schema.items()}
        if "properties" in closed:
            closed.setdefault("additionalProperties", False)
        return closed

    def _keyword(self, key: str, value: Any) -> Any:
        match key:
            case "properties":
                return {name: self.schema(schema) for name, schema in value.items()}
            case "items" | "additionalProperties":
                return self.schema(value)
            case "allOf" | "anyOf" | "oneOf":
                return [self.schema(schema) for schema in value]
            case _:
                return value

    def _merged(self, schema: JsonObject) -> JsonObject:
        """Write an object in several parts as one: closed parts would refuse each other's keys."""
        parts = [self._resolved(part) for part in schema["allOf"]]
        if not all("properties" in part for part in parts):
            return schema
        rest = {key: value for key, value in schema.items() if key != "allOf"}
        merged: JsonObject = {"properties": {}, "required": []} | rest
        for part in parts:
            merged["properties"] |= part["properties"]
            merged["required"] += part.get("required", [])
        return merged

    def _resolved(self, part: JsonObject) -> JsonObject:
        name = part.get("$ref", "").removeprefix("#/components/schemas/")
        return self._named[name] if name else part


@cache
def _read(kind: type[Document], path: Path) -> Document:
    return kind(json.loads(path.read_bytes()))


def _parameters(place: str, described: JsonObject) -> Iterator[Parameter]:
    for number, one in enumerate(described.get("parameters", ())):
        schema = f"{place}/parameters/{number}/schema"
        yield Parameter(name=one["name"], place=one["in"], schema=schema)


def _schema(place: str, content: JsonObject) -> str | None:
    if JSON not in content:
        return None
    return f"{place}/content/{_step(JSON)}/schema"


def _step(name: str) -> str:
    """Write a key as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile(
        "".join(f"(?P<{p}>[^/]+)" if number % 2 else re.escape(p) for number, p in enumerate(parts))
    )
