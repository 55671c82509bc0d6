"""A headless Chromium that is installed on this machine; the package playwright brings none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

INSTALL = "apt-get install chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def why_no_browser() -> str | None:
    """Why the page cannot be looked at here; None: it can."""
    if find_spec("playwright") is None:
        return "there is no package playwright; `make setup` installs it"
    return None if find_chromium() else f"there is no {NAMES[0]} to look at the page with"


@contextmanager
def headless() -> Iterator[Any]:
    """A browser of playwright's. Root, as in a container, has no sandbox to put it into."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()
