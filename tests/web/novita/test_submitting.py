"""What the Novita door makes of a submit: the job that is queued, or the documented refusal."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.web.buckets import Rate
from bot.web.gate import MAX_BODY, Bars
from bot.web.novita.bodies import read_submit
from bot.web.problems import Problem, ProblemKind
from jobs.quota.tiers import Kind, Setting, Target
from jobs.request import LoraUse, ModelInfo, Segment, VideoFormat
from tests.factories import make_act, make_rule
from tests.fakes.provider import SHAPES
from tests.web.novita.conftest import BODY, KEY, OTHER, TXT2VIDEO, WRONG, Door

INVALID = (400, "INVALID_REQUEST_BODY")
OPTIONAL = (
    "negative_prompt",
    "guidance_scale",
    "seed",
    "loras",
    "embeddings",
    "closed_loop",
    "clip_skip",
    "extra",
)
HOOK = {"url": "https://example.com/hook"}


async def test_every_documented_field_reaches_the_job(door: Door) -> None:
    job = await door.submit(
        prompts=[{"frames": 32, "prompt": "a seed"}, {"prompt": "a tree", "frames": 64}],
        negative_prompt="nsfw, ((monochrome)), (worst quality:2)",
        guidance_scale=11.5,
        seed=2**32 - 1,
        loras=[{"model_name": "sketch", "strength": 0.4}],
        embeddings=[{"model_name": "badhands"}],
        closed_loop=True,
        clip_skip=12,
        steps=50,
        extra={
            "response_video_type": "gif",
            "webhook": HOOK,
            "enterprise_plan": {"enabled": True},
        },
    )
    asked, request = job.asked, job.request
    parts = (Segment(prompt="a seed", frames=32), Segment(prompt="a tree", frames=64))
    assert request.segments == parts
    assert asked.negative_prompt == "nsfw, ((monochrome)), (worst quality:2)"
    assert (request.guidance_scale, request.seed, request.steps) == (11.5, 2**32 - 1, 50)
    assert request.loras == (LoraUse(id="sketch", strength=0.4),)
    assert request.embeddings == ("badhands",)
    assert (request.closed_loop, request.clip_skip) == (True, 12)
    assert request.format is VideoFormat.GIF
    assert job.address.api is not None
    assert job.address.api.protocol == "novita"
    assert job.address.api.webhook == "https://example.com/hook"
    assert job.address.api.base == door.url


@pytest.mark.parametrize("is_null", [True, False], ids=["null", "absent"])
async def test_what_is_left_open_takes_the_defaults_of_the_document(
    door: Door, *, is_null: bool
) -> None:
    job = await door.submit(**(dict.fromkeys(OPTIONAL) if is_null else {}))
    request = job.request
    assert job.asked.seed == -1
    assert request.seed == 4242  # drawn
    assert request.guidance_scale == SHAPES.defaults.guidance_scale
    assert (request.format, request.clip_skip, request.closed_loop) == ("mp4", 1, False)
    assert (request.loras, request.embeddings, request.negative_prompt) == ((), (), "")
    assert not request.enhance_prompt
    assert job.address.api is not None
    assert job.address.api.webhook is None


async def test_nulls_inside_of_what_is_optional_are_left_open_too(door: Door) -> None:
    job = await door.submit(
        loras=[{"model_name": "sketch", "strength": None}],
        extra={
            "response_video_type": None,
            "webhook": {**HOOK, "test_mode": {"enabled": False, "return_task_status": None}},
            "enterprise_plan": None,
        },
    )
    assert job.request.loras == (LoraUse(id="sketch", strength=1.0),)
    assert job.request.format == "mp4"


async def test_most_parts_of_a_prompt_are_sixteen_of_eight_frames(door: Door) -> None:
    job = await door.submit(prompts=[{"frames": 8, "prompt": f"a {n}"} for n in range(16)])
    assert len(job.request.segments) == 16
    assert job.request.frames == 128


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 51},
        {"steps": 0},
        {"steps": "20"},
        {"steps": 20.5},
        {"steps": True},
        {"steps": None},
        {"guidance_scale": 31},
        {"guidance_scale": 0.9},
        {"guidance_scale": "7"},
        {"seed": 2**32},
        {"seed": 10**400},
        {"seed": -2},
        {"width": "abc"},
        {"width": 255},
        {"width": 1025},
        {"height": None},
        {"height": -512},
        {"prompts": []},
        {"prompts": None},
        {"prompts": "a cat"},
        {"prompts": [{"frames": 16}]},
        {"prompts": [{"prompt": "a cat"}]},
        {"prompts": [{"frames": 16, "prompt": ""}]},
        {"prompts": [{"frames": 16, "prompt": " \u200b"}]},
        {"prompts": [{"frames": 16, "prompt": "a" * 1025}]},
        {"prompts": [{"frames": 7, "prompt": "a"}]},
        {"prompts": [{"frames": 65, "prompt": "a"}]},
        {"prompts": [{"frames": 64, "prompt": "a"}, {"frames": 65, "prompt": "a"}]},
        {"prompts": [*([{"frames": 43, "prompt": "a"}] * 2), {"frames": 43, "prompt": "b"}]},
        {"prompts": [{"frames": 8, "prompt": "a"}] * 17},
        {"negative_prompt": "a" * 1025},
        {"negative_prompt": 7},
        {"loras": [{"model_name": f"l{n}", "strength": 1} for n in range(6)]},
        {"loras": [{"model_name": "sketch", "strength": 1.1}]},
        {"loras": [{"strength": 1}]},
        {"embeddings": [{"model_name": f"e{n}"} for n in range(6)]},
        {"clip_skip": 0},
        {"clip_skip": 13},
        {"closed_loop": "yes"},
        {"model_name": ""},
        {"model_name": None},
        {"model_name": "a" * 257},
        {"model_name": "nobody-knows-it.safetensors"},
        {"model_name": "../../etc/passwd"},
        {"extra": {"response_video_type": "webm"}},
        {"extra": []},
        {"extra": {"webhook": {}}},
        {"extra": {"webhook": {"url": "ftp://example.com/"}}},
        {"extra": {"webhook": {"url": "https://"}}},
        {"extra": {"webhook": {"url": "https://example.com/a b"}}},
        {"extra": {"webhook": {"url": "https://[::1/"}}},
        {"extra": {"webhook": {"url": "https://example.com:99999/"}}},
        {"extra": {"webhook": {**HOOK, "test_mode": {"return_task_status": "TASK_STATUS_QUEUED"}}}},
    ],
    ids=lambda changes: str(changes)[:60],
)
async def test_what_is_outside_the_documented_ranges_is_refused(
    door: Door, changes: dict[str, Any]
) -> None:
    assert await door.refused(**changes) == INVALID


@pytest.mark.parametrize("name", ["model_name", "height", "width", "steps", "prompts"])
async def test_what_is_required_has_to_be_there(door: Door, name: str) -> None:
    answer = await door.post({key: value for key, value in BODY.items() if key != name})
    assert answer.fault == INVALID
    assert name in answer.body["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"a"',
        b"{",
        b"\xff\xfe{}",
        b'{"model_name": "\\ud800"}',
        b"[" * 100_000,
        b'{"seed": NaN}',
        b"model_name=shapes&height=256&width=256&steps=20",
    ],
    ids=lambda content: repr(content[:24]),
)
async def test_a_body_that_is_no_json_is_refused(door: Door, content: bytes) -> None:
    assert (await door.ask("POST", TXT2VIDEO, data=content)).fault == INVALID


async def test_a_form_is_refused(door: Door) -> None:
    form = {name: str(value) for name, value in BODY.items()}
    assert (await door.ask("POST", TXT2VIDEO, data=form)).fault == INVALID


async def test_a_body_of_ten_megabytes_is_refused(door: Door) -> None:
    answer = await door.ask("POST", TXT2VIDEO, data=BytesIO(bytes(10 * MAX_BODY)))
    assert answer.fault == INVALID


@pytest.mark.parametrize("header", [f"Bearer {KEY}", KEY, f"bearer {KEY}"])
async def test_a_key_comes_with_and_without_its_word(door: Door, header: str) -> None:
    answer = await door.post(BODY, headers={"Authorization": header})
    assert answer.status == 200


async def test_a_missing_key_and_a_wrong_one_are_told_apart(door: Door) -> None:
    assert (await door.post(BODY, key=None)).fault == (400, "MISSING_API_KEY")
    assert (await door.post(BODY, key=WRONG)).fault == (403, "INVALID_API_KEY")
    assert (await door.post({**BODY, "key": KEY}, key=None)).fault == (400, "MISSING_API_KEY")


async def test_the_key_is_asked_for_before_the_body_is_judged(door: Door) -> None:
    assert (await door.post({}, key=WRONG)).fault == (403, "INVALID_API_KEY")


async def test_the_same_idempotency_key_gives_the_same_task(door: Door) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await door.submit(headers=headers)
    again = await door.submit(headers=headers)
    other = await door.post({**BODY, "seed": 9}, headers=headers)
    assert first.id == again.id
    assert other.fault == INVALID
    assert (await door.submit()).id != first.id


async def test_an_idempotency_key_of_another_api_key_is_another_task(door: Door) -> None:
    headers = {"Idempotency-Key": "one"}
    mine = await door.post(BODY, headers=headers)
    theirs = await door.post(BODY, headers=headers, key=OTHER)
    assert mine.body != theirs.body


async def test_a_size_that_the_model_cannot_do_is_rendered_at_the_nearest(door: Door) -> None:
    job = await door.submit(width=1024, height=512)
    assert (job.request.width, job.request.height) == (256, 128)
    assert job.address.api is not None
    assert (job.address.api.width, job.address.api.height) == (1024, 512)


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        ({}, "shapes"),
        ({}, "shapes.safetensors"),
        ({"darkSushi.safetensors": "shapes"}, "darkSushi.safetensors"),
        ({"*": "shapes"}, "whatever.safetensors"),
        ({"*": "another"}, "shapes"),
        ({"*": "another"}, "shapes.safetensors"),
        ({"another": "shapes"}, "another"),
    ],
)
async def test_names_of_models_go_through_the_aliases(
    door: Door, names: dict[str, str], asked: str
) -> None:
    another = SHAPES.model_copy(update={"id": "another"})
    door.world.provider.offers.append(another)
    door.names.update(names)
    job = await door.submit(model_name=asked)
    assert job.request.model == "shapes"
    assert job.address.api is not None
    assert job.address.api.echo == {"model_name": asked}


async def test_additions_may_be_named_as_their_files_or_by_aliases(door: Door) -> None:
    door.names.update({"add_detail_44319.safetensors": "sketch", "*": "shapes"})
    job = await door.submit(
        loras=[{"model_name": "add_detail_44319.safetensors", "strength": 1}],
        embeddings=[{"model_name": "badhands.pt"}],
    )
    assert job.request.loras[0].id == "sketch"
    assert job.request.embeddings == ("badhands",)


async def test_the_name_that_catches_all_models_catches_no_lora(door: Door) -> None:
    door.names["*"] = "shapes"
    job = await door.submit(loras=[{"model_name": "unknown", "strength": 1}])
    assert job.request.loras[0].id == "unknown"  # a backend that has LoRAs refuses it


async def test_a_used_up_allowance_says_come_back_later(door: Door) -> None:
    target = Target(kind=Kind.KEY, id=1)
    act = make_act(guild_id=0, target=str(target))
    await door.world.quotas.set_rule(make_rule(Setting.WAITING, 1, target), act=act)
    await door.submit()
    assert await door.refused() == (429, "RATE_LIMIT_EXCEEDED")


async def test_what_a_key_may_not_ask_for_is_about_this_one_request(door: Door) -> None:
    target = Target(kind=Kind.KEY, id=1)
    act = make_act(guild_id=0, target=str(target))
    await door.world.quotas.set_rule(make_rule(Setting.LONGEST_SIDE, 128, target), act=act)
    assert await door.refused() == INVALID


async def test_a_flipbook_that_closes_says_that_no_task_was_made(door: Door) -> None:
    door.world.service.close()
    answer = await door.post(BODY)
    assert answer.fault == (503, "RATE_LIMIT_EXCEEDED")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_fault_of_ours_tells_nothing_of_the_inside(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode() -> list[ModelInfo]:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(door.world.provider, "models", explode)
    answer = await door.post(BODY)
    assert answer.fault == (500, "CREATE_TASK_FAILED")
    assert "secret" not in answer.body["message"]


@pytest.mark.parametrize("path", ["/v3/async/txt2img", "/v3/async/wan-t2v"])
async def test_an_api_that_is_not_served_says_so(door: Door, path: str) -> None:
    assert (await door.ask("POST", path, json={})).fault == (404, "API_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", TXT2VIDEO), ("PUT", TXT2VIDEO), ("POST", "/v3/async/task-result")],
)
async def test_a_wrong_method_is_told_which_is_right(door: Door, method: str, path: str) -> None:
    answer = await door.ask(method, path)
    assert answer.fault == (405, "API_NOT_FOUND")
    assert method not in answer.headers["Allow"]


class TestPaces:
    @pytest.fixture
    def bars(self) -> Bars:
        return Bars(key_rate=Rate(per_minute=2), stranger_rate=Rate(per_minute=3))

    async def test_a_key_that_asks_too_often_is_told_when_to_come_back(self, door: Door) -> None:
        await door.submit()
        await door.submit()
        answer = await door.post(BODY)
        assert answer.fault == (429, "RATE_LIMIT_EXCEEDED")
        assert answer.headers["Retry-After"] == "30"

    async def test_an_address_that_guesses_keys_is_told_to_wait(self, door: Door) -> None:
        for _ in range(3):
            assert (await door.post(BODY, key=WRONG)).status == 403
        assert (await door.post(BODY)).fault == (429, "RATE_LIMIT_EXCEEDED")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from([*BODY, *OPTIONAL])


@given(changes=st.dictionaries(FIELDS, ANYTHING, min_size=1, max_size=3))
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_stands_in_a_field_is_taken_or_refused(
    door: Door, changes: dict[str, Any]
) -> None:
    answer = await door.post({**BODY, **changes})
    assert answer.status == 200 or answer.fault[0] == 400


@given(content=st.binary(max_size=200))
def test_whatever_comes_as_a_body_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_submit(content)
    assert caught.value.kind is ProblemKind.BAD_REQUEST
    assert caught.value.message.endswith(".")
