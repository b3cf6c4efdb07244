"""Vouches for bodies that are as the document wants them, which nearly all are.

Reading one slowly, to say what is wrong with it, takes a hundred times as long; that is left for
what nobody vouches for. A glance may be stricter than the slow reading and never laxer.
"""

from functools import partial
from typing import Any
from urllib.parse import quote

from jsonschema import FormatChecker
from jsonschema_rs import Draft202012Validator, Registry

from bot.sandbox.json_types import JsonObject
from tests.referee.formats import INT32, INT64

BOUNDS = {"int32": INT32, "int64": INT64}  # formats of numbers, which the library does not ask for


class Glance:
    """Validators that only say yes, one for each schema that was asked for."""

    def __init__(self, uri: str, document: JsonObject, formats: FormatChecker) -> None:
        self._uri = uri
        self._registry = Registry([(uri, _bounded(document))])
        self._formats = {name: partial(formats.conforms, format=name) for name in formats.checkers}
        self._validators: dict[str, Draft202012Validator] = {}

    def vouches_for(self, pointer: str, value: object) -> bool:
        """Tell whether a value certainly fits the schema at a JSON pointer."""
        if pointer not in self._validators:
            self._validators[pointer] = Draft202012Validator(
                {"$ref": f"{self._uri}#{quote(pointer)}"},
                registry=self._registry,
                formats=self._formats,
                validate_formats=True,
            )
        try:
            return self._validators[pointer].is_valid(value)
        except ValueError:  # it is no JSON
            return False


def _bounded(node: Any) -> Any:
    """Copy a document; formats of numbers become their least and their most."""
    if isinstance(node, list):
        return [_bounded(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _bounded(value) for key, value in node.items()}
    bounds = BOUNDS.get(str(node.get("format")))
    if bounds is not None and ("minimum" in copy or "maximum" in copy):
        return {"allOf": [copy, {"minimum": bounds[0], "maximum": bounds[-1]}]}
    return copy if bounds is None else copy | {"minimum": bounds[0], "maximum": bounds[-1]}
