from typing import Any

import pytest

from providers.novita.models import FAVOURITE, additions, checkpoints
from providers.novita.wire import (
    ModelPage,
)
from tests.fakes.novita.bodies import model


def listed(name: str, **changes: Any) -> dict[str, Any]:
    return model(1, name, "checkpoint", **changes)


def page(*models: object) -> ModelPage:
    return ModelPage.model_validate({"models": list(models)})


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 0},
        {"status": None},
        {"is_sdxl": True},
        {"base_model": "SDXL 1.0"},
        {"base_model": ""},
        {"base_model_type": "Inpainting"},
    ],
)
def test_a_checkpoint_that_cannot_make_a_video_is_left_out(changes: dict[str, Any]) -> None:
    models = checkpoints(page(listed("good"), listed("bad", **changes)).models)
    assert [found.id for found in models] == ["good"]


def test_the_documented_model_comes_first_and_the_others_as_listed() -> None:
    models = checkpoints(page(listed("b"), listed("a"), listed(FAVOURITE)).models)
    assert [found.id for found in models] == [FAVOURITE, "b", "a"]


def test_a_model_is_known_by_its_name_and_the_limits_of_the_service() -> None:
    (found,) = checkpoints(
        page({**listed("dream.safetensors"), "name": "Dream", "status": "1"}).models
    )
    assert (found.id, found.title, found.provider) == ("dream.safetensors", "Dream", "novita")
    assert (found.min_side, found.max_side) == (256, 1024)


def test_a_lora_that_does_not_say_what_it_is_for_is_kept_and_one_for_sdxl_is_not() -> None:
    models = page(
        listed("a", sd_name_in_api="a_in_api"),
        listed("b", base_model=""),
        listed("c", is_sdxl=True),
        listed("d", base_model="SD 2.1"),
        listed("b"),
    ).models
    assert additions(models) == ("a_in_api", "b")


def test_odd_items_of_a_page_are_left_out() -> None:
    assert checkpoints(page(None, 7, "x", {}, {"sd_name": 7}, listed("a")).models)[0].id == "a"


def test_the_documented_page_of_models_is_read(documented: dict[str, Any]) -> None:
    page = ModelPage.model_validate(documented["models"])
    assert page.pagination.next_cursor == "c_WzgwNDY2NiwiNTUxOTkiXQ=="
    assert [found.sd_name for found in page.models] == [
        "realisticVisionV40_v40VAE-inpainting_81543.safetensors"
    ]
    assert checkpoints(page.models) == ()  # it is for inpainting
