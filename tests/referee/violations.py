"""Says what is wrong in words a reader can act on: where, what, and the value.

A schema with alternatives only says that none of them fits; the alternative that was meant is found
by its `type`, as Discord's components and options have one, and its own complaints are told.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from typing_extensions import override

LONGEST = 120
Complaint = tuple[str, str, Any]
"""Path, complaint and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that Discord's document does not allow."""

    method: str
    route: str
    side: str
    """`request`, `query`, `path`, or `answer` with its status."""
    path: str
    """The JSON path, from `$`."""
    complaint: str
    value: Any = None

    @override
    def __str__(self) -> str:
        shown = json.dumps(self.value, ensure_ascii=False, default=repr)
        cut = shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"
        return f"{self.method} {self.route}, {self.side} {self.path}: {self.complaint}; got {cut}"


def complaints(validator: Draft202012Validator, value: Any) -> Iterator[Complaint]:
    """Hold a value against a schema; give path, complaint and value of all that is wrong."""
    for error in validator.iter_errors(value):
        for leaf in _leaves(error):
            yield from _told(leaf)


def _told(error: ValidationError) -> Iterator[Complaint]:
    value: Any = error.instance
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        for key in sorted(set(value) - set(error.schema["properties"])):
            yield f"{error.json_path}.{key}", "unknown key", value[key]
    elif error.validator in {"oneOf", "anyOf"}:
        yield error.json_path, "fits no alternative", value
    else:
        yield error.json_path, error.message.removeprefix(f"{value!r} "), value


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    if error.validator not in {"oneOf", "anyOf"}:
        yield error
        return
    ordered = sorted(error.context, key=_branch)
    branches = [list(errors) for _, errors in groupby(ordered, key=_branch)]
    meant = [branch for branch in branches if not any(map(_is_other_kind, branch))]
    if not meant:
        yield error
        return
    for inner in min(meant, key=_weight):
        yield from _leaves(inner)


def _branch(error: ValidationError) -> int:
    return int(error.relative_schema_path[0])


def _is_other_kind(error: ValidationError) -> bool:
    """Tell whether an alternative was not meant: another JSON type, or another `type`."""
    is_kind = error.validator in {"type", "const", "enum"}
    return is_kind and list(error.relative_path) in ([], ["type"])


def _weight(branch: Sequence[ValidationError]) -> tuple[int, int]:
    """Rank an alternative: the fewer complaints and the deeper they lie, the likelier is it."""
    told = sum(len(list(_told(error))) for error in branch)
    return told, -max(len(error.relative_path) for error in branch)
