"""Where webhooks are sent, and where never, whoever asked for it."""

import pytest

from tests.fakes.raw_server import RawServer, answers
from tests.web.sender import OpenSender


async def test_a_redirect_is_not_followed(open_sender: OpenSender, receiver: RawServer) -> None:
    async with RawServer.open() as canary:
        headers = (f"Location: {canary.url}/inside",)
        receiver.replies["/hook"] = answers(status=307, headers=headers)
        async with open_sender() as sender:
            await sender.add(f"{receiver.url}/hook")
            await sender.outbox.until_ended(1)
            assert sender.outbox.ends[0][0] == "status 307"
        assert canary.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://inside.example:{port}/",
        "https://user:word@127.0.0.1:{port}/",
        "https://2130706433:{port}/",
        "http://hooks.example/",
        "ftp://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "file:///etc/passwd",
        "nonsense",
        "",
        "https://[half",
        "https://127.0.0.1:{port}\\@hooks.example/",
    ],
)
async def test_an_address_inside_is_never_opened_and_given_up_at_once(
    open_sender: OpenSender, receiver: RawServer, url: str
) -> None:
    async with open_sender(own=()) as sender:
        await sender.add(url.format(port=receiver.port))
        await sender.outbox.until_ended(1)
        ((_, due_at),) = sender.outbox.ends
        assert due_at is None
    assert receiver.connections == 0


async def test_only_the_port_that_the_operator_named_is_opened(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    async with (
        RawServer.open() as other,
        open_sender(own=(f"127.0.0.1:{receiver.port}",)) as sender,
    ):
        await sender.add(other.url)
        await sender.add(receiver.url)
        await sender.outbox.until_ended(2)
        assert sorted(due_at is None for _, due_at in sender.outbox.ends) == [True, True]
        assert other.connections == 0
    assert len(receiver.requests) == 1
