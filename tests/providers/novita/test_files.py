"""The file at the end: what comes of it, and what a service may put in its place."""

from typing import Any

import pytest

from jobs.errors import FlipbookError, MediaError, RenderFailedError, UnavailableError
from providers.addresses import ForbiddenAddressError
from providers.downloads import EmptyFileError
from providers.http import Http
from providers.novita.client import NovitaApi
from tests.fakes.faults import Kind, Place
from tests.fakes.novita.service import FakeNovita
from tests.providers.novita.conftest import Make

EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
# The address of a cloud's own secrets.
PRIVATE = "http://169.254.169.254/latest/meta-data/"


async def fetch(api: NovitaApi, http: Http, make_order: Make) -> bytes:
    accepted = await api.submit(make_order())
    look = await api.look(accepted.provider_job_id, endpoint=api.endpoint)
    async with http.download(look.url or "", limit=10**6) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_the_video_comes_as_it_is(
    api: NovitaApi, http: Http, fake: FakeNovita, make_order: Make
) -> None:
    assert await fetch(api, http, make_order) == fake.video


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.WRONG_TYPE])
async def test_what_is_no_video_comes_as_it_is_and_is_for_the_probe_to_find(
    api: NovitaApi, http: Http, fake: FakeNovita, make_order: Make, kind: Kind
) -> None:
    fake.script(Place.VIDEO, kind)
    found = await fetch(api, http, make_order)
    assert found
    assert found != fake.video


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": Kind.ANSWER, "status": 403, "body": EXPIRED}, RenderFailedError),
        ({"kind": Kind.REDIRECT, "url": PRIVATE}, ForbiddenAddressError),
        ({"kind": Kind.BROKEN_OFF}, UnavailableError),
        ({"kind": Kind.DRIP}, UnavailableError),
        ({"kind": Kind.GZIP_BOMB}, MediaError),
        ({"kind": Kind.EMPTY}, EmptyFileError),
        ({"kind": Kind.ENDLESS}, MediaError),
    ],
    ids=str,
)
async def test_a_file_that_does_not_come_is_a_typed_error_and_no_second_bill(
    api: NovitaApi,
    http: Http,
    fake: FakeNovita,
    make_order: Make,
    fault: dict[str, Any],
    error: type[FlipbookError],
) -> None:
    fake.script(Place.VIDEO, **fault)
    with pytest.raises(error):
        await fetch(api, http, make_order)
    assert len(fake.bills) == 1
