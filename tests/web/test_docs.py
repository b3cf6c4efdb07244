"""`/openapi.json` and `/docs`: a valid document, and a page that shows it all and runs nothing."""

import re
from collections.abc import AsyncGenerator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from typing_extensions import override

from bot.web.modelslab.bodies import AskedV4
from bot.web.modelslab.shapes import Refused
from bot.web.novita.bodies import Submit
from bot.web.openapi import Answer, Group, Operation, Service, document
from bot.web.operations import OPERATIONS, WEBHOOKS, the_service
from bot.web.page import page
from tests.web.premises import Premises, open_premises

DOCUMENT: Any = document(the_service("1"))


class Page(HTMLParser):
    """What is in a page, as far as tests ask."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags = list[str]()
        self.attributes = list[tuple[str, str | None]]()
        self.text = ""
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    @override
    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> set[str]:
        return {value or "" for key, value in self.attributes if key == name}


@pytest.fixture
async def premises(tmp_path: Path) -> AsyncGenerator[Premises]:
    async with open_premises(tmp_path / "data") as opened:
        yield opened


async def get(url: str, **headers: str) -> tuple[int, str, Any]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers


def walk(part: Any) -> list[Any]:
    children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return [part, *(found for child in children for found in walk(child))]


def test_every_reference_leads_to_a_definition() -> None:
    found = [part["$ref"] for part in walk(DOCUMENT) if isinstance(part, dict) and "$ref" in part]
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(found) <= known
    assert len(found) > 20


def test_every_schema_is_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_link_names_an_operation() -> None:
    names = {one.name for one in OPERATIONS}
    links = [link for one in OPERATIONS for link in one.links.values()]
    assert {link["operationId"] for link in links} <= names
    assert len(links) == 3


async def test_every_route_of_the_api_is_in_the_document(premises: Premises) -> None:
    told = {one.path for one in OPERATIONS}
    text = (Path(__file__).parents[2] / "docs/api.md").read_text()
    named = set(re.findall(r"`(?:GET|POST) (/[^`…]+)`", text)) - {"/docs", "/openapi.json"}
    assert named == told - {"/files/{token}.{format}"}
    for path in named:
        status, *_ = await get(premises.url + path.replace("{id}", "1"))
        assert status in (200, 400, 405), path


@pytest.mark.parametrize(
    "one", [one for one in OPERATIONS if one.example], ids=lambda one: one.name
)
def test_every_example_is_a_body_that_is_taken(one: Operation) -> None:
    assert one.body is not None
    assert one.example is not None
    one.body.model_validate({**one.example, "request_id": 1})


def test_a_fields_meaning_range_and_default_come_from_its_model() -> None:
    steps = DOCUMENT["components"]["schemas"]["AskedV4"]["properties"]["num_inference_steps"]
    assert steps["description"] == "Denoising steps."
    assert steps["default"] == AskedV4(model_id="a", prompt="b").num_inference_steps
    assert {"maximum": 50, "minimum": 1, "type": "integer"} in steps["anyOf"]


def test_an_answer_has_all_its_fields_but_those_that_may_be_none() -> None:
    refused = DOCUMENT["components"]["schemas"]["Refused"]
    assert set(Refused.model_fields) - set(refused["required"]) == {"retry_after"}
    assert refused["properties"]["retry_after"] == {"type": "number"}


def test_a_body_needs_what_its_model_needs() -> None:
    needed = {name for name, field in Submit.model_fields.items() if field.is_required()}
    assert set(DOCUMENT["components"]["schemas"]["Submit"]["required"]) == needed


async def test_the_document_is_served_as_json(premises: Premises) -> None:
    status, text, headers = await get(f"{premises.url}/openapi.json")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "application/json")
    assert '"openapi": "3.1.0"' in text


async def test_the_page_shows_every_operation_and_every_field(premises: Premises) -> None:
    page = Page((await get(f"{premises.url}/docs"))[1])
    ids, links = page.values("id"), page.values("href")
    assert {one.name for one in (*OPERATIONS, *WEBHOOKS)} <= ids
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= ids
    for name in (*AskedV4.model_fields, *Submit.model_fields):
        assert name in page.text


async def test_the_page_holds_no_script_and_loads_nothing(premises: Premises) -> None:
    _, text, headers = await get(f"{premises.url}/docs")
    page = Page(text)
    assert not {"script", "img", "link", "iframe", "form"} & set(page.tags)
    assert not page.values("src")
    assert "default-src 'none'" in headers["Content-Security-Policy"]


async def test_the_examples_have_the_address_by_which_the_reader_came(premises: Premises) -> None:
    _, text, _ = await get(f"{premises.url}/docs", Host="gpu.example:81")
    assert "http://gpu.example:81/v3/model" in text
    assert "{base}" not in text


async def test_an_address_that_is_none_is_refused(premises: Premises) -> None:
    status, text, _ = await get(f"{premises.url}/docs", Host="<b>")
    assert status == 400
    assert "<b>" not in text


def test_what_a_docstring_says_is_escaped_on_the_page() -> None:

    class Odd(BaseModel):
        """Takes <b>."""

    operation = Operation(
        name="odd",
        group="Odd",
        method="post",
        path="/odd",
        title="<i>",
        body=Odd,
        example={},
        answers={200: Answer(about="`<u>`", shape=Odd)},
    )
    told: Any = document(
        Service(
            version="1", about="&", groups=[Group(name="Odd", about="")], operations=[operation]
        )
    )
    assert not {"b", "i", "u"} & set(Page(page(told)).tags)
