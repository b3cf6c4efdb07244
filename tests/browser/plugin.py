"""Gives tests a browser with the chat page in it, and says loudly where there is none.

A plugin of its own, so that the tests of the real bot can use it as well as those beside it.
"""

from collections.abc import AsyncGenerator, Iterator

import pytest
from selenium import webdriver

from bot.sandbox import Sandbox
from tests.browser import chromium
from tests.browser.chat_page import ChatPage


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Start the browser once; each test has a tab and, as each has a sandbox, an origin."""
    if not chromium.is_installed():
        pytest.skip(chromium.ABSENT)
    with chromium.started(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture
async def page(browser: webdriver.Chrome, sandbox: Sandbox) -> AsyncGenerator[ChatPage]:
    """Return the chat page, not opened; in the end it must have had no complaint of any kind."""
    with chromium.new_tab(browser):
        page = ChatPage(browser, sandbox.http_url)
        await page.resize(1280, 800)
        yield page
        wrongs = await page.leave()
        assert not wrongs, "the page wrote errors or looked outside"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped: list[pytest.TestReport] = terminalreporter.getreports("skipped")
    if any(chromium.ABSENT in str(report.longrepr) for report in skipped):
        terminalreporter.write_sep("=", "chat page", yellow=True)
        terminalreporter.write_line(chromium.ABSENT)
