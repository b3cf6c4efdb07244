"""Where the bytes of an init image come from."""

import base64
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web

from bot.web.modelslab.images import InitImages
from bot.web.problems import Problem, ProblemKind
from bot.web.server import open_front_door
from jobs.request import MAX_IMAGE_BYTES
from providers.http import Http

PICTURE = b"a picture"


async def picture(_: web.Request) -> web.Response:
    return web.Response(body=PICTURE)


async def flood(_: web.Request) -> web.Response:
    return web.Response(body=bytes(MAX_IMAGE_BYTES + 1))


@pytest.fixture
async def base() -> AsyncGenerator[str]:
    routes = [web.get("/picture", picture), web.get("/flood", flood)]
    async with open_front_door("127.0.0.1", 0, routes) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def images(base: str) -> AsyncGenerator[InitImages]:
    async with Http.open(own=[base]) as http:
        yield InitImages(http=http)


async def test_an_address_is_fetched(images: InitImages, base: str) -> None:
    assert await images.content_of(f"{base}/picture") == PICTURE


@pytest.mark.parametrize("path", ["/none", "/flood"])
async def test_what_cannot_be_fetched_is_refused(images: InitImages, base: str, path: str) -> None:
    with pytest.raises(Problem) as caught:
        await images.content_of(base + path)
    assert (caught.value.kind, caught.value.field) == (ProblemKind.BAD_REQUEST, "init_image")


@pytest.mark.parametrize(
    "prefix",
    ["", "data:image/png;base64,", "data:;base64,", "data:image/svg+xml;charset=utf-8;base64,"],
)
async def test_base64_is_read_with_and_without_its_heading(images: InitImages, prefix: str) -> None:
    assert await images.content_of(prefix + base64.b64encode(PICTURE).decode()) == PICTURE


@pytest.mark.parametrize(
    "value",
    [
        "data:image/png;base64,",
        "data:image/png,plain",
        "a b c d",
        "\u0663\u0663\u0663\u0663",
        "file:///etc/passwd",
        base64.b64encode(bytes(MAX_IMAGE_BYTES + 1)).decode(),
    ],
    ids=["empty", "not base64", "spaces", "digits", "file", "large"],
)
async def test_anything_else_is_refused(images: InitImages, value: str) -> None:
    with pytest.raises(Problem) as caught:
        await images.content_of(value)
    assert caught.value.kind is ProblemKind.BAD_REQUEST
