"""Webhooks are signed as the specification wants it, with the secret of the operator."""

import base64
import hashlib
import hmac
from datetime import datetime

import pytest

from bot.web.signatures import Signer, read_secret
from jobs.errors import SettingsError
from tests.fakes.clock import START
from tests.fakes.raw_server import RawServer
from tests.web.sender import SECRET, OpenSender


async def test_what_is_sent_is_signed(open_sender: OpenSender, receiver: RawServer) -> None:
    async with open_sender(secret=SECRET) as sender:
        await sender.add(receiver.url)
        await sender.outbox.until_ended(1)
    (sent,) = receiver.requests
    stamp = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode()
    expected = hmac.new(SECRET, stamp + sent.body, hashlib.sha256).digest()
    version, _, signature = sent.headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(signature) == expected


@pytest.mark.parametrize(
    ("secret", "message_id", "timestamp", "body", "signature"),
    [
        (  # the test of the specification's reference libraries
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (  # https://docs.svix.com/receiving/verifying-payloads/how-manual
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1731705121,
            b'{"event_type":"ping","data":{"success":true}}',
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
    ],
)
def test_published_messages_are_signed_as_published(
    secret: str, message_id: str, timestamp: int, body: bytes, signature: str
) -> None:
    signer = Signer(base64.b64decode(secret.removeprefix("whsec_")))
    at = datetime.fromtimestamp(timestamp, tz=START.tzinfo)
    assert signer.headers(message_id, body, at=at) == {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }


def test_a_secret_is_read_with_and_without_its_prefix() -> None:
    text = base64.b64encode(SECRET).decode()
    assert read_secret(f"whsec_{text}") == read_secret(text) == SECRET


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_plJ3nmyCDGBKInavdOK15jsl", "pass word!", "A" * 200]
)
def test_a_secret_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="FLIPBOOK_WEBHOOK_SECRET"):
        read_secret(text)
