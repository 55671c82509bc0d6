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

SIZES = {"wide": (1440, 1000), "narrow": (420, 900)}


def take_pictures(folder: Path, seconds: float) -> None:
    """A fleet that drifts after two thirds of the time: light and dark, wide and narrow, and the card of an alert."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, Scene(Path(work)) as scene, headless() as browser:
        scene.start("worker-1", "predict")
        time.sleep(seconds * 2 / 3)
        scene.feed.shift = 1.5
        time.sleep(seconds / 3)
        for scheme in ("light", "dark"):
            for name, (width, height) in SIZES.items():
                page = browser.new_page(
                    viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
                )
                shoot(page, scene.page(), folder / f"page-{name}-{scheme}.png")
                page.locator("#alerts button").first.click()
                page.screenshot(path=folder / f"card-{name}-{scheme}.png")
                if name == "wide":
                    page.get_by_role("button", name="Acknowledge").click()
                    page.screenshot(path=folder / f"confirm-{scheme}.png")
                page.close()


def shoot(page: Any, url: str, path: Path) -> None:
    page.on("console", lambda message: print(message.text, file=sys.stderr))
    page.goto(url)
    page.locator("#alerts button").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=path, full_page=True)
    print(path)


if __name__ == "__main__":
    if (why := why_no_browser()) is not None:
        sys.exit(why)
    parser = argparse.ArgumentParser(prog="python -m tests.browser", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=90.0)
    arguments = parser.parse_args()
    take_pictures(arguments.folder, arguments.seconds)
