"""Counts how often a model was right, says how sure that is, and writes it down as tables."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from training.shapes.judging.judge import Judgement
from training.shapes.scenes.world import Scene

ATTRIBUTES = ("colour", "background", "motion", "shape")
LABELS = {"colour": "foreground colour", "background": "background colour"}
SURE = 1.959964  # standard deviations that hold 95 % of a normal distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a clip should show and what it does; `attributes` are those that count."""

    scene: Scene
    judgement: Judgement
    attributes: tuple[str, ...] = ATTRIBUTES

    def is_right(self, attribute: str) -> bool:
        """The clip shows what was asked for."""
        return getattr(self.judgement, attribute) == wanted(self.scene, attribute)

    @property
    def is_all_right(self) -> bool:
        """So it does in every attribute that counts."""
        return all(self.is_right(each) for each in self.attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many were right, of so many."""

    right: int
    of: int

    @classmethod
    def of_those(cls, answers: Iterable[bool]) -> "Share":
        """Count the right ones."""
        known = list(answers)
        return cls(right=sum(known), of=len(known))

    @property
    def value(self) -> float:
        """The share, 0-1; 0 of none."""
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval, 95 %: where the share of all prompts may lie (Wilson 1927)."""
        if not self.of:
            return 0.0, 1.0
        weight = SURE**2 / self.of
        middle = (self.value + weight / 2) / (1 + weight)
        spread = self.value * (1 - self.value) / self.of + weight / (4 * self.of)
        reach = SURE * sqrt(spread) / (1 + weight)
        return max(0.0, middle - reach), min(1.0, middle + reach)


def wanted(scene: Scene, attribute: str) -> StrEnum:
    """Return what a scene of one figure says of an attribute."""
    return scene.background if attribute == "background" else getattr(scene.figures[0], attribute)


def by_attribute(verdicts: Sequence[Verdict]) -> dict[str, Share]:
    """Count each attribute by itself, then all four together."""
    shares = {
        LABELS.get(name, name): Share.of_those(each.is_right(name) for each in verdicts)
        for name in ATTRIBUTES
    }
    return {**shares, "all four": Share.of_those(each.is_all_right for each in verdicts)}


def by_class(verdicts: Sequence[Verdict], attribute: str) -> dict[str, Share]:
    """Count an attribute for each of the values that were asked for."""
    asked = [wanted(each.scene, attribute) for each in verdicts]
    order = list(type(asked[0])) if asked else []
    return {
        value: Share.of_those(
            each.is_right(attribute)
            for each, mine in zip(verdicts, asked, strict=True)
            if mine is value
        )
        for value in order
        if value in asked
    }


def confusions(verdicts: Sequence[Verdict], attribute: str) -> list[tuple[str, str, int]]:
    """Return what was asked for, what was seen instead and how often, the most frequent first."""
    pairs = Counter(
        (str(wanted(each.scene, attribute)), str(getattr(each.judgement, attribute) or "nothing"))
        for each in verdicts
        if not each.is_right(attribute)
    )
    return [(asked, seen, count) for (asked, seen), count in pairs.most_common()]


def share_table(title: str, shares: dict[str, Share]) -> str:
    """Write shares as a table with their intervals."""
    rows = [
        (name, each.right, each.of, f"{each.value:.3f}", "{:.3f}-{:.3f}".format(*each.interval))
        for name, each in shares.items()
    ]
    return table((title, "right", "of", "share", "95 % interval"), rows)


def class_table(verdicts: Sequence[Verdict], attribute: str) -> str:
    """Write an attribute's classes as a table, each with what it is mostly taken for."""
    wrong = confusions(verdicts, attribute)
    rows: list[tuple[object, ...]] = []
    for name, share in by_class(verdicts, attribute).items():
        taken = [f"{seen} ({count})" for asked, seen, count in wrong if asked == name]
        rows.append((name, share.right, share.of, ", ".join(taken[:3])))
    return table((attribute, "right", "of", "mostly taken for"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table in Markdown; its first column is words, the others are numbers."""
    marks = ["---", *["---:"] * (len(head) - 1)]
    lines = [head, marks, *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
