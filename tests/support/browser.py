"""A real browser for end-to-end tests: Debian's Chromium, headless, kept on this machine, every request noted."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Locator, Page, async_playwright

_FLAGS = (
    "--no-sandbox",  # root cannot use Chromium's own sandbox, and CI is root
    "--disable-dev-shm-usage",  # containers have a small /dev/shm
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Chromium's own errands, none of them the page's.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@dataclass(slots=True)
class Visit:
    """One page in a fresh profile, and what it asked for and complained about so far."""

    page: Page
    requests: list[str] = field(default_factory=list)  #: Every address asked for, WebSockets too.
    complaints: list[str] = field(default_factory=list)  #: Console errors, uncaught exceptions, failed requests.

    def outside(self, origin: str) -> list[str]:
        """Return the requests that left *origin* (``http://127.0.0.1:8000``); ``data:`` and ``blob:`` never do."""
        home = urlsplit(origin).netloc
        return [
            address
            for address in self.requests
            if urlsplit(address).scheme not in {"data", "blob"} and urlsplit(address).netloc != home
        ]


def find_chromium() -> str:
    """Return where Chromium is; ``make test`` installs it, so its absence is a failure and no reason to skip."""
    for name in ("chromium", "chromium-browser"):
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("No chromium on PATH: run `make test`, or install Debian's package chromium.")


async def open_tab(page: Page, name: str) -> None:
    """Bring GraphiQL's tab *name* to the front, ready to run.

    GraphiQL learns the new tab's operation name 100 ms later and shows nothing when it has; run before that, it
    asks for the former tab's operation and the server refuses it.
    """
    await page.get_by_role("tab", name=name).click()
    await page.wait_for_timeout(300)


async def run_operation(page: Page) -> Locator:
    """Run what the front tab holds; return where the answer will appear."""
    await page.get_by_label("Execute query (Ctrl-Enter)").click()
    return page.get_by_label("Result Window")


@asynccontextmanager
async def open_visit(*, width: int = 1280, height: int = 800) -> AsyncIterator[Visit]:
    """Start a browser with an empty profile and open one blank page in it.

    Wait with ``expect(locator)``: ``wait_for_function`` evaluates a string in the page, which GraphiQL's
    content security policy refuses.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(_FLAGS))
        try:
            context = await browser.new_context(viewport={"width": width, "height": height})
            visit = Visit(page=await context.new_page())

            def note_console(message: ConsoleMessage) -> None:
                if message.type == "error":
                    visit.complaints.append(message.text)

            context.on("request", lambda request: visit.requests.append(request.url))
            context.on("requestfailed", lambda r: visit.complaints.append(f"{r.url}: {r.failure}"))
            context.on("console", note_console)
            visit.page.on("websocket", lambda socket: visit.requests.append(socket.url))
            visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
            yield visit
        finally:
            await browser.close()
