"""Writes the OpenAPI document as one page for people: no scripts, nothing from elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, cast

from bot.web.openapi import FORM, JSON

Part = Mapping[str, Any]
"""A part of the document, as JSON has it."""

STYLE = (Path(__file__).parent / "page.css").read_text()
BASE = "{base}"  # stands in the page where the server's own address goes

_REF = "#/components/schemas/"
_CODE = re.compile(r"`([^`]+)`")
_BEGIN = f"""\
export KEY=fb_...        # from: python -m bot keys create NAME
export MODEL=shapes      # any of the list of models
curl -s {BASE}/v3/model -H "Authorization: Bearer $KEY"
"""


def page(document: Part) -> str:
    """Return the page; `BASE` in it is still to be replaced by an escaped address."""
    info = document["info"]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])}: the HTTP door</title>",
            f"<style>{STYLE}</style></head><body>",
            f"<header><h1>{escape(info['title'])}</h1><p>{_prose(info['description'])}</p>",
            f'<p class="dim">Version {escape(info["version"])}, at <code>{BASE}</code>. ',
            'The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>',
            f"<pre>{_escaped(_BEGIN)}</pre></header>",
            f'<nav aria-label="Contents"><ul>{"".join(_contents(document))}</ul></nav>',
            f"<main>{''.join(_groups(document))}{''.join(_shapes(document))}</main>",
            "</body></html>",
        ]
    )


def _contents(document: Part) -> Iterator[str]:
    for tag in document["tags"]:
        yield f'<li class="dim">{escape(tag["name"])}</li>'
        for _, _, operation in _operations(document, tag["name"]):
            name, title = operation["operationId"], _prose(operation["summary"])
            yield f'<li><a href="#{name}">{title}</a></li>'
    yield '<li><a href="#shapes">What the answers hold</a></li>'


def _groups(document: Part) -> Iterator[str]:
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2><p>{_prose(tag['description'])}</p>"
        for method, path, operation in _operations(document, tag["name"]):
            yield from _operation(method, path, operation, document)


def _operations(document: Part, group: str) -> Iterator[tuple[str, str, Part]]:
    """Yield method, path and description of each of a group; the path of a webhook is empty."""
    for kind in ("paths", "webhooks"):
        for path, methods in document[kind].items():
            for method, operation in methods.items():
                if group in operation["tags"]:
                    yield method, path if kind == "paths" else "", operation


def _operation(method: str, path: str, operation: Part, document: Part) -> Iterator[str]:
    yield f'<section class="operation" id="{operation["operationId"]}">'
    yield f"<h3>{_prose(operation['summary'])}</h3>"
    if path:
        told = f'<span class="method {method}">{method.upper()}</span> {escape(path)}'
        yield f'<p class="path"><code>{told}</code></p>'
    yield f"<p>{_prose(operation['description'])}</p>"
    if path:
        yield f"<pre>{_escaped(curl_of(method, path, operation))}</pre>"
    yield from _asked(operation, document)
    yield "<h4>Answers</h4>"
    rows = [
        (status, _prose(answer["description"]), _kinds(answer.get("content", {})))
        for status, answer in operation["responses"].items()
    ]
    yield _table(("status", "when", "holds"), rows)
    yield "</section>"


def curl_of(method: str, path: str, operation: Part) -> str:
    """Return a command that asks for an operation; `$KEY`, `$MODEL` and `$ID` are the caller's."""
    query = "&".join(
        f"{one['name']}=$ID"
        for one in operation["parameters"]
        if one["in"] == "query" and one["required"]
    )
    address = BASE + path.replace("{id}", "$ID") + (f"?{query}" if query else "")
    address = address.replace("{token}", "$TOKEN").replace("{format}", "mp4")
    lines = [f'curl -s "{address}"']
    if "security" in operation:
        lines.append('-H "Authorization: Bearer $KEY"')
    content = operation.get("requestBody", {}).get("content", {})
    if method == "get" and "security" not in operation:
        lines.append("-o video.mp4")
    if JSON not in content:
        return " \\\n  ".join(lines)
    lines += [f"-H 'Content-Type: {JSON}'", "-d @- <<END"]
    return " \\\n  ".join(lines) + f"\n{json.dumps(content[JSON]['example'], indent=2)}\nEND"


