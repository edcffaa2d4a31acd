"""A real browser for pages that skmulti writes: what they show, what the console says, what is asked of a network."""

import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def opened(path, *, width=1400, height=900, dark=False):
    """Open a file of HTML in headless Chromium; skip the test where there is none.

    Yields a page of Playwright with two lists: `errors` (of scripts and of the console) and `requests` (to anything
    but the file itself and data in it). `page.screenshot(path=..., full_page=True)` takes a picture.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
        page.errors, page.requests = [], []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
        address = path.resolve().as_uri()
        page.on(
            "request",
            lambda request: request.url.startswith((address, "data:")) or page.requests.append(request.url),
        )
        page.goto(address)
        try:
            yield page
        finally:
            browser.close()


def overflow(page):
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
