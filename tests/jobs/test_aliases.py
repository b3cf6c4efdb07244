"""What other names of models stand for."""

import pytest

from jobs.aliases import ANY, Aliases

NAMES = {"midjourney": "toon", "shapes": "toon"}


@pytest.mark.parametrize(
    ("names", "asked", "found"),
    [
        ({}, "midjourney", "midjourney"),
        (NAMES, "midjourney", "toon"),
        (NAMES, "shapes", "toon"),
        (NAMES, "other", "other"),
        ({ANY: "toon"}, "other", "toon"),
        ({ANY: "toon"}, "shapes", "shapes"),
        ({**NAMES, ANY: "shapes"}, "midjourney", "toon"),
        ({ANY: "toon"}, ANY, "toon"),
    ],
)
def test_a_name_stands_for_what_the_operator_said(
    names: dict[str, str], asked: str, found: str
) -> None:
    aliases = Aliases(names=lambda: names, models=lambda: ["shapes", "toon"])
    assert aliases.resolve(asked) == found


def test_names_and_models_are_those_of_now() -> None:
    names, models = dict[str, str](), list[str]()
    aliases = Aliases(names=lambda: names, models=lambda: models)
    assert aliases.resolve("a") == "a"
    names[ANY] = "b"
    assert aliases.resolve("a") == "b"
    models.append("a")
    assert aliases.resolve("a") == "a"
