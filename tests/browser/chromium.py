"""Starts Debian's Chromium without a window, and sees that it reaches nothing but this machine.

The driver's path is given, so that selenium's own manager never looks for one elsewhere.
"""

import json
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

BROWSER, DRIVER = "chromium", "chromedriver"
ABSENT = (
    "The chat page is NOT tested: there is no Chromium to open it in. "
    "Install Debian's packages chromium and chromium-driver."
)
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # Chromium refuses its own sandbox to root, as which CI runs
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # containers have little of it
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--mute-audio",
    "--lang=en-GB",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
OWN_SCHEMES = frozenset({"about", "blob", "chrome", "data", "devtools"})


def is_installed() -> bool:
    """Say whether there is a browser and what drives it."""
    return all(shutil.which(name) for name in (BROWSER, DRIVER))


@contextmanager
def started(folder: Path) -> Generator[webdriver.Chrome]:
    """Start a browser whose profile and temporary files lie in `folder`; end it at the end."""
    options = Options()
    options.binary_location = shutil.which(BROWSER) or BROWSER
    for argument in (*ARGUMENTS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    environment = {**os.environ, "TMPDIR": str(folder)}  # noqa: TID251 -- PATH and the like
    service = Service(shutil.which(DRIVER) or DRIVER, env=environment)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def new_tab(driver: webdriver.Chrome) -> Generator[None]:
    """Open a tab with nothing of those before in it; close it at the end."""
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    read_log(driver, "browser")
    read_log(driver, "performance")
    try:
        yield
    finally:
        with suppress(WebDriverException):  # the test has said what is wrong
            driver.close()
        driver.switch_to.window(first)


def read_log(driver: webdriver.Chrome, name: str) -> list[dict[str, object]]:
    """Return what has come into a log since it was read last."""
    return driver.get_log(name)


def complaints(driver: webdriver.Chrome) -> list[str]:
    """Return the errors in the console, breaches of the content policy among them."""
    entries = read_log(driver, "browser")
    return [str(entry["message"]) for entry in entries if entry["level"] == "SEVERE"]


def requested(driver: webdriver.Chrome) -> Iterator[str]:
    """Return every address that the browser has asked for (DevTools protocol, "Network")."""
    for entry in read_log(driver, "performance"):
        event = json.loads(str(entry["message"]))["message"]
        if event["method"] == "Network.requestWillBeSent":
            yield event["params"]["request"]["url"]
        elif event["method"] == "Network.webSocketCreated":
            yield event["params"]["url"]


def is_outside(url: str) -> bool:
    """Say whether an address leads away from this machine."""
    parts = urlsplit(url)
    return parts.scheme not in OWN_SCHEMES and parts.hostname != "127.0.0.1"
