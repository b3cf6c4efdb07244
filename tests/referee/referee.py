"""Collects a test's traffic and judges it when the test is over."""

from collections import Counter
from pathlib import Path

from bot.sandbox import Exchange, read_traffic
from tests.referee.discrepancies import KNOWN, Discrepancy
from tests.referee.document import Document
from tests.referee.judge import Judge
from tests.referee.violations import Violation


class Referee:
    """An observer of sandboxes; without a document it only counts."""

    def __init__(self, document: Document | None, *, is_strict: bool = False) -> None:
        self._judge = Judge(document, is_strict=is_strict) if document else None
        self.waiting: list[Exchange] = []
        self.judged = 0
        self.unjudged = 0
        self.violations: list[Violation] = []
        self.known: Counter[str] = Counter()

    def observe(self, exchange: Exchange) -> None:
        """Take an exchange down; judging takes longer than a bot should have to wait."""
        self.waiting.append(exchange)

    def read(self, traffic: Path) -> None:
        """Take down what another process wrote."""
        self.waiting += read_traffic(traffic)

    def judge(self) -> list[Violation]:
        """Judge what was taken down since, and tell all that was ever wrong."""
        waiting, self.waiting = self.waiting, []
        self.violations += [_broken(one) for one in waiting if one.is_broken]
        if self._judge is None:
            self.unjudged += len(waiting)
            return self.violations
        self.judged += len(waiting)
        for exchange in waiting:
            if exchange.is_broken:
                continue
            for violation in self._judge.violations(exchange):
                self._sort(violation)
        return self.violations

    def _sort(self, violation: Violation) -> None:
        known: Discrepancy | None = next((one for one in KNOWN if one.covers(violation)), None)
        if known is None:
            self.violations.append(violation)
        else:
            self.known[known.name] += 1


def _broken(exchange: Exchange) -> Violation:
    """Say that a 500 which nobody scripted is a mistake of the sandbox's own."""
    return Violation(
        method=exchange.method,
        route=exchange.route,
        side=f"answer {exchange.status}",
        path="$",
        complaint="the sandbox itself broke, see its log",
        value=exchange.body,
    )
