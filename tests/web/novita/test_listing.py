"""What the Novita door lists, however a client spells its question."""

from typing import Any

import pytest

from jobs.request import ModelInfo
from tests.fakes.provider import SHAPES
from tests.web.novita.conftest import WRONG, Door


def more_models(door: Door, number: int) -> None:
    names = [f"model-{index:03}" for index in range(number)]
    door.world.provider.offers += [SHAPES.model_copy(update={"id": name}) for name in names]


async def names(door: Door, **query: str) -> list[str]:
    return [model["sd_name"] for model in (await door.models(**query))["models"]]


async def test_all_kinds_are_listed_in_the_documented_shape(
    door: Door, documented: dict[str, Any]
) -> None:
    known = documented["models"]
    body = await door.models()
    assert body.keys() == known.keys()
    assert body["pagination"] == {"next_cursor": ""}
    for model in body["models"]:
        assert model.keys() >= known["models"][0].keys()
        assert model["sd_name_in_api"] == model["sd_name"]
        assert (model["base_model"], model["status"], model["is_sdxl"]) == ("SD 1.5", 1, False)
    kinds = {model["sd_name"]: model["type"]["name"] for model in body["models"]}
    assert kinds == {"shapes": "checkpoint", "sketch": "lora", "badhands": "textualinversion"}


async def test_a_model_has_the_short_hash_of_its_weights_and_an_id_that_stays(door: Door) -> None:
    hashed = ModelInfo.model_validate({**SHAPES.model_dump(), "hash": "1a805277c8" + "0" * 54})
    door.world.provider.offers[:] = [hashed]
    (first,) = (await door.models(**{"filter.types": "checkpoint"}))["models"]
    (again,) = (await door.models(**{"filter.types": "checkpoint"}))["models"]
    assert first["hash_sha256"] == "1A805277C8"
    assert first["id"] == again["id"] > 0


@pytest.mark.parametrize("spelling", ["filter.types", "filter.type", "filter[types]"])
async def test_every_spelling_of_a_filter_is_understood(door: Door, spelling: str) -> None:
    assert await names(door, **{spelling: "lora"}) == ["sketch"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"filter.types": "checkpoint"}, ["shapes"]),
        ({"filter.types": "textualinversion"}, ["badhands"]),
        ({"filter.types": "vae"}, []),
        ({"filter.types": "lora,checkpoint"}, ["shapes", "sketch"]),
        ({"filter.query": "SKET"}, ["sketch"]),
        ({"filter.query": "nothing"}, []),
        ({"filter.visibility": "public", "filter.types": "lora"}, ["sketch"]),
        ({"filter.visibility": "private"}, []),
        ({"filter.is_sdxl": "true"}, []),
        ({"filter.is_inpainting": "False", "filter.types": "lora"}, ["sketch"]),
        ({"filter.source": "civitai"}, []),
    ],
    ids=str,
)
async def test_filters_choose(door: Door, query: dict[str, str], found: list[str]) -> None:
    assert await names(door, **query) == found


@pytest.mark.parametrize("number", [39, 50])
async def test_pages_follow_each_other_without_a_gap_or_a_double(door: Door, number: int) -> None:
    more_models(door, number)
    seen: list[str] = []
    cursor = ""
    while True:
        query = {"pagination.limit": "20", "filter.types": "checkpoint"}
        body = await door.models(**query, **({"pagination.cursor": cursor} if cursor else {}))
        assert body["models"]
        seen += [model["sd_name"] for model in body["models"]]
        cursor = body["pagination"]["next_cursor"]
        if not cursor:
            break
        assert len(body["models"]) == 20
    assert seen == ["shapes", *(f"model-{index:03}" for index in range(number))]


async def test_the_first_page_may_be_named_and_one_past_the_end_is_empty(door: Door) -> None:
    assert await names(door, **{"pagination.cursor": "c_0", "pagination[limit]": "1"}) == ["shapes"]
    assert await names(door, **{"pagination.cursor": "c_900"}) == []


@pytest.mark.parametrize(
    "query",
    [
        "pagination.limit=0",
        "pagination.limit=101",
        "pagination.limit=-1",
        "pagination.limit=abc",
        "pagination.limit=%C2%B2",
        "pagination.limit=99999999999999999999",
        "pagination.cursor=c_-1",
        "pagination.cursor=nonsense",
        "pagination.cursor=c_99999999999999999999",
        "pagination.cursor=%ff",
    ],
)
async def test_pages_that_make_no_sense_are_refused(door: Door, query: str) -> None:
    answer = await door.ask("GET", f"/v3/model?{query}")
    assert answer.fault == (400, "INVALID_REQUEST_BODY")


async def test_a_key_is_needed(door: Door) -> None:
    assert (await door.ask("GET", "/v3/model", key=WRONG)).fault == (403, "INVALID_API_KEY")
    assert (await door.ask("GET", "/v3/model", key=None)).fault == (400, "MISSING_API_KEY")
