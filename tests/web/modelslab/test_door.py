"""What clients of the v4 document and of v6 may ask, and what a submit answers."""

import base64
import json

import pytest

from bot.web.modelslab.door import MODEL_LIST, V6_SUBMIT
from bot.web.modelslab.ids import number_of
from jobs.request import Scheduler, VideoFormat
from tests.fakes.provider import SHAPES
from tests.web.modelslab.conftest import (
    DOCUMENTED,
    FIRST_NUMBER,
    KEY,
    House,
)

# The keys of the answer in the v4 document.
SUBMITTED = {"status", "tip", "eta", "messege", "fetch_result", "id", "output", "meta"}


META_V4 = {
    *("prompt", "model_id", "scheduler", "safetychecker", "negative_prompt", "W", "H"),
    *("guidance_scale", "steps", "strength", "full_url", "seconds", "multi_lingual", "seed"),
    *("outdir", "file_prefix", "num_frames"),
}


# Those of the v6 page of docs.modelslab.com.
META_V6 = {
    *("base64", "fps", "guidance_scale", "height", "id", "instant_response", "model_id"),
    *("num_frames", "num_inference_steps", "output_type", "seed", "temp", "track_id", "webhook"),
    "width",
}


async def test_the_body_of_the_document_is_answered_as_the_document_says(house: House) -> None:
    answer = await house.ask(seed=3532512439)
    assert answer.keys() >= SUBMITTED
    assert answer["meta"].keys() >= META_V4
    assert answer["status"] == "processing"
    assert answer["messege"] == "Try to fetch request after given estimated time"
    assert isinstance(answer["eta"], float)
    assert answer["id"] == FIRST_NUMBER
    assert answer["fetch_result"] == f"{house.base}/api/v3/dreambooth/fetch/{FIRST_NUMBER}"
    assert answer["output"] == []
    told = {name: answer["meta"][name] for name in META_V4 - {"file_prefix"}}
    assert told == {
        "prompt": "a cat sitting on a bench",
        "model_id": "shapes",
        "scheduler": None,
        "safetychecker": "no",
        "negative_prompt": "",
        "W": 512,
        "H": 512,
        "guidance_scale": 7.5,
        "steps": 30,
        "strength": 0.7,
        "full_url": "no",
        "seconds": 5.0,
        "multi_lingual": "no",
        "seed": 3532512439,
        "outdir": "out",
        "num_frames": 40,
    }


async def test_what_is_left_out_falls_on_the_document_and_not_on_the_model(house: House) -> None:
    await house.send(json={"key": KEY, "model_id": "shapes", "prompt": "a cat"})
    request = (await house.only_job()).request
    assert (request.frames, request.fps, request.format) == (40, 8, VideoFormat.MP4)
    assert (request.steps, request.guidance_scale) == (20, 7.5)
    assert request.enhance_prompt
    assert request.seed == 4242
    assert request.strength is None


async def test_v6_has_defaults_of_its_own(house: House) -> None:
    answer = await house.ask(V6_SUBMIT, model_id="shapes", prompt="a cat")
    request = (await house.only_job()).request
    assert (request.frames, request.fps, request.format) == (25, 8, VideoFormat.GIF)
    assert (request.steps, request.guidance_scale, request.clip_skip) == (20, 7.0, 1)
    assert not request.enhance_prompt
    assert answer["meta"].keys() >= META_V6
    assert answer["fetch_result"] == f"{house.base}/api/v6/video/fetch/{FIRST_NUMBER}"
    assert answer["message"]
    assert (answer["meta"]["id"], answer["meta"]["output_type"]) == (str(FIRST_NUMBER), "gif")
    (link,) = answer["future_links"]
    assert link.endswith(".gif")


async def test_every_attribute_of_the_document_acts(house: House) -> None:
    await house.ask(
        prompt="two boats",
        negative_prompt="fog",
        width="256",
        height="128",
        scheduler="UniPCMultistepScheduler",
        num_inference_steps="7",
        enhance_prompt="no",
        guidance_scale="3.5",
        seed="99",
        webhook="https://hooks.example/end",
        track_id="track-1",
    )
    job = await house.only_job()
    request, api = job.request, job.address.api
    assert request.segments[0].prompt == "two boats"
    assert request.negative_prompt == "fog"
    assert (request.width, request.height) == (256, 128)
    assert request.scheduler is Scheduler.UNI_PC_MULTISTEP
    assert (request.steps, request.guidance_scale, request.seed) == (7, 3.5, 99)
    assert not request.enhance_prompt
    assert api is not None
    assert (api.protocol, api.webhook, api.track_id) == (
        "modelslab",
        "https://hooks.example/end",
        "track-1",
    )
    assert (api.width, api.height) == (None, None)


