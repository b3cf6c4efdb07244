"""Holds one exchange against Discord's document, both what was asked and what was answered."""

from collections.abc import Iterator

from bot.sandbox import Exchange
from tests.referee.document import Document, Operation
from tests.referee.violations import Violation

BOOLEANS = {"True": True, "true": True, "1": True, "False": False, "false": False, "0": False}
"""Discord's "API Reference", Boolean Query Strings."""
ERROR = "/components/schemas/ErrorResponse"


class Judge:
    """Knows the document, and whether refused requests count as well."""

    def __init__(self, document: Document, *, is_strict: bool) -> None:
        self._document = document
        self._is_strict = is_strict

    def violations(self, exchange: Exchange) -> Iterator[Violation]:
        """Find all that is wrong with an exchange."""
        is_refused = 400 <= exchange.status < 500 and not exchange.is_scripted
        found = self._document.find(exchange.method, exchange.path)
        if self._is_strict or not is_refused:
            if found is None:
                yield _violation(exchange, None, "path", "$", "no such route", exchange.path)
            else:
                yield from self._request(exchange, *found)
        if not exchange.is_scripted:
            yield from self._answer(exchange, found[0] if found else None)

    def _request(
        self, exchange: Exchange, operation: Operation, blanks: dict[str, str]
    ) -> Iterator[Violation]:
        yield from self._parameters(exchange, operation, "path", tuple(blanks.items()))
        yield from self._parameters(exchange, operation, "query", exchange.query)
        if operation.request is not None:
            found = self._document.complaints(operation.request, exchange.body)
            for path, complaint, value in found:
                yield _violation(exchange, operation, "request", path, complaint, value)
        elif exchange.body is not None:
            told = "this route takes no JSON"
            yield _violation(exchange, operation, "request", "$", told, exchange.body)

    def _parameters(
        self,
        exchange: Exchange,
        operation: Operation,
        side: str,
        given: tuple[tuple[str, str], ...],
    ) -> Iterator[Violation]:
        known = {one.name: one.schema for one in operation.parameters if one.place == side}
        for name, value in given:
            if name not in known:
                told = "unknown parameter"
            elif not self._is_meant(known[name], value):
                told = "does not fit its schema"
            else:
                continue
            yield _violation(exchange, operation, side, f"$.{name}", told, value)

    def _is_meant(self, schema: str, value: str) -> bool:
        """Tell whether a text is right for a parameter, as a text, a number or a boolean."""
        readings: list[str | int] = [value]
        readings += [int(value)] if value.removeprefix("-").isdecimal() else []
        readings += [BOOLEANS[value]] if value in BOOLEANS else []
        return any(self._document.vouches_for(schema, reading) for reading in readings)

    def _answer(self, exchange: Exchange, operation: Operation | None) -> Iterator[Violation]:
        side = f"answer {exchange.status}"
        is_described, schema = operation.answer(exchange.status) if operation else (True, ERROR)
        if not is_described:
            told = "the document has no such answer"
            yield _violation(exchange, operation, side, "$", told, exchange.answer)
        elif schema is None:
            if exchange.answer is not None:
                told = "this answer has no content"
                yield _violation(exchange, operation, side, "$", told, exchange.answer)
        else:
            for path, complaint, value in self._document.complaints(schema, exchange.answer):
                yield _violation(exchange, operation, side, path, complaint, value)


def _violation(
    exchange: Exchange,
    operation: Operation | None,
    side: str,
    path: str,
    complaint: str,
    value: object,
) -> Violation:
    return Violation(
        method=exchange.method,
        route=operation.template if operation else exchange.route,
        side=side,
        path=path,
        complaint=complaint,
        value=value,
    )
