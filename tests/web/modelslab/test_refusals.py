"""What is refused, in the shapes and words that clients of this protocol know."""

import json
from urllib.parse import urlencode

import pytest

from bot.web.buckets import Rate
from bot.web.gate import Bars
from bot.web.modelslab.door import FETCHES, MODEL_LIST, V4_FETCH, V4_SUBMIT, V6_SUBMIT
from jobs.model import Health, HealthState
from jobs.quota.tiers import Kind, Setting, Target
from tests.factories import make_act, make_rule
from tests.web.modelslab.conftest import (
    DOCUMENTED,
    KEY,
    OTHER_KEY,
    WRONG_KEY,
    Answer,
    House,
)


async def test_what_nobody_foresaw_is_told_without_its_inside(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.world.provider.offers = [None]  # pyright: ignore[reportAttributeAccessIssue] - broken
    answer = await house.send(json={"key": KEY, **DOCUMENTED}, status=500)
    assert answer["status"] == "error"
    assert "Traceback" not in str(answer)
    assert "NoneType" not in str(answer)
    assert "A request failed" in caplog.text


@pytest.mark.parametrize("key", [None, "", WRONG_KEY, "0", 7, ["x"], "\ud800"])
async def test_without_a_good_key_nothing_is_told(house: House, key: object) -> None:
    for path in (V4_SUBMIT, V6_SUBMIT, FETCHES[0].format(id=1), V4_FETCH, MODEL_LIST):
        answer = await house.send(path, json={"key": key, **DOCUMENTED})
        assert (answer["status"], answer["message"]) == ("error", "Invalid Api Key")
        assert answer["tip"]


async def test_what_another_key_made_is_as_unknown_as_what_nobody_made(house: House) -> None:
    asked = await house.ask()
    theirs = await house.fetch(asked["id"], key=OTHER_KEY)
    unknown = await house.fetch(asked["id"] + 1)
    assert theirs == unknown
    assert (theirs["status"], theirs["id"], theirs["output"]) == ("failed", "", "")
    assert theirs["message"] == "Request not found"


@pytest.mark.parametrize(
    "number", ["0", "-1", "abc", "9" * 30, str(2**63), "1.5", "٣", "%00", "a-uuid-of-a-client"]
)
async def test_what_is_no_id_of_ours_is_not_found(house: House, number: str) -> None:
    assert (await house.fetch(number))["message"] == "Request not found"


FIELD_ERRORS = [
    ({"num_inference_steps": "51"}, "num_inference_steps", "must be between 1 and 50."),
    ({"num_inference_steps": 0}, "num_inference_steps", "must be between 1 and 50."),
    ({"guidance_scale": 21}, "guidance_scale", "must be between 1 and 20."),
    ({"guidance_scale": "much"}, "guidance_scale", "must be a number."),
    ({"seed": 2**32}, "seed", "must be between -1 and 4294967295."),
    ({"seed": "9" * 400}, "seed", "must be an integer."),
    ({"width": "abc"}, "width", "must be an integer."),
    ({"width": 1032}, "width", "must be between 128 and 1024."),
    ({"height": [512]}, "height", "must be an integer."),
    ({"height": True}, "height", "must be an integer."),
    ({"scheduler": "FastScheduler"}, "scheduler", "must be one of the 18 names"),
    ({"scheduler": {"a": 1}}, "scheduler", "must be one of the 18 names"),
    ({"strength": 1.1}, "strength", "must be between 0 and 1."),
    ({"enhance_prompt": "maybe"}, "enhance_prompt", "must be yes or no."),
    ({"prompt": None}, "prompt", "field is required."),
    ({"prompt": ""}, "prompt", "field is required."),
    ({"prompt": ["a cat"]}, "prompt", "must be a string."),
    ({"prompt": "a" * 1025}, "prompt", "must not be longer than 1024 characters."),
    ({"prompt": "   "}, "prompt", "is empty"),
    ({"prompt": "\ud800"}, "prompt", "holds characters that are no text."),
    ({"negative_prompt": "x\0"}, "negative_prompt", "holds characters that are no text."),
    ({"track_id": "\udfff"}, "track_id", "holds characters that are no text."),
    ({"model_id": None}, "model_id", "field is required."),
    ({"webhook": "ftp://x.example"}, "webhook", "must be a valid URL."),
    ({"webhook": "https://["}, "webhook", "must be a valid URL."),
    ({"webhook": 7}, "webhook", "must be a string."),
    ({"init_image": "no base64!"}, "init_image", "must be base64 or an https URL."),
    ({"init_image": "aGVsbG8="}, "init_image", "is not an image."),
]


@pytest.mark.parametrize(("fields", "name", "sentence"), FIELD_ERRORS)
async def test_a_wrong_field_is_named_in_the_shape_of_the_service(
    house: House, fields: dict[str, object], name: str, sentence: str
) -> None:
    body = json.dumps({**DOCUMENTED, "key": KEY, **fields})
    answer = await house.send(data=body, headers={"Content-Type": "application/json"})
    assert answer["status"] == "error"
    assert list(answer["message"]) == [name]
    assert sentence in answer["message"][name][0]
    assert answer["messege"] == answer["message"]


async def test_129_frames_are_too_many_and_what_the_official_client_sends_is_not(
    house: House,
) -> None:
    body: Answer = {"model_id": "shapes", "prompt": "a cat", "num_inference_steps": 50}
    refused = await house.ask(V6_SUBMIT, **body, num_frames=129)
    assert refused["message"] == {"num_frames": ["The num frames must be between 8 and 128."]}
    taken = await house.ask(V6_SUBMIT, **body, num_frames=30)
    assert (taken["status"], taken["meta"]["num_frames"]) == ("processing", 30)


async def test_all_wrong_fields_are_named_at_once(house: House) -> None:
    answer = await house.ask(seed="x", width="abc")
    assert answer["message"].keys() == {"seed", "width"}


async def test_a_model_that_is_not_there_is_not_found_until_it_has_another_name(
    house: House,
) -> None:
    answer = await house.ask(model_id="midjourney")
    assert (answer["status"], answer["message"]) == ("error", "Model id not found")
    assert "shapes" in answer["tip"]
    house.aliases["midjourney"] = "shapes"
    assert (await house.ask(model_id="midjourney"))["meta"]["model_id"] == "shapes"
    assert (await house.ask(model_id="other"))["status"] == "error"
    house.aliases["*"] = "shapes"
    assert (await house.ask(model_id="other"))["meta"]["model_id"] == "shapes"


BAD_BODIES = [
    (b"not json", "application/json"),
    (b"[1, 2]", "application/json"),
    (b'"text"', "application/json"),
    (b'{"key": NaN}', "application/json"),
    (b"\xff\xfe\x00", "application/json"),
    (b"[" * 100_000, "application/json"),
    (b'{"seed": ' + b"9" * 5000 + b"}", "application/json"),
    (b"%zz&&&=", "application/x-www-form-urlencoded"),
    (b"a=1&" * 200, "application/x-www-form-urlencoded"),
    (b"a=\xff", "application/x-www-form-urlencoded"),
    (b"--x\r\n", "multipart/form-data; boundary=x"),
]


@pytest.mark.parametrize(("body", "kind"), BAD_BODIES)
async def test_what_is_no_request_is_an_invalid_request(
    house: House, body: bytes, kind: str
) -> None:
    for path in (V4_SUBMIT, V4_FETCH, MODEL_LIST):
        answer = await house.send(path, data=body, headers={"Content-Type": kind})
        assert (answer["status"], answer["message"]) == ("error", "Invalid API Request")
        assert "POST request with valid JSON" in answer["tip"]


@pytest.mark.parametrize("path", [V4_SUBMIT, V6_SUBMIT, V4_FETCH, MODEL_LIST])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_ten_megabytes_are_too_much(house: House, path: str, kind: str) -> None:
    fields = {"key": KEY, **DOCUMENTED, "junk": "x" * 10_000_000}
    body = json.dumps(fields) if kind == "application/json" else urlencode(fields)
    answer = await house.send(path, data=body, headers={"Content-Type": kind})
    assert (answer["status"], answer["message"]) == ("error", "Invalid API Request")
    assert "bytes" in answer["tip"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "https://127.0.0.1/a.png",
        "https://169.254.169.254/latest",
        "https://localhost/a.png",
        "https://[::1]/a.png",
        "https://user@example.com/",
        "https://",
    ],
)
async def test_an_address_inside_is_never_asked_for_an_image(house: House, url: str) -> None:
    answer = await house.ask(init_image=url)
    assert answer["message"] == {
        "init_image": ["The init image could not be fetched: it takes a public https address."]
    }


