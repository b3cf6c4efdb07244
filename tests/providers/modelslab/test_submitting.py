"""A submit is billed once, or refused for a reason, or not known: nothing else comes of it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import BusyError, ProviderError, RefusedError, UnavailableError, UnconfirmedError
from jobs.request import ProviderName
from providers.http import Http
from providers.modelslab.client import ModelsLabApi
from providers.modelslab.dialects import Dialect
from tests.fakes.faults import Kind, Place
from tests.fakes.modelslab.service import FakeModelsLab
from tests.providers.modelslab.conftest import KEY, TOKEN, Maker, order_of
from tests.providers.modelslab.test_wire import ANY_JSON, NEARLY_REPLIES

HOOK = "http://127.0.0.1:9/hooks/modelslab/token"


def answers(fake: FakeModelsLab, body: Any, status: int = 200, **values: Any) -> None:
    fake.script(Place.SUBMIT, Kind.ANSWER, body=body, status=status, **values)


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_submit_is_billed_once_and_says_what_it_uses(
    fake: FakeModelsLab, make_api: Maker, dialect: Dialect
) -> None:
    fake.eta_s = 21.88
    accepted = await make_api(dialect).submit(order_of(dialect))
    (bill,) = fake.bills
    assert accepted.provider_job_id == bill["id"]
    assert accepted.eta_s == 21.88
    assert accepted.effective["model"] == bill["body"]["model_id"]
    assert bill["body"] == {**accepted.sent, "webhook": None, "track_id": TOKEN}


async def test_v4_says_the_prompt_that_it_really_used(api: ModelsLabApi) -> None:
    accepted = await api.submit(order_of(prompt="a fox", enhance_prompt=True, seed=3532512439))
    assert accepted.sent["prompt"] == "a fox"
    assert accepted.effective["prompt"] == "mdjrny-v4 style a fox DSLR photography, sharp focus"
    assert accepted.effective["scheduler"] == "UniPCMultistepScheduler"
    assert accepted.effective["seed"] == 3532512439


async def test_a_model_that_was_silently_replaced_is_told(make_api: Maker) -> None:
    accepted = await make_api(Dialect.V6).submit(order_of(Dialect.V6, model="cogvideox"))
    assert accepted.sent["model_id"] == "cogvideox"
    assert accepted.effective["model"] == "wan2.2"


async def test_the_receipt_holds_neither_key_nor_token_nor_address(
    fake: FakeModelsLab, api: ModelsLabApi
) -> None:
    fake.sends_webhooks = False
    accepted = await api.submit(order_of(hook_url=HOOK))
    assert fake.bills[0]["body"]["webhook"] == HOOK
    assert not any(word in repr(accepted) for word in (KEY, TOKEN, HOOK))


async def test_numbers_that_come_as_strings_are_numbers(
    fake: FakeModelsLab, api: ModelsLabApi
) -> None:
    fake.script(Place.SUBMIT, Kind.STRINGS)
    accepted = await api.submit(order_of(seed=4016593698))
    assert accepted.provider_job_id == fake.bills[0]["id"]
    assert accepted.effective["seed"] == 4016593698
    assert accepted.effective["width"] == 512


@pytest.mark.parametrize(
    "name",
    [
        "submit_processing_v4_seed",
        "submit_processing_v4_2023",
        "submit_output_empty_string",
        "submit_processing_v6",
        "submit_success_v6",
        "submit_processing_v7",
    ],
)
async def test_every_documented_acceptance_is_one(
    fake: FakeModelsLab, api: ModelsLabApi, documented: dict[str, Any], name: str
) -> None:
    answers(fake, documented[name])
    accepted = await api.submit(order_of())
    assert accepted.provider_job_id in str(documented[name])


@pytest.mark.parametrize("body", [{"status": "queued", "id": 7}, {"status": "failed", "id": 7}])
async def test_what_has_an_id_was_taken_on(
    fake: FakeModelsLab, api: ModelsLabApi, body: dict[str, Any]
) -> None:
    answers(fake, body)
    assert (await api.submit(order_of())).provider_job_id == "7"


@pytest.mark.parametrize(
    ("name", "status", "expected", "is_for_everyone"),
    [
        ("error_invalid_key", 200, RefusedError, True),
        ("error_invalid_key", 401, RefusedError, True),
        ("error_monthly", 200, RefusedError, True),
        ("error_credits", 402, RefusedError, True),
        ("error_credits", 200, RefusedError, True),
        ("error_model", 200, RefusedError, False),
        ("error_model", 404, RefusedError, False),
        ("error_validation_object", 200, RefusedError, False),
        ("error_validation_object", 400, RefusedError, False),
        ("error_invalid_request", 200, RefusedError, False),
        ("fetch_failed", 200, RefusedError, False),
        ("error_rate_spam", 200, BusyError, False),
        ("error_rate_queue", 429, BusyError, False),
        ("error_rate_queue", 200, BusyError, False),
        ("error_rate_queue", 503, BusyError, False),
        ("submit_requeued_hint", 200, UnconfirmedError, False),
        ("fetch_processing_v6", 200, UnconfirmedError, False),
    ],
)
async def test_every_documented_error_has_its_meaning(
    fake: FakeModelsLab,
    api: ModelsLabApi,
    documented: dict[str, Any],
    name: str,
    status: int,
    expected: type[ProviderError],
    *,
    is_for_everyone: bool,
) -> None:
    answers(fake, documented[name], status)
    with pytest.raises(ProviderError) as caught:
        await api.submit(order_of())
    assert type(caught.value) is expected
    assert getattr(caught.value, "refuses_everyone", False) is is_for_everyone
    assert caught.value.user_message.endswith(".")
    assert f"HTTP {status}" in caught.value.detail
    assert not fake.bills


@pytest.mark.parametrize(
    ("message", "status", "expected", "is_for_everyone"),
    [
        ("Your account has been suspended", 200, RefusedError, True),
        ("Unauthorized", 401, RefusedError, True),
        ("Forbidden", 403, RefusedError, True),
        ("The route api/v4 could not be found.", 404, RefusedError, True),
        ("NSFW content detected in prompt", 200, RefusedError, False),
        ("Your prompt contains a banned word: wallet", 200, RefusedError, False),
        ("Something is wrong with this request", 200, RefusedError, False),
        ("Something is wrong with this request", 422, RefusedError, False),
        ("", 200, RefusedError, False),
        ("Server is busy", 503, BusyError, False),
        ("Internal error", 500, UnconfirmedError, False),
        ("Request timeout", 408, UnconfirmedError, False),
    ],
)
async def test_errors_in_other_words_are_told_by_words_and_code(
    fake: FakeModelsLab,
    api: ModelsLabApi,
    message: str,
    status: int,
    expected: type[ProviderError],
    *,
    is_for_everyone: bool,
) -> None:
    answers(fake, {"status": "error", "message": message}, status)
    with pytest.raises(ProviderError) as caught:
        await api.submit(order_of())
    assert type(caught.value) is expected
    assert getattr(caught.value, "refuses_everyone", False) is is_for_everyone


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, UnconfirmedError),
        (401, RefusedError),
        (404, RefusedError),
        (405, RefusedError),
        (413, RefusedError),
        (429, BusyError),
        (500, UnconfirmedError),
        (502, UnconfirmedError),
        (503, UnconfirmedError),
        (524, UnconfirmedError),
    ],
)
async def test_a_page_instead_of_an_answer_is_told_by_its_code(
    fake: FakeModelsLab, api: ModelsLabApi, status: int, expected: type[ProviderError]
) -> None:
    answers(fake, "<html><h1>gateway</h1></html>", status)
    with pytest.raises(ProviderError) as caught:
        await api.submit(order_of())
    assert type(caught.value) is expected


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirected_submit_is_refused_and_sent_nowhere_else(
    fake: FakeModelsLab, api: ModelsLabApi, status: int
) -> None:
    url = fake.url + "/api/v6/video/text2video"
    fake.script(Place.SUBMIT, Kind.REDIRECT, status=status, url=url)
    with pytest.raises(RefusedError) as caught:
        await api.submit(order_of())
    assert caught.value.refuses_everyone
    assert url in caught.value.detail
    assert not fake.bills


async def test_see_other_may_follow_a_submit_that_was_taken_on(
    fake: FakeModelsLab, api: ModelsLabApi
) -> None:
    fake.script(Place.SUBMIT, Kind.REDIRECT, status=303, url=fake.url)
    with pytest.raises(UnconfirmedError):
        await api.submit(order_of())


@pytest.mark.parametrize("kind", [Kind.DROP_AFTER, Kind.ANSWER_AFTER])
async def test_a_lost_answer_to_a_billed_submit_is_unconfirmed(
    fake: FakeModelsLab, api: ModelsLabApi, kind: Kind
) -> None:
    fake.script(Place.SUBMIT, kind, status=502, body="<html>bad gateway</html>")
    with pytest.raises(UnconfirmedError):
        await api.submit(order_of())
    assert len(fake.bills) == 1


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.GZIP_BOMB])
async def test_an_answer_that_cannot_be_read_is_unconfirmed(
    fake: FakeModelsLab, api: ModelsLabApi, kind: Kind
) -> None:
    fake.script(Place.SUBMIT, kind)
    with pytest.raises(UnconfirmedError):
        await api.submit(order_of())


async def test_a_service_that_is_not_there_was_sent_nothing() -> None:
    async with FakeModelsLab().open() as gone:
        url = gone.url
    async with Http.open(own=[url]) as http:
        api = ModelsLabApi(http=http, base_url=url, dialect=Dialect.V4, key=KEY)
        with pytest.raises(UnavailableError) as caught:
            await api.submit(order_of())
    assert not isinstance(caught.value, BusyError)


@pytest.mark.parametrize(
    ("body", "status", "headers", "wait_s"),
    [
        ({"message": "Rate limit exceeded", "retry_after": 30}, 429, {}, 30.0),
        ({"message": "Rate limit exceeded", "retry_after": "12"}, 200, {}, 12.0),
        ({"message": "Rate limit exceeded"}, 429, {"Retry-After": "17"}, 17.0),
        ({"message": "Rate limit exceeded", "tips": "please wait for 45 seconds"}, 200, {}, 45.0),
        ({"message": "spam filter is enabled"}, 200, {}, 30.0),
        ({"message": "Rate limit exceeded"}, 200, {}, None),
    ],
)
async def test_busy_says_when_to_come_back_if_it_was_said(
    fake: FakeModelsLab,
    api: ModelsLabApi,
    body: dict[str, Any],
    status: int,
    headers: dict[str, str],
    wait_s: float | None,
) -> None:
    answers(fake, {"status": "error", **body}, status, headers=headers)
    with pytest.raises(BusyError) as caught:
        await api.submit(order_of())
    assert caught.value.retry_after_s == wait_s


async def test_a_full_queue_is_busy_and_empties(fake: FakeModelsLab, api: ModelsLabApi) -> None:
    fake.queue_limit = 1
    first = await api.submit(order_of())
    with pytest.raises(BusyError):
        await api.submit(order_of())
    await api.look(first.provider_job_id, endpoint=api.endpoint)
    await api.submit(order_of())
    assert len(fake.bills) == 2


async def test_a_storm_of_429_bills_nothing(fake: FakeModelsLab, api: ModelsLabApi) -> None:
    answers(fake, "slow down", 429, times=20)
    for _ in range(20):
        with pytest.raises(BusyError):
            await api.submit(order_of())
    assert not fake.bills


async def test_the_refusal_of_a_field_names_it_by_our_name(
    fake: FakeModelsLab, api: ModelsLabApi
) -> None:
    answers(fake, {"status": "error", "message": {"num_inference_steps": ["Too many."]}}, 400)
    with pytest.raises(RefusedError, match="`steps`"):
        await api.submit(order_of())


async def test_a_bad_key_is_no_matter_of_one_request(make_api: Maker) -> None:
    with pytest.raises(RefusedError) as caught:
        await make_api(key="another-key-0815").submit(order_of())
    assert caught.value.refuses_everyone
    assert "Invalid Api Key" in caught.value.detail


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "message": f"Invalid Api Key: {KEY}", "tip": f"not {KEY}"},
        {"status": "error", "message": {KEY: [KEY]}},
        {"status": "processing", "id": KEY, "message": KEY},
        {"status": KEY, "messege": KEY},
        {"status": "processing", "id": 7, "meta": {"prompt": KEY, "model_id": KEY}},
        f"<html>{KEY}</html>",
    ],
)
async def test_a_key_that_is_echoed_goes_no_further(
    fake: FakeModelsLab, api: ModelsLabApi, body: Any
) -> None:
    answers(fake, body)
    try:
        told = repr(await api.submit(order_of()))
    except ProviderError as error:
        told = repr((error, error.args, error.detail, error.user_message, error.__dict__))
    assert KEY not in told
    assert told


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    body=ANY_JSON | NEARLY_REPLIES | st.text(), status=st.sampled_from([200, 302, 400, 429, 500])
)
async def test_whatever_is_answered_only_typed_errors_come_of_it(
    fake: FakeModelsLab, api: ModelsLabApi, body: Any, status: int
) -> None:
    answers(fake, body, status)
    try:
        accepted = await api.submit(order_of())
    except ProviderError as error:
        assert isinstance(error, (RefusedError, BusyError, UnconfirmedError))  # noqa: PT017 -- either may come
    else:
        assert accepted.provider_job_id


def test_the_account_says_what_it_is(api: ModelsLabApi, fake: FakeModelsLab) -> None:
    assert api.name is ProviderName.MODELSLAB
    assert api.endpoint == f"v4 {fake.url}"
    assert api.limits.in_flight == 5
    assert KEY not in repr(api)
