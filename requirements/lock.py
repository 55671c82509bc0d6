"""Write the lock files: exact versions and hashes, no index, for every supported Python and platform.

dev.txt    what runs Weir, its tests and its checks     base.txt  what runs Weir, a subset of dev.txt
build.txt  what the image builds Weir with, likewise
demo.txt   the embedded broker alone: it has no wheel for some platforms, and Weir works without it
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
OPTIONS = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-annotate"]
HEADER = "# Written by `make lock`. Exact versions and hashes, for Python 3.11 to 3.13.\n"


def lock(name: str, *sources: str, text: str = "") -> None:
    """Compile `sources` (a dash stands for `text`); what the file has already stays unless --upgrade says otherwise."""
    file = FOLDER / name
    command = [str(Path(sys.executable).parent / "uv"), "pip", "compile", *sources, *OPTIONS, "--no-header", "-q"]
    subprocess.run([*command, *sys.argv[1:], "--output-file", str(file)], cwd=ROOT, check=True, input=text, text=True)
    file.write_text(HEADER + file.read_text())


demo = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["demo"]
lock("dev.txt", "pyproject.toml", "--group", "dev", "--extra", "convert")
lock("base.txt", "pyproject.toml", "--constraint", str(FOLDER / "dev.txt"))
builder = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
lock("build.txt", "-", "--constraint", str(FOLDER / "dev.txt"), text="\n".join(builder))
lock("demo.txt", "-", text="\n".join(demo))