async def test_a_bar_in_a_prompt_is_a_bar(house: House) -> None:
    answer = await house.ask(prompt="24: a seed | a tree")
    assert answer["meta"]["prompt"] == "24: a seed | a tree"
    assert len((await house.only_job()).request.segments) == 1


@pytest.mark.parametrize("scheduler", list(Scheduler))
async def test_each_of_the_18_schedulers_is_taken(house: House, scheduler: Scheduler) -> None:
    answer = await house.ask(scheduler=scheduler.value)
    meta, used = answer["meta"], (await house.only_job()).request.scheduler
    assert used is not None
    assert meta["scheduler"] == used.value
    if scheduler is Scheduler.DDIM_INVERSE:
        assert used is Scheduler.DDIM
        assert "DDIMScheduler was taken instead" in meta["warnings"][0]
    else:
        assert used is scheduler


async def test_an_inverse_scheduler_stays_where_an_image_comes_along(house: House) -> None:
    image = base64.b64encode(b"image of a dune").decode()
    answer = await house.ask(scheduler="DDIMInverseScheduler", init_image=image)
    assert answer["meta"]["scheduler"] == "DDIMInverseScheduler"


async def test_a_size_that_the_model_cannot_do_is_told_with_the_one_it_does(house: House) -> None:
    answer = await house.ask(width="768", height=512)
    meta = answer["meta"]
    assert (meta["W"], meta["H"]) == (768, 512)
    assert (meta["rendered_W"], meta["rendered_H"]) == (256, 168)
    job = await house.only_job()
    assert (job.request.width, job.request.height) == (256, 168)
    assert job.address.api is not None
    assert (job.address.api.width, job.address.api.height) == (768, 512)


async def test_a_form_is_as_good_as_json(house: House) -> None:
    form = {**{name: value for name, value in DOCUMENTED.items() if value is not None}, "key": KEY}
    answer = await house.send(data={name: str(value) for name, value in form.items()})
    assert answer["status"] == "processing"
    assert (await house.only_job()).request.guidance_scale == 7.5


async def test_json_that_is_sent_as_a_form_is_json(house: House) -> None:
    """As `curl --data '{…}'` does."""
    body = json.dumps({**DOCUMENTED, "key": KEY})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await house.send(data=body, headers=headers))["status"] == "processing"


@pytest.mark.parametrize("header", [f"Bearer {KEY}", KEY])
async def test_a_key_may_come_in_the_header(house: House, header: str) -> None:
    headers = {"Authorization": header}
    answer = await house.send(json=dict(DOCUMENTED), headers=headers)
    assert answer["status"] == "processing"
    fetched = await house.send(f"/api/v6/video/fetch/{answer['id']}", headers=headers)
    assert fetched["id"] == answer["id"]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
@pytest.mark.parametrize("size", [20, 3_000_000])
async def test_an_init_image_may_be_large_and_strength_acts_on_it(
    house: House, prefix: str, size: int
) -> None:
    content = b"image " + b"\xff\xfe" * size
    image = prefix + base64.b64encode(content).decode()
    body = json.dumps({**DOCUMENTED, "key": KEY, "init_image": image, "strength": "0.25"})
    slashed = body.replace("/", "\\/")  # as PHP writes it
    for one in (body, slashed):
        answer = await house.send(data=one, headers={"Content-Type": "application/json"})
        assert answer["status"] == "processing", answer["message"]
        assert answer["meta"]["strength"] == 0.25
    request = (await house.only_job()).request
    assert request.strength == 0.25
    assert request.image is not None
    path = house.world.artifacts.image_path(request.image)
    assert path.read_bytes() == content


async def test_the_list_of_models_is_a_bare_array(house: House) -> None:
    model = SHAPES.model_copy(update={"trigger_words": ("toon",), "note": "A demonstration."})
    house.world.provider.offers = [model]
    assert await house.send(MODEL_LIST, json={"key": KEY}) == [
        {
            "model_id": "shapes",
            "status": "model_ready",
            "created_at": None,
            "instance_prompt": "toon",
            "model_name": "Shapes",
            "description": "A demonstration.",
            "screenshots": "",
        }
    ]
    house.world.provider.offers = []
    assert await house.send(MODEL_LIST, json={"key": KEY}) == []


async def test_numbers_of_jobs_are_those_of_their_ids(house: House) -> None:
    asked = await house.ask()
    assert number_of((await house.only_job()).id) == asked["id"]
