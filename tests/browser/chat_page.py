"""The chat page as a person uses it: with the keyboard, the mouse and the eyes.

Selenium waits for the browser, and the browser for the sandbox, which lives in the test's own event
loop: so every verb does its work in a thread and is awaited.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from selenium import webdriver
from selenium.common.exceptions import (
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import chromium

PATIENCE_S = 15
PASSING = (
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
# The element in the middle of a message that says something, or of any other kind of thing.
SAYING = """
  const [css, words] = arguments;
  const found = [...document.querySelectorAll(css)].filter((node) =>
    (node.innerText || node.textContent).replace(/\\s+/g, ' ').includes(words));
  return found.at(-1) ?? null;
"""

NAME_OF_FOCUS = """((n) => n === document.body ? "the page" :
  n.id || n.dataset.option || n.name || n.innerText.trim().split('\\n')[0])
  (document.activeElement)"""

USABLE = (
    *("button", "a[href]", "input", "textarea", "select", "video[controls]"),
    *("[role=option]", "[role=menuitem]", "[role=menuitemradio]", "[role=listbox]"),
)

T = TypeVar("T")


class ChatPage:
    """A tab with the chat page in it."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url
        self.forgiven: list[str] = []  # parts of console errors that a test brings about

    # Coming and going

    async def open(self, place: str = "") -> None:
        """Open the page, maybe at `place`, a channel's id."""
        address = f"{self.url}/#{place}" if place else self.url
        await asyncio.to_thread(self.driver.get, address)
        await self.until("document.getElementById('place-name').textContent")

    async def reload(self) -> None:
        await asyncio.to_thread(self.driver.refresh)
        await self.until("document.getElementById('place-name').textContent")

    async def leave(self) -> list[str]:
        """Leave the page; return the errors that it wrote and the outside addresses it asked."""
        await asyncio.to_thread(self.driver.get, "about:blank")
        return await asyncio.to_thread(self._wrongs)

    def _wrongs(self) -> list[str]:
        errors = chromium.complaints(self.driver)
        outside = [url for url in chromium.requested(self.driver) if chromium.is_outside(url)]
        unforgiven = [e for e in errors if not any(part in e for part in self.forgiven)]
        return [*unforgiven, *(f"asked for {url}" for url in outside)]

    async def resize(self, width: int, height: int, *, is_phone: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        await self.command("Emulation.setDeviceMetricsOverride", size)

    async def prefer(self, feature: str, value: str) -> None:
        """Have the browser say what its person prefers, e.g. `prefers-color-scheme`."""
        features = [{"name": feature, "value": value}]
        await self.command("Emulation.setEmulatedMedia", {"features": features})

    async def command(self, name: str, parameters: dict[str, Any]) -> None:
        """Send a command of the DevTools protocol."""
        await asyncio.to_thread(self.driver.execute_cdp_cmd, name, parameters)

    # Looking

    async def evaluate(self, expression: str, *values: object) -> Any:
        """Return what a JavaScript expression is; `values` are its `arguments`."""
        script = f"return ({expression})"
        return await asyncio.to_thread(self.driver.execute_script, script, *values)

    async def until(self, expression: str, *values: object, timeout_s: float = PATIENCE_S) -> Any:
        """Wait until a JavaScript expression is true, and return what it is."""
        script = f"return ({expression})"
        return await self._wait(
            lambda: self.driver.execute_script(script, *values), expression, timeout_s
        )

    async def sees(
        self, words: str, *, within: str = "body", timeout_s: float = PATIENCE_S
    ) -> WebElement:
        """Wait until something on the page says `words`; return the last that does."""
        return await self._wait(
            lambda: self.driver.execute_script(SAYING, within, words),
            f"{within} saying {words!r}",
            timeout_s,
        )

    async def message_saying(self, words: str, *, timeout_s: float = PATIENCE_S) -> str:
        """Wait for a message that says `words`; return a selector of it, however it changes."""
        found = await self.sees(words, within="article[data-message]", timeout_s=timeout_s)
        id_ = await asyncio.to_thread(found.get_attribute, "data-message")
        return f'article[data-message="{id_}"]'

    async def shows(self, css: str) -> None:
        """Wait until something is to be seen."""
        await self._wait(lambda: self._find(css).is_displayed(), f"{css} shown", PATIENCE_S)

    async def hides(self, css: str) -> None:
        """Wait until nothing of the kind is to be seen."""
        await self._wait(
            lambda: not any(one.is_displayed() for one in self._all(css)),
            f"{css} hidden",
            PATIENCE_S,
        )

    async def is_saying(self, words: str, *, within: str = "body") -> bool:
        """Say whether something says `words` now."""
        return (
            await asyncio.to_thread(self.driver.execute_script, SAYING, within, words) is not None
        )

    async def count(self, css: str) -> int:
        return len(await asyncio.to_thread(self._all, css))

    async def text(self, css: str) -> str:
        return await self._wait(lambda: self._find(css).text, f"the text of {css}", PATIENCE_S)

    async def texts(self, css: str) -> list[str]:
        return await self.evaluate(
            "[...document.querySelectorAll(arguments[0])].map((n) => n.innerText.trim())", css
        )

    async def value(self, css: str) -> str:
        """Return what is written in a field."""
        return await self.evaluate("document.querySelector(arguments[0]).value", css)

    async def has_focus(self, name: str) -> None:
        """Wait until something has the focus: by its id, its option's name, or its words."""
        await self.until(f"({NAME_OF_FOCUS}) === arguments[0]", name)

    async def keep(self, css: str) -> None:
        """Remember the very thing that stands there now; see `is_kept`."""
        await self.evaluate("window.kept = document.querySelector(arguments[0])", css)

    async def is_kept(self, css: str) -> bool:
        """Say whether the thing that was there before is still the one."""
        return await self.evaluate("window.kept === document.querySelector(arguments[0])", css)

    async def nameless(self) -> list[str]:
        """Return what can be used and has no name for those who do not see it."""
        return await asyncio.to_thread(self._nameless)

    def _nameless(self) -> list[str]:
        scope = "dialog[open] " if self._all("dialog[open]") else ""  # what is behind it is inert
        found = self._all(", ".join(scope + kind for kind in USABLE))
        shown = [one for one in found if one.is_displayed() or one.get_attribute("type") == "file"]
        assert len(shown) > 5
        return [one.get_attribute("outerHTML") or "" for one in shown if not one.accessible_name]

    # Doing

    async def type(self, text: str) -> None:
        """Type on the keyboard, into whatever has the focus."""
        await asyncio.to_thread(ActionChains(self.driver).send_keys(text).perform)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, e.g. `Keys.TAB`."""
        for key in keys:
            await self.type(key)

    async def press_together(self, held: str, key: str) -> None:
        """Press a key while another is held, e.g. Shift."""
        chain = ActionChains(self.driver).key_down(held).send_keys(key).key_up(held)
        await asyncio.to_thread(chain.perform)

    async def tab_to(self, name: str, *, backwards: bool = False) -> None:
        """Press Tab until something has the focus, by what `has_focus` calls it."""
        passed: list[str] = []
        while (focused := await self.evaluate(NAME_OF_FOCUS)) != name:
            passed.append(focused)
            assert len(passed) < 60, f"Tab does not lead to {name!r} but to {passed}"
            await (self.press_together(Keys.SHIFT, Keys.TAB) if backwards else self.press(Keys.TAB))

    async def click(self, css: str) -> None:
        await self._wait(lambda: self._find(css).click() or True, f"{css} to click", PATIENCE_S)

    async def click_button(self, label: str, *, within: str = "body") -> None:
        """Click a button, link or option by its words."""
        kinds = ("button", "a", "[role=option]", "[role=menuitem]", "label")
        css = ", ".join(f"{within} {kind}" for kind in kinds)
        found = await self.sees(label, within=css)
        await asyncio.to_thread(found.click)

    async def write(self, text: str) -> None:
        """Write into the message field, which is there for plain text and for `/`."""
        await self.click("#composer")
        await self.type(text)

    async def paste(self, text: str) -> None:
        """Put text into what has the focus all at once."""
        await self.command("Input.insertText", {"text": text})

    async def open_menu(self, message: str) -> None:
        """Open what can be done with a message."""
        await self.evaluate("document.querySelector(arguments[0]).focus()", f"{message} .more")
        await self.press(Keys.ENTER)
        await self.shows(".popup")

    async def choose(self, title: str) -> None:
        """Click an entry of the list above the composer."""
        found = await self.sees(title, within="#suggestions [role=option]")
        await asyncio.to_thread(found.click)

    async def attach(self, css: str, path: str) -> None:
        """Choose a file in a file field."""
        await asyncio.to_thread(lambda: self._find(css).send_keys(path))

    async def become(self, name: str) -> None:
        """Go on as another member."""
        await self.click("#account")
        await self.click(f"[data-testid=member-{name}]")
        await self.sees(name, within="#account")

    # How

    def _find(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def _all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    async def _wait(self, look: Callable[[], T], sought: str, timeout_s: float) -> T:
        wait = WebDriverWait(self.driver, timeout_s, 0.05, ignored_exceptions=PASSING)
        try:
            return await asyncio.to_thread(wait.until, lambda _: look())
        except TimeoutException:
            shown = await asyncio.to_thread(lambda: self._find("body").text)
            raise AssertionError(
                f"not within {timeout_s} s: {sought}\nThe page:\n{shown}"
            ) from None
