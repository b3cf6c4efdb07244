"""A look costs nothing, asks where the job is, and takes for the job only what is said of it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import BusyError, ProviderError, RefusedError, UnavailableError, UnconfirmedError
from providers.hosted.api import Look, Stage
from providers.http import Http
from providers.modelslab.client import ModelsLabApi
from providers.modelslab.dialects import Dialect, Endpoint
from tests.fakes.faults import Kind, Place
from tests.fakes.modelslab.service import FakeModelsLab
from tests.providers.modelslab.conftest import KEY, Maker, order_of
from tests.providers.modelslab.test_wire import ANY_JSON, NEARLY_REPLIES

Looking = Callable[[], Any]


@pytest.fixture
async def look(api: ModelsLabApi) -> Looking:
    """Return a look at a job that was submitted."""
    job_id = (await api.submit(order_of())).provider_job_id
    return lambda: api.look(job_id, endpoint=api.endpoint)


def answers(fake: FakeModelsLab, body: Any, status: int = 200, **values: Any) -> None:
    fake.script(Place.LOOK, Kind.ANSWER, body=body, status=status, **values)


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_job_runs_until_it_is_done(
    fake: FakeModelsLab, make_api: Maker, dialect: Dialect
) -> None:
    api = make_api(dialect)
    fake.looks_until_done = 2
    job_id = (await api.submit(order_of(dialect))).provider_job_id
    looks = [await api.look(job_id, endpoint=api.endpoint) for _ in range(3)]
    assert [look.stage for look in looks] == [Stage.RUNNING, Stage.RUNNING, Stage.DONE]
    assert looks[-1].url == f"{fake.url}/videos/{job_id}.mp4"


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_video_that_the_safety_checker_found_something_in_is_flagged(
    fake: FakeModelsLab, make_api: Maker, dialect: Dialect
) -> None:
    api = make_api(dialect)
    job_id = (await api.submit(order_of(dialect))).provider_job_id
    assert not (await api.look(job_id, endpoint=api.endpoint)).is_flagged
    fake.script(Place.LOOK, Kind.FLAGGED)
    assert (await api.look(job_id, endpoint=api.endpoint)).is_flagged


async def test_a_job_that_fails_for_its_content_is_flagged(
    fake: FakeModelsLab, look: Looking
) -> None:
    answers(fake, {"status": "failed", "message": "NSFW content detected", "output": ""})
    found = await look()
    assert (found.stage, found.is_flagged) == (Stage.FAILED, True)
    answers(fake, {"status": "failed", "message": "Failed, Try Again", "output": ""})
    assert not (await look()).is_flagged


async def test_a_job_is_asked_after_in_the_dialect_it_was_submitted_in(
    fake: FakeModelsLab, make_api: Maker
) -> None:
    old = make_api(Dialect.V6)
    job_id = (await old.submit(order_of(Dialect.V6))).provider_job_id
    answers(fake, {"status": "processing", "output": ""})
    assert (await make_api(Dialect.V4).look(job_id, endpoint=old.endpoint)).stage is Stage.RUNNING
    assert (await make_api(Dialect.V4).look(job_id, endpoint=old.endpoint)).stage is Stage.DONE


async def test_the_key_is_never_sent_to_the_address_in_an_answer(
    fake: FakeModelsLab, api: ModelsLabApi
) -> None:
    async with FakeModelsLab(key=KEY).open() as elsewhere:
        body = {
            "status": "processing",
            "id": 7,
            "fetch_result": f"{elsewhere.url}/api/v3/dreambooth/fetch/7",
        }
        fake.script(Place.SUBMIT, Kind.ANSWER, body=body)
        accepted = await api.submit(order_of())
        with pytest.raises(RefusedError):
            await api.look(accepted.provider_job_id, endpoint=api.endpoint)
        assert fake.counts[Place.LOOK] == 1
        assert not elsewhere.counts


@pytest.mark.parametrize("endpoint", ["", "v4", "v5 https://a.example", "https://a.example v4"])
async def test_an_endpoint_of_somebody_else_is_not_asked(api: ModelsLabApi, endpoint: str) -> None:
    with pytest.raises(UnavailableError):
        await api.look("7", endpoint=endpoint)


async def test_an_endpoint_that_is_not_configured_gets_no_key(api: ModelsLabApi) -> None:
    async with FakeModelsLab(key=KEY).open() as elsewhere:
        with pytest.raises(ProviderError):
            await api.look("7", endpoint=f"v4 {elsewhere.url}")
        assert not elsewhere.counts


@pytest.mark.parametrize("dialect", Dialect)
def test_an_endpoint_survives_being_written_down(dialect: Dialect) -> None:
    endpoint = Endpoint(dialect=dialect, base_url="https://modelslab.com")
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("fetch_success_v3", Stage.DONE),
        ("fetch_success_v6", Stage.DONE),
        ("fetch_processing_v6", Stage.RUNNING),
        ("fetch_failed", Stage.FAILED),
        ("submit_processing_v6", Stage.RUNNING),
        ("webhook_failed", Stage.FAILED),
    ],
)
async def test_every_documented_state_is_one(
    fake: FakeModelsLab, look: Looking, documented: dict[str, Any], name: str, stage: Stage
) -> None:
    answers(fake, documented[name])
    seen: Look = await look()
    assert seen.stage is stage
    assert (seen.url is not None) == (stage is Stage.DONE)
    assert bool(seen.failure) == (stage is Stage.FAILED)


async def test_a_failure_says_one_sentence_and_keeps_the_words_for_the_log(
    fake: FakeModelsLab, look: Looking, documented: dict[str, Any]
) -> None:
    answers(fake, documented["webhook_failed"])
    seen: Look = await look()
    assert seen.failure == "ModelsLab could not make this video."
    assert "Invalid input dimensions" in seen.detail


async def test_done_without_an_address_is_said_as_it_is(fake: FakeModelsLab, look: Looking) -> None:
    fake.script(Place.LOOK, Kind.NO_URL)
    seen: Look = await look()
    assert (seen.stage, seen.url) == (Stage.DONE, None)


async def test_a_job_that_is_stuck_runs(fake: FakeModelsLab, look: Looking) -> None:
    fake.script(Place.LOOK, Kind.STUCK, times=3)
    assert {(await look()).stage for _ in range(3)} == {Stage.RUNNING}


async def test_an_unknown_status_runs_and_is_logged_once(
    fake: FakeModelsLab, look: Looking, caplog: pytest.LogCaptureFixture
) -> None:
    fake.script(Place.LOOK, Kind.STRANGE, times=2)
    with caplog.at_level(logging.WARNING):
        assert [(await look()).stage for _ in range(2)] == [Stage.RUNNING, Stage.RUNNING]
    assert [record.message for record in caplog.records if "warming up" in record.message] == [
        "ModelsLab says 'warming up' of a job, which is read as running"
    ]


async def test_a_job_that_is_not_found_is_refused_and_not_failed(
    fake: FakeModelsLab, look: Looking
) -> None:
    fake.script(Place.LOOK, Kind.NOT_FOUND)
    with pytest.raises(RefusedError) as caught:
        await look()
    assert not caught.value.refuses_everyone
    assert (await look()).stage is Stage.DONE


async def test_a_video_that_came_with_the_submit_is_not_lost(
    fake: FakeModelsLab, api: ModelsLabApi, documented: dict[str, Any]
) -> None:
    fake.script(Place.SUBMIT, Kind.ANSWER, body=documented["submit_success_v6"])
    job_id = (await api.submit(order_of())).provider_job_id
    seen = await api.look(job_id, endpoint=api.endpoint)
    assert seen.stage is Stage.DONE
    assert seen.url == documented["submit_success_v6"]["output"][0]


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("error_invalid_key", 200, RefusedError),
        ("error_invalid_key", 401, RefusedError),
        ("error_monthly", 200, RefusedError),
        ("error_credits", 402, RefusedError),
        ("error_rate_spam", 200, BusyError),
        ("error_rate_queue", 429, BusyError),
    ],
)
async def test_what_is_said_of_the_account_is_not_said_of_the_job(
    fake: FakeModelsLab,
    look: Looking,
    documented: dict[str, Any],
    name: str,
    status: int,
    expected: type[ProviderError],
) -> None:
    answers(fake, documented[name], status)
    with pytest.raises(ProviderError) as caught:
        await look()
    assert type(caught.value) is expected
    assert getattr(caught.value, "refuses_everyone", True)
    assert (await look()).stage is Stage.DONE


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ("<html>bad gateway</html>", 502, UnconfirmedError),
        ("<html>hello</html>", 200, UnconfirmedError),
        ("<html>gone</html>", 404, UnconfirmedError),
        ("<html>slow down</html>", 429, BusyError),
        ([], 200, UnconfirmedError),
        ({}, 200, UnconfirmedError),
        ({"message": "Server Error"}, 500, UnconfirmedError),
        ({"status": "error", "message": "Server Error"}, 500, UnconfirmedError),
        ({"status": "error", "message": "Invalid API Request"}, 200, UnconfirmedError),
        ({"status": "error", "message": "Not here"}, 404, RefusedError),
        ({"message": "Unauthenticated."}, 401, RefusedError),
        ({"status": "error", "message": "Who are you?"}, 401, RefusedError),
    ],
)
async def test_an_answer_that_says_nothing_of_the_job_does_not_end_it(
    fake: FakeModelsLab, look: Looking, body: Any, status: int, expected: type[ProviderError]
) -> None:
    answers(fake, body, status)
    with pytest.raises(ProviderError) as caught:
        await look()
    assert type(caught.value) is expected
    assert (await look()).stage is Stage.DONE


@pytest.mark.parametrize("kind", [Kind.DROP, Kind.DROP_AFTER, Kind.GZIP_BOMB])
async def test_a_lost_answer_to_a_look_is_asked_for_again(
    fake: FakeModelsLab, look: Looking, kind: Kind
) -> None:
    fake.script(Place.LOOK, kind)
    with pytest.raises(UnconfirmedError):
        await look()
    assert (await look()).stage is Stage.DONE


async def test_numbers_that_come_as_strings_are_read(fake: FakeModelsLab, look: Looking) -> None:
    fake.script(Place.LOOK, Kind.STRINGS)
    assert (await look()).stage is Stage.DONE


async def test_an_error_without_words_in_v7_is_told_by_the_announced_link(
    fake: FakeModelsLab, make_api: Maker, documented: dict[str, Any]
) -> None:
    api = make_api(Dialect.V7)
    job_id = (await api.submit(order_of(Dialect.V7))).provider_job_id
    answers(fake, documented["fetch_error_empty"], times=4)
    fake.script(Place.VIDEO, Kind.EMPTY)
    fake.script(Place.VIDEO, Kind.ANSWER, status=404, body="not yet")
    fake.script(Place.VIDEO, Kind.REDIRECT, url="http://169.254.169.254/latest/meta-data")
    looks = [await api.look(job_id, endpoint=api.endpoint) for _ in range(4)]
    assert [look.stage for look in looks] == [Stage.RUNNING] * 3 + [Stage.DONE]
    assert looks[-1].url == f"{fake.url}/videos/{job_id}.mp4"


async def test_an_error_without_words_in_v4_is_a_failure(
    fake: FakeModelsLab, look: Looking, documented: dict[str, Any]
) -> None:
    answers(fake, documented["fetch_error_empty"])
    assert (await look()).stage is Stage.FAILED


async def test_a_link_that_is_announced_is_not_a_video(
    fake: FakeModelsLab, look: Looking, documented: dict[str, Any]
) -> None:
    answers(fake, documented["submit_processing_v6"])
    assert (await look()).url is None


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(body=ANY_JSON | NEARLY_REPLIES | st.text(), status=st.sampled_from([200, 401, 404, 500]))
async def test_whatever_is_answered_to_a_look_only_typed_errors_come_of_it(
    fake: FakeModelsLab, api: ModelsLabApi, body: Any, status: int
) -> None:
    answers(fake, body, status)
    try:
        seen = await api.look("7", endpoint=api.endpoint)
    except ProviderError as error:
        assert isinstance(error, (RefusedError, BusyError, UnconfirmedError))  # noqa: PT017 -- either may come
    else:
        assert seen.stage in Stage


async def test_the_shelf_of_v4_is_the_list_of_the_account(api: ModelsLabApi) -> None:
    shelf = await api.shelf()
    assert [(model.id, model.trigger_words) for model in shelf.models] == [
        ("midjourney", ("mdjrny-v4 style",)),
        ("anything-v5", ()),
    ]


@pytest.mark.parametrize("dialect", [Dialect.V6, Dialect.V7])
async def test_the_shelf_of_the_others_is_the_documented_one(
    make_api: Maker, dialect: Dialect
) -> None:
    shelf = await make_api(dialect).shelf()
    assert order_of(dialect).request.model in {model.id for model in shelf.models}


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_bad_key_is_found_out_for_nothing(
    fake: FakeModelsLab, make_api: Maker, dialect: Dialect
) -> None:
    with pytest.raises(RefusedError) as caught:
        await make_api(dialect, key="another-key-0815").shelf()
    assert caught.value.refuses_everyone
    assert not fake.bills


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ("<html>", 502, UnconfirmedError),
        ("<html>", 404, RefusedError),
        ("slow down", 429, BusyError),
        ({"status": "error", "message": "Rate limit exceeded"}, 200, BusyError),
        ({"status": "success"}, 200, UnconfirmedError),
        (None, 301, RefusedError),
    ],
)
async def test_a_shelf_that_cannot_be_read_says_why(
    fake: FakeModelsLab, api: ModelsLabApi, body: Any, status: int, expected: type[ProviderError]
) -> None:
    fake.script(Place.MODELS, Kind.ANSWER, body=body, status=status)
    with pytest.raises(ProviderError) as caught:
        await api.shelf()
    assert type(caught.value) is expected


async def test_a_service_that_is_not_there_is_unavailable() -> None:
    async with FakeModelsLab().open() as gone:
        url = gone.url
    async with Http.open(own=[url]) as http:
        api = ModelsLabApi(http=http, base_url=url, dialect=Dialect.V4, key=KEY)
        with pytest.raises(UnavailableError):
            await api.look("7", endpoint=api.endpoint)
        with pytest.raises(UnavailableError):
            await api.shelf()
