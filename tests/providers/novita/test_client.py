"""The client over a real connection, against a Novita that behaves or does not."""

import asyncio
import json
from typing import Any

import pytest

from jobs.errors import (
    BusyError,
    ProviderError,
    RefusedError,
    RequestError,
    UnavailableError,
    UnconfirmedError,
)
from providers.hosted.api import Accepted, Look, Stage
from providers.http import Http
from providers.novita.client import FORGIVEN_MISSES, NovitaApi
from tests.fakes.faults import Kind, Place
from tests.fakes.novita.bodies import error
from tests.fakes.novita.service import FakeNovita
from tests.providers.novita.conftest import KEY, Make

HTML = "<!DOCTYPE html><html><body>Bad Gateway</body></html>"


async def look(api: NovitaApi, accepted: Accepted) -> Look:
    return await api.look(accepted.provider_job_id, endpoint=api.endpoint)


def refuse(fake: FakeNovita, place: Place, reason: str, kind: Kind = Kind.ANSWER) -> None:
    body = error(reason)
    fake.script(place, kind, status=body["code"], body=body)


async def test_a_video_is_submitted_once_and_looked_at_until_it_is_done(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    fake.looks_until_done = 2
    accepted = await api.submit(make_order(seed=42))
    looks = [await look(api, accepted) for _ in range(3)]
    assert [one.stage for one in looks] == [Stage.RUNNING, Stage.RUNNING, Stage.DONE]
    assert [one.fraction for one in looks] == [None, 0.5, 1.0]
    assert looks[-1].url == f"{fake.url}/videos/{accepted.provider_job_id}.mp4?X-Amz-Expires=3600"
    assert looks[-1].effective == {"seed": 42}
    assert [bill["id"] for bill in fake.bills] == [accepted.provider_job_id]


async def test_what_is_kept_of_a_submit_is_what_was_sent_without_key_and_webhook(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    fake.sends_webhooks = False
    accepted = await api.submit(make_order("https://bot.example/hooks/novita/secret"))
    (bill,) = fake.bills
    assert bill["body"]["extra"]["webhook"] == {"url": "https://bot.example/hooks/novita/secret"}
    assert accepted.sent["prompts"] == bill["body"]["prompts"]
    kept = json.dumps(accepted.sent)
    assert "secret" not in kept
    assert KEY not in kept


async def test_the_video_is_downloaded_without_the_key(
    api: NovitaApi, fake: FakeNovita, http: Http, make_order: Make
) -> None:
    url = (await look(api, await api.submit(make_order()))).url or ""
    async with http.download(url, limit=10**6) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == fake.video


async def test_a_request_that_novita_cannot_make_is_never_sent(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    with pytest.raises(RequestError, match="at least 8 frames"):
        await api.submit(make_order(frames=7))
    assert fake.counts[Place.SUBMIT] == 0


@pytest.mark.parametrize("key", ["sk_another", ""])
async def test_a_bad_key_refuses_everyone(
    http: Http, fake: FakeNovita, make_order: Make, key: str
) -> None:
    api = NovitaApi(http=http, base_url=fake.url, key=key)
    for asking in (api.submit(make_order()), api.shelf(), api.look("t-1", endpoint=fake.url)):
        with pytest.raises(RefusedError) as refused:
            await asking
        assert refused.value.refuses_everyone
    assert fake.bills == []


async def test_a_model_that_is_not_there_is_refused(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    with pytest.raises(RefusedError) as refused:
        await api.submit(make_order(model="gone.safetensors"))
    assert not refused.value.refuses_everyone
    assert "gone.safetensors" in refused.value.detail
    assert "gone.safetensors" not in refused.value.user_message
    assert fake.bills == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("ILLEGAL_PROMPT", RefusedError),
        ("BILLING_BALANCE_NOT_ENOUGH", RefusedError),
        ("RATE_LIMIT_EXCEEDED", BusyError),
        ("CREATE_TASK_FAILED", UnconfirmedError),
        ("BILLING_FAILED", UnconfirmedError),
    ],
)
@pytest.mark.parametrize("status", [200, None])
async def test_a_refused_submit_means_the_same_inside_a_200(
    api: NovitaApi,
    fake: FakeNovita,
    make_order: Make,
    reason: str,
    kind: type[ProviderError],
    status: int | None,
) -> None:
    body = error(reason)
    fake.script(Place.SUBMIT, Kind.ANSWER, status=status or body["code"], body=body)
    with pytest.raises(ProviderError) as raised:
        await api.submit(make_order())
    assert type(raised.value) is kind
    assert fake.bills == []


async def test_a_storm_of_429s_says_how_long_it_lasts(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    headers = {"Retry-After": "31"}
    fake.script(Place.SUBMIT, Kind.ANSWER, times=3, status=429, body=HTML, headers=headers)
    for _ in range(3):
        with pytest.raises(BusyError) as busy:
            await api.submit(make_order())
        assert busy.value.retry_after_s == 31
    await api.submit(make_order())
    assert len(fake.bills) == 1


@pytest.mark.parametrize(
    ("kind", "values", "bills"),
    [
        (Kind.DROP, {}, 0),
        (Kind.DROP_AFTER, {}, 1),
        (Kind.ANSWER_AFTER, {"status": 504, "body": HTML}, 1),
        (Kind.ANSWER_AFTER, {"status": 200, "body": HTML}, 1),
        (Kind.ANSWER_AFTER, {"status": 200, "body": {"task_id": ""}}, 1),
        (Kind.ANSWER_AFTER, {"status": 500, "body": error("CREATE_TASK_FAILED")}, 1),
        (Kind.REDIRECT, {"status": 303, "url": "/v3/async/task-result"}, 0),
        (Kind.GZIP_BOMB, {}, 0),
    ],
)
async def test_a_submit_whose_answer_is_lost_is_unconfirmed_and_never_repeated(
    api: NovitaApi,
    fake: FakeNovita,
    make_order: Make,
    kind: Kind,
    values: dict[str, Any],
    bills: int,
) -> None:
    fake.script(Place.SUBMIT, kind, **values)
    with pytest.raises(UnconfirmedError):
        await api.submit(make_order())
    assert fake.counts[Place.SUBMIT] == 1
    assert len(fake.bills) == bills


@pytest.mark.parametrize(("kind", "bills"), [(Kind.HOLD, 0), (Kind.HOLD_AFTER, 1)])
async def test_a_submit_that_is_held_and_then_cut_is_unconfirmed(
    api: NovitaApi, fake: FakeNovita, make_order: Make, kind: Kind, bills: int
) -> None:
    fake.script(Place.SUBMIT, kind)
    submit = asyncio.create_task(api.submit(make_order()))
    await fake.until(held=1)
    assert len(fake.bills) == bills
    fake.release(drop=True)
    with pytest.raises(UnconfirmedError):
        await submit
    assert len(fake.bills) == bills


async def test_a_submit_that_is_held_and_then_released_is_accepted(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    fake.script(Place.SUBMIT, Kind.HOLD)
    submit = asyncio.create_task(api.submit(make_order()))
    await fake.until(held=1)
    fake.release()
    accepted = await submit
    assert [bill["id"] for bill in fake.bills] == [accepted.provider_job_id]


async def test_a_submit_is_not_carried_to_another_address(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    url = f"{fake.url}/v3/async/txt2video"
    fake.script(Place.SUBMIT, Kind.REDIRECT, status=308, url=url)
    with pytest.raises(RefusedError) as refused:
        await api.submit(make_order())
    assert refused.value.refuses_everyone
    assert fake.bills == []


async def test_nothing_was_sent_to_a_service_that_is_not_there(make_order: Make) -> None:
    async with FakeNovita(key=KEY).open() as fake, Http.open(own=[fake.url]) as http:
        api = NovitaApi(http=http, base_url=fake.url, key=KEY)
    async with Http.open(own=[fake.url]) as http:
        api = NovitaApi(http=http, base_url=fake.url, key=KEY)
        with pytest.raises(UnavailableError):
            await api.submit(make_order())


async def test_a_job_that_is_stuck_is_running_however_often_it_is_looked_at(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    fake.script(Place.LOOK, Kind.STUCK, times=10)
    assert {(await look(api, accepted)).stage for _ in range(10)} == {Stage.RUNNING}


async def test_a_strange_status_is_running(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    fake.script(Place.LOOK, Kind.STRANGE)
    assert (await look(api, accepted)).stage is Stage.RUNNING


async def test_done_without_a_video_is_done_without_a_url(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    fake.script(Place.LOOK, Kind.NO_URL)
    found = await look(api, accepted)
    assert (found.stage, found.url) == (Stage.DONE, None)


async def test_numbers_as_strings_are_numbers(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order(seed=4294967295))
    fake.script(Place.LOOK, Kind.STRINGS)
    found = await look(api, accepted)
    assert (found.fraction, found.effective) == (1.0, {"seed": 4294967295})


async def test_a_video_that_the_safety_checker_found_something_in_is_flagged(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    assert not (await look(api, accepted)).is_flagged
    fake.script(Place.LOOK, Kind.FLAGGED)
    assert (await look(api, accepted)).is_flagged


async def test_a_failed_task_is_failed_and_says_why_in_two_ways(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    fake.script(Place.LOOK, Kind.FAILED)
    found = await look(api, accepted)
    assert (found.stage, found.failure) == (Stage.FAILED, "Novita could not make this video.")
    assert found.detail == "TASK_STATUS_FAILED OUT_OF_MEMORY"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Kind.ANSWER, {"status": 503, "body": HTML}),
        (Kind.ANSWER, {"status": 200, "body": HTML}),
        (Kind.ANSWER, {"status": 200, "body": {"task": {"task_id": "t-1"}}}),
        (Kind.ANSWER, {"status": 200, "body": error("GET_RESULT_FAILED")}),
        (Kind.ANSWER, {"status": 500, "body": error("TASK_FAILED")}),
        (Kind.DROP, {}),
        (Kind.GZIP_BOMB, {}),
    ],
)
async def test_a_look_that_cannot_be_read_may_be_repeated(
    api: NovitaApi, fake: FakeNovita, make_order: Make, kind: Kind, values: dict[str, Any]
) -> None:
    accepted = await api.submit(make_order())
    # A GET may be repeated by the library, too.
    fake.script(Place.LOOK, kind, times=1 if kind is not Kind.DROP else 2, **values)
    with pytest.raises(UnconfirmedError):
        await look(api, accepted)


async def test_too_many_looks_are_busy(api: NovitaApi, fake: FakeNovita, make_order: Make) -> None:
    accepted = await api.submit(make_order())
    refuse(fake, Place.LOOK, "RATE_LIMIT_EXCEEDED")
    with pytest.raises(BusyError):
        await look(api, accepted)
    assert (await look(api, accepted)).stage is Stage.DONE


async def test_an_answer_about_another_task_is_not_taken(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    mine, other = await api.submit(make_order()), await api.submit(make_order())
    body = {"task": {"task_id": other.provider_job_id, "status": "TASK_STATUS_SUCCEED"}}
    fake.script(Place.LOOK, Kind.ANSWER, body=body)
    with pytest.raises(UnconfirmedError, match="another"):
        await look(api, mine)


async def test_a_fresh_task_may_be_unknown_for_a_while(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    fake.script(Place.LOOK, Kind.NOT_FOUND, times=FORGIVEN_MISSES)
    for _ in range(FORGIVEN_MISSES):
        assert (await look(api, accepted)).stage is Stage.RUNNING
    assert (await look(api, accepted)).stage is Stage.DONE


async def test_a_fresh_task_that_stays_unknown_is_refused(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    fake.script(Place.LOOK, Kind.NOT_FOUND, times=FORGIVEN_MISSES + 1)
    for _ in range(FORGIVEN_MISSES):
        await look(api, accepted)
    with pytest.raises(RefusedError) as refused:
        await look(api, accepted)
    assert not refused.value.refuses_everyone


async def test_a_task_that_was_found_once_is_not_fresh_any_more(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    await look(api, accepted)
    fake.script(Place.LOOK, Kind.NOT_FOUND)
    with pytest.raises(RefusedError):
        await look(api, accepted)


async def test_a_task_that_a_forger_made_up_is_refused_at_once(api: NovitaApi) -> None:
    with pytest.raises(RefusedError) as refused:
        await api.look("00000000-0000-0000-0000-000000000000", endpoint=api.endpoint)
    assert not refused.value.refuses_everyone


async def test_a_job_is_looked_at_where_it_was_submitted(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    accepted = await api.submit(make_order())
    async with FakeNovita(key=KEY).open() as new, Http.open(own=[fake.url, new.url]) as http:
        moved = NovitaApi(http=http, base_url=new.url + "/", key=KEY)
        assert moved.endpoint == new.url
        found = await moved.look(accepted.provider_job_id, endpoint=fake.url)
    assert found.stage is Stage.DONE
    assert new.counts[Place.LOOK] == 0


def test_two_submits_a_minute_are_the_limit_unless_the_account_has_more(
    http: Http, api: NovitaApi
) -> None:
    assert api.limits.submits_per_minute == 2
    more = NovitaApi(http=http, base_url="http://x", key=KEY, submits_per_minute=20)
    assert more.limits.submits_per_minute == 20


async def test_neither_key_nor_webhook_is_in_what_a_refusal_says(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    order = make_order("https://bot.example/hooks/novita/" + "ab" * 16)
    said = error("INVALID_REQUEST_BODY", f"no {order.hook_url} for {KEY}: {order.token}")
    fake.script(Place.SUBMIT, Kind.ANSWER, status=400, body=said)
    with pytest.raises(RefusedError) as refused:
        await api.submit(order)
    told = f"{refused.value!r} {refused.value.detail} {vars(refused.value)}"
    assert "no *** for ***: ***" in told
    assert KEY not in told
    assert order.token not in told


def test_the_key_is_not_in_what_a_client_looks_like(api: NovitaApi) -> None:
    assert KEY not in f"{api!r} {api.limits!r} {api.endpoint}"
