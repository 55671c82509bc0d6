"""A browser for the module, and a page that must not complain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.chromium import headless
from tests.browser.scene import Scene


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with headless() as own:
        yield own


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Scene(tmp_path_factory.mktemp("scene")) as own:
        yield own


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Errors of scripts, and what the page's own policy refused, fail the test."""
    complaints: list[str] = []
    own = browser.new_page(viewport={"width": 1280, "height": 900})
    own.set_default_timeout(60_000)
    own.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    own.on("pageerror", lambda error: complaints.append(str(error)))
    yield own
    own.close()
    # What a server refused is told in the console, too; the tests that expect it look at the page.
    assert [each for each in complaints if "Failed to load resource" not in each] == []
