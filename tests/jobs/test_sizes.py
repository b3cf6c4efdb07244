"""The size that is rendered where a model cannot do the one that was asked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.sizes import nearest_size
from tests.factories import make_model

SIDES = st.integers(min_value=1, max_value=2048)
STEPS = st.integers(min_value=16, max_value=128).map(lambda step: step * 8)


@pytest.mark.parametrize(
    ("asked", "rendered"),
    [
        ((512, 512), (256, 256)),
        ((128, 256), (128, 256)),
        ((512, 256), (256, 128)),
        ((768, 512), (256, 168)),
        ((64, 64), (128, 128)),
        ((100, 200), (128, 256)),
        ((201, 200), (200, 200)),
        ((1024, 128), (256, 128)),
        ((128, 1024), (128, 256)),
    ],
)
def test_the_embedded_model_draws_the_shape_as_large_as_it_can(
    asked: tuple[int, int], rendered: tuple[int, int]
) -> None:
    assert nearest_size(make_model(min_side=128, max_side=256), *asked) == rendered


@given(SIDES, SIDES, STEPS, STEPS)
def test_the_model_can_always_do_it(width: int, height: int, one: int, other: int) -> None:
    model = make_model(min_side=min(one, other), max_side=max(one, other))
    for side in nearest_size(model, width, height):
        assert side % 8 == 0
        assert model.min_side <= side <= model.max_side


@given(STEPS, STEPS)
def test_what_the_model_can_do_is_left_alone(width: int, height: int) -> None:
    model = make_model(min_side=128, max_side=1024)
    assert nearest_size(model, width, height) == (width, height)


@given(SIDES, SIDES)
def test_no_other_size_of_that_shape_is_nearer(width: int, height: int) -> None:
    """Compare with all sizes that there are: none has a better shape by more than a step."""
    low, high = 128, 256
    model = make_model(min_side=low, max_side=high)
    sides = range(low, high + 1, 8)
    found = nearest_size(model, width, height)
    shape = math.log(width / height)
    best = min(abs(math.log(across / down) - shape) for across in sides for down in sides)
    assert abs(math.log(found[0] / found[1]) - shape) <= best + math.log((low + 8) / low)
