"""What Novita sends by itself, and what it proves."""

import pytest

from jobs.errors import RefusedError, UnconfirmedError
from providers.hosted.api import Stage
from providers.novita.client import NovitaApi
from tests.fakes.faults import Kind, Place
from tests.fakes.novita.service import FakeNovita
from tests.providers.novita.conftest import Make
from tests.providers.novita.mailbox import open_mailbox


async def test_a_webhook_comes_when_the_task_is_done_and_names_it(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    async with open_mailbox() as (hook_url, letters):
        accepted = await api.submit(make_order(hook_url))
        await fake.until(webhook=1)
    assert [api.named_in(letter) for letter in letters] == [accepted.provider_job_id]
    assert fake.heard == [202]


async def test_a_webhook_heals_a_submit_whose_answer_was_dropped(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    fake.script(Place.SUBMIT, Kind.DROP_AFTER)
    async with open_mailbox() as (hook_url, letters):
        with pytest.raises(UnconfirmedError):
            await api.submit(make_order(hook_url))
        await fake.until(webhook=1)
    named = api.named_in(letters[0]) or ""
    assert (await api.look(named, endpoint=api.endpoint)).stage is Stage.DONE
    assert [bill["id"] for bill in fake.bills] == [named]


async def test_nobody_takes_a_webhook_and_it_comes_five_times_more(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    async with open_mailbox() as (hook_url, _):
        await api.submit(make_order(hook_url + "/nobody"))
        await fake.until(webhook=6)
    assert fake.heard == [404] * 6


async def test_the_hook_is_tried_out_without_a_bill(api: NovitaApi, fake: FakeNovita) -> None:
    async with open_mailbox() as (hook_url, letters):
        task_id = await api.try_hook(hook_url)
        await fake.until(webhook=1)
    assert api.named_in(letters[0]) == task_id
    assert fake.bills == []


async def test_a_webhook_that_comes_three_times_names_the_same_task(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    fake.script(Place.WEBHOOK, Kind.DUPLICATE)
    async with open_mailbox() as (hook_url, letters):
        accepted = await api.submit(make_order(hook_url))
        await fake.until(webhook=3)
    assert [api.named_in(letter) for letter in letters] == [accepted.provider_job_id] * 3
    assert len(fake.bills) == 1


async def test_a_forged_webhook_names_a_task_that_novita_does_not_know(
    api: NovitaApi, fake: FakeNovita, make_order: Make
) -> None:
    fake.script(Place.WEBHOOK, Kind.FORGED)
    async with open_mailbox() as (hook_url, letters):
        accepted = await api.submit(make_order(hook_url))
        await fake.until(webhook=1)
    named = api.named_in(letters[0])
    assert named not in (None, accepted.provider_job_id)
    with pytest.raises(RefusedError):
        await api.look(named or "", endpoint=api.endpoint)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"payload": {"task": {"status": "TASK_STATUS_SUCCEED"}}}',
        b'{"payload": {"task": {"task_id": "../x y", "status": "TASK_STATUS_SUCCEED"}}}',
        b'{"event_type": "OTHER", "payload": {"task": {"task_id": "t-1", "status": "x"}}}',
    ],
)
def test_a_letter_that_is_no_event_names_nothing(api: NovitaApi, body: bytes) -> None:
    assert api.named_in(body) is None


def test_an_event_without_a_type_names_its_task(api: NovitaApi) -> None:
    assert api.named_in(b'{"payload": {"task": {"task_id": "t-1", "status": "x"}}}') == "t-1"
