"""Puts a referee beside every sandbox: Discord's own OpenAPI document, where there is one.

`DISCORD_OPENAPI` names the file. Without it the tests run as well, and say that nobody judged.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.referee.discrepancies import KNOWN
from tests.referee.document import Document
from tests.referee.referee import Referee

pytest_plugins = ["tests.browser.plugin"]  # the chat page, for whoever opens it

VARIABLE = "DISCORD_OPENAPI"
ABSENT = (
    f"Discord's traffic is NOT refereed: {VARIABLE} names no file. Take specs/openapi.json of "
    "https://github.com/discord/discord-api-spec (commit 74fda0fa) and let the variable name it."
)
TALLY = pytest.StashKey[Counter[str]]()
JUDGED, UNJUDGED, VIOLATIONS = "judged", "unjudged", "violations"


def document_file() -> Path | None:
    named = os.environ.get(VARIABLE)  # noqa: TID251 -- the document is the tests', not the bot's
    path = Path(named) if named else None
    return path if path is not None and path.is_file() else None


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Counter()


def pytest_report_header() -> str:
    path = document_file()
    return ABSENT if path is None else f"Discord's traffic is refereed by {path}"


@pytest.fixture(scope="session")
def document() -> Document:
    """Return Discord's document, for tests that are about it."""
    path = document_file()
    if path is None:
        pytest.skip(ABSENT)
    return Document.read(path)


@pytest.fixture
def judges_refusals() -> bool:
    """Say whether requests that Discord would refuse are judged; tests of refusals send such."""
    return False


@pytest.fixture
def referee(pytestconfig: pytest.Config, *, judges_refusals: bool) -> Iterator[Referee]:
    """Observe a test's sandboxes; fail it at its end for all that Discord's document forbids.

    It fails as well for every request that broke the sandbox itself.
    """
    path = document_file()
    found = Referee(Document.read(path) if path else None, is_strict=judges_refusals)
    yield found
    violations = found.judge()
    tally = pytestconfig.stash[TALLY]
    tally[JUDGED] += found.judged
    tally[UNJUDGED] += found.unjudged
    tally[VIOLATIONS] += len(violations)
    tally.update(found.known)
    if violations:
        pytest.fail("The referee says no:\n" + "\n".join(map(str, violations)))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Add what another process of pytest-xdist has counted."""
    output: dict[str, dict[str, int]] = getattr(node, "workeroutput", {})
    config: pytest.Config = getattr(node, "config")  # noqa: B009 -- xdist has no types
    config.stash[TALLY].update(output.get("referee", {}))


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["referee"] = dict(session.config.stash[TALLY])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    tally = config.stash[TALLY]
    if tally[UNJUDGED]:
        terminalreporter.write_sep("=", "referee", yellow=True)
        terminalreporter.write_line(f"{tally[UNJUDGED]} exchanges. {ABSENT}")
    elif tally[JUDGED]:
        terminalreporter.write_sep("=", "referee")
        terminalreporter.write_line(
            f"{tally[JUDGED]} exchanges with Discord judged, {tally[VIOLATIONS]} violations"
        )
        for one in KNOWN:
            if tally[one.name]:
                told = f"known, {tally[one.name]} times: {one.name}: {one.reason}"
                terminalreporter.write_line(told)