def _asked(operation: Part, document: Part) -> Iterator[str]:
    """Write what goes along: parameters, and the fields of the body."""
    rows = [
        (
            f"<code>{escape(one['name'])}</code>",
            _type(one["schema"]) + (", required" if one["required"] else ""),
            _prose(f"In the {one['in']}. {one['description']}"),
        )
        for one in operation["parameters"]
    ]
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get(JSON, {}).get("schema", {})
    target = _resolved(schema, document)
    rows += _fields(target)
    if rows:
        yield f"<h4>{_heading(content)}</h4>"
        yield _table(("name", "type", "meaning"), rows)
    elif schema:
        yield f"<h4>Body</h4><p>{_type(schema)}</p>"


def _heading(content: Part) -> str:
    return "Parameters and body, JSON or a form" if FORM in content else "Parameters and body"


def _fields(schema: Part) -> list[tuple[str, str, str]]:
    """Return a row for each field of an object."""
    required = schema.get("required", ())
    return [
        (
            f"<code>{escape(name)}</code>",
            _type(one) + (", required" if name in required else _default(one)),
            _prose(one.get("description", "")),
        )
        for name, one in schema.get("properties", {}).items()
    ]


def _default(schema: Part) -> str:
    default = schema.get("default")
    if default in (None, ""):
        return ""
    if isinstance(default, bool) and any("enum" in one for one in schema.get("anyOf", ())):
        default = "yes" if default else "no"
    return f"; {escape(json.dumps(default))} if absent"


def _shapes(document: Part) -> Iterator[str]:
    yield '<h2 id="shapes">What the answers hold</h2>'
    for name, schema in document["components"]["schemas"].items():
        yield f'<section class="operation" id="shape-{escape(name)}"><h3>{escape(name)}</h3>'
        yield f"<p>{_prose(schema.get('description', ''))}</p>"
        if "enum" in schema:
            yield f"<p>{_type(schema)}</p>"
        else:
            yield _table(("name", "type", "meaning"), _fields(schema))
        yield "</section>"


def _kinds(content: Part) -> str:
    """Say what a body holds: a link to its shape, or the type of a file."""
    schemas = [one.get("schema") for one in content.values()]
    if not any(schemas):
        return escape(", ".join(content))
    return _type(cast("Part", schemas[0]))


def _type(schema: Part) -> str:
    """Say in a few words what a value may be."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).removeprefix(_REF))
        return f'<a href="#shape-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return ", ".join(f"<code>{_escaped(json.dumps(one))}</code>" for one in values)
    return _plain_type(schema)


def _plain_type(schema: Part) -> str:
    kind = escape(str(schema.get("type", "anything")))
    match kind:
        case "array":
            return f"list of {_range(schema, 'Items')}{_type(schema.get('items', {}))}"
        case "object" if isinstance(schema.get("additionalProperties"), Mapping):
            return f"object of {_type(schema['additionalProperties'])}"
        case "string" if "pattern" in schema:
            return f"string like <code>{_escaped(schema['pattern'])}</code>"
        case "string":
            length = _range(schema, "Length")
            return f"string of {length}characters" if length else kind
        case _:
            return f"{kind} {_range(schema, 'imum')}".rstrip()


def _range(schema: Part, what: str) -> str:
    """Say how many or how much, with a space behind it, or nothing."""
    low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
    if high is None:
        return "" if low is None else f"{_number(low)} or more "
    return f"up to {_number(high)} " if low is None else f"{_number(low)} to {_number(high)} "


def _number(value: float) -> str:
    return str(int(value) if float(value).is_integer() else value)


def _resolved(schema: Part, document: Part) -> Part:
    if "$ref" not in schema:
        return schema
    return document["components"]["schemas"][schema["$ref"].removeprefix(_REF)]


def _table(head: tuple[str, ...], rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{cells}</tbody></table></div>"
    )


def _prose(text: str) -> str:
    """Escape a sentence, and set what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", _escaped(text))


def _escaped(text: str) -> str:
    return escape(text, quote=False)
