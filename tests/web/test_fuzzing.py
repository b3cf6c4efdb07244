"""The whole API, asked at random by its own OpenAPI document: no answer breaks it."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.checks import load_all_checks

from bot.web.operations import OPERATIONS
from tests.web.premises import KEY, Premises, open_premises

load_all_checks()
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = 30  # of each operation, good ones and bad ones
STRICT = {"novita_txt2video"}  # the others read what clients send, `"30"` and `true` for yes
SHORT = {"key", "model_id", "prompt"}
FOUND = ("_fetch 200 processing", "_fetch 200 success")
SUBMITS = {one.name for one in OPERATIONS if one.links}
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    stateful_step_count=5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
HEADERS = {"Authorization": f"Bearer {KEY}"}
LATER_S = 10  # no answer takes as long

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
async def premises(tmp_path: Path) -> AsyncGenerator[Premises]:
    async with open_premises(tmp_path / "data") as opened:
        yield opened


def load(url: str, *, is_short: bool = False) -> Any:
    """Load the document; bodies that hold a key get a good one, short ones hold little else."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")

    @schema.hook
    def map_body(_: Any, body: Any) -> Any:
        if is_short and isinstance(body, dict) and "model_id" in body:
            body = {name: body[name] for name in SHORT & set(body)}
        return {**body, "key": KEY} if isinstance(body, dict) and "key" in body else body

    return schema


def told(answer: Any) -> str:
    """Return what an answer says of itself: its status, and that which the protocol has inside."""
    is_json = "application/json" in str(answer.headers.get("content-type"))
    body = answer.json() if is_json else {}
    status = body.get("status", "") if isinstance(body, dict) else ""
    return f"{answer.status_code} {status}".strip()


def ask_at_random(url: str, name: str, mode: GenerationMode) -> Counter[str]:
    """Ask one operation many times; return how often it answered what."""
    found: Counter[str] = Counter()
    operation = load(url).find_operation_by_id(name)
    with requests.Session() as session:

        @given(case=operation.as_strategy(generation_mode=mode))
        @BOUNDED
        def ask(case: Any) -> None:
            answer = case.call(base_url=url, headers=HEADERS, session=session, timeout=LATER_S)
            found[told(answer)] += 1
            case.validate_response(answer, checks=tried, headers=HEADERS)

        tried = [*CHECKS, checks.negative_data_rejection] if name in STRICT else CHECKS
        ask()
    return found


@pytest.mark.parametrize("name", [one.name for one in OPERATIONS])
async def test_whatever_makes_sense_gets_an_answer_that_the_document_tells(
    premises: Premises, name: str
) -> None:
    found = await asyncio.to_thread(ask_at_random, premises.url, name, GenerationMode.POSITIVE)
    expected = {"200", "404"} | ({"200 processing"} if name in SUBMITS else {"200 failed"})
    assert expected & set(found), found
    assert found.total() >= EXAMPLES // 2


@pytest.mark.parametrize("name", [one.name for one in OPERATIONS])
async def test_whatever_makes_no_sense_gets_an_answer_that_the_document_tells(
    premises: Premises, name: str
) -> None:
    found = await asyncio.to_thread(ask_at_random, premises.url, name, GenerationMode.NEGATIVE)
    assert {"200 error", "200 failed", "400", "404"} & set(found), found
    assert found.total() >= EXAMPLES // 2


async def test_what_was_asked_for_can_be_asked_after(premises: Premises) -> None:
    fetched: Counter[str] = Counter()

    def walk() -> None:
        machine = load(premises.url, is_short=True).as_state_machine()

        class Client(machine):
            def get_call_kwargs(self, case: Any) -> dict[str, Any]:
                return {"base_url": premises.url, "headers": HEADERS, "timeout": LATER_S}

            def validate_response(self, response: Any, case: Any, **_: Any) -> None:
                fetched[f"{case.operation.definition.raw['operationId']} {told(response)}"] += 1
                case.validate_response(response, checks=CHECKS, headers=HEADERS)

        Client.run(settings=settings(BOUNDED, max_examples=EXAMPLES // 2))

    await asyncio.to_thread(walk)
    assert fetched["novita_task_result 200"], fetched
    found = [name for name in fetched if name.endswith(FOUND)]
    assert found, fetched
