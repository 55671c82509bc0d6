"""Pictures of the page for the documents: ``python -m tests.browser FOLDER [--seconds 90]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.browser.chromium import headless, why_no_browser
from tests.browser.scene import Scene

WIDE, NARROW = {"width": 1280, "height": 1080}, {"width": 400, "height": 860}
LOOKS: dict[str, tuple[dict[str, int], Any]] = {
    "light": (WIDE, "light"),
    "dark": (WIDE, "dark"),
    "narrow": (NARROW, "dark"),
}


def take_pictures(folder: Path, seconds: float) -> None:
    """A fleet that drifts after two thirds of the time: light and dark, wide and narrow, and the card of an alert."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, Scene(Path(work)) as scene, headless() as browser:
        scene.start("worker-1", "predict")
        time.sleep(seconds * 2 / 3)
        scene.feed.shift = 1.5
        time.sleep(seconds / 3)
        for name, (size, scheme) in LOOKS.items():
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.on("console", lambda message: print(message.text, file=sys.stderr))
            page.goto(scene.page())
            entry = page.locator("#alerts button").filter(has_text="amount").first
            entry.wait_for()
            page.wait_for_timeout(1500)
            page.screenshot(path=folder / f"page-{name}.png")
            entry.click()
            page.locator("#card").screenshot(path=folder / f"alert-{name}.png")
            page.get_by_role("button", name="Acknowledge").click()
            page.screenshot(path=folder / f"confirm-{name}.png")
            page.close()


if __name__ == "__main__":
    if (why := why_no_browser()) is not None:
        sys.exit(why)
    parser = argparse.ArgumentParser(prog="python -m tests.browser", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=90.0)
    arguments = parser.parse_args()
    take_pictures(arguments.folder, arguments.seconds)
