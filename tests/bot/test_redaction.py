import json
import logging

import pytest

from bot.logs import JsonFormatter, Redactor
from bot.redaction import hide_shapes

SECRET = "f00dcafe0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"GET https://video.example/a.mp4?X-Amz-Expires=3600&X-Amz-Signature={SECRET}",
        f"'https://video.example/a.mp4?se=2026&sig={SECRET}%3D' expired",
        f"<https://video.example/a.mp4?hm={SECRET}>",
        f"https://someone:{SECRET}@api.example/v3",
        f"HTTP://VIDEO.EXAMPLE/?{SECRET}",
        f"X-Amz-Signature={SECRET}&X-Amz-Expires=3600",
        f"x-goog-signature={SECRET}",
        f"Signature={SECRET}",
        f'{{"key": "{SECRET}", "prompt": "a red ball"}}',
        f"{{'key': '{SECRET}'}}",
        f'{{"api_key":"{SECRET}"}}',
        f'body b\'{{"key": "{SECRET}"}}\'',
        json.dumps(json.dumps({"key": SECRET})),
        json.dumps(json.dumps(json.dumps({"KEY": SECRET}))),
        f"Authorization: {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization=Basic {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f"[(b'authorization', b'Bot {SECRET}')]",
        f"<CIMultiDict('Authorization': 'Bearer {SECRET}')>",
        f"sent bearer {SECRET} to it",
    ],
)
def test_what_has_the_shape_of_a_secret_is_hidden(text: str) -> None:
    assert SECRET not in hide_shapes(text)
    made = logging.makeLogRecord({"msg": "%s", "args": (text,), "extra_text": text})
    assert SECRET not in Redactor(logging.Formatter(), []).format(made)
    line = Redactor(JsonFormatter(), []).format(made)
    assert SECRET not in line
    assert set(json.loads(line)) >= {"message", "extra_text"}


@pytest.mark.parametrize(
    "text",
    [
        "Job 12 submitted to https://api.novita.ai/v3/async/txt2video in 0.3 s",
        "the key of novita was refused, so it takes no jobs",
        "Why? https://docs.example/ says so. Really?",
        '{"status": "error", "messege": "Invalid key"}',
        "a significant policy: authorization is needed",
    ],
)
def test_what_only_speaks_of_secrets_stays(text: str) -> None:
    assert hide_shapes(text) == text


def test_the_address_stays_and_so_does_what_is_short_in_its_query() -> None:
    assert hide_shapes(
        "https://video.example/a.mp4?page=2&X-Amz-Security-Token=FwoGZXIvYXdzEJr"
    ) == ("https://video.example/a.mp4?page=2&X-Amz-Security-Token=•••")