@pytest.mark.parametrize("path", [V4_SUBMIT, V6_SUBMIT, V4_FETCH, MODEL_LIST, FETCHES[1]])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_only_post_is_served(house: House, path: str, method: str) -> None:
    answer = await house.send(path.format(id=1), method=method, status=405)
    assert answer["status"] == "error"
    assert "Supported methods: POST" in answer["message"]


async def test_a_full_queue_is_a_rate_limit(house: House) -> None:
    target = Target(kind=Kind.KEY, id=1)
    await house.world.quotas.set_rule(
        make_rule(Setting.WAITING, 1, target), act=make_act(guild_id=0, target=str(target))
    )
    assert (await house.ask())["status"] == "processing"
    answer = await house.ask()
    assert answer["status"] == "error"


async def test_a_backend_that_is_out_is_told(house: House) -> None:
    house.world.provider.state_of_health = Health(state=HealthState.OUT, reason="No GPU is there.")
    answer = await house.ask()
    assert answer["status"] == "error"
    assert "No GPU is there" in str(answer["message"])


async def test_a_closing_server_says_when_to_come_back(house: House) -> None:
    house.world.service.close()
    async with house.session.post(
        house.base + V4_SUBMIT, json={"key": KEY, **DOCUMENTED}
    ) as response:
        answer = await response.json()
        assert (response.status, response.headers["Retry-After"]) == (503, "30")
    assert (answer["status"], answer["retry_after"]) == ("error", 30)
    assert answer["message"].startswith("The server is busy")


class TestTheRate:
    """With one request a minute for each key."""

    @pytest.fixture
    def bars(self) -> Bars:
        return Bars(key_rate=Rate(per_minute=1), stranger_rate=Rate(per_minute=2))

    async def test_a_key_that_asks_too_often_is_told_to_wait(self, house: House) -> None:
        await house.ask()
        async with house.session.post(house.base + MODEL_LIST, json={"key": KEY}) as response:
            answer = await response.json()
            assert (response.status, response.headers["Retry-After"]) == (429, "60")
        assert (answer["status"], answer["message"]) == ("error", "Rate limit exceeded")
        assert answer["retry_after"] == 60

    async def test_senders_of_nonsense_are_held_to_the_rate_of_strangers(
        self, house: House
    ) -> None:
        for _ in range(2):
            assert (await house.send(data=b"x"))["message"] == "Invalid API Request"
        answer = await house.send(data=b"x", status=429)
        assert answer["message"] == "Rate limit exceeded"
