"""The AsyncAPI initiative's own JSON Schema of a document, brought once by npm into the cache of the tests."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VERSION = "6.11.1"
SHA256 = "01af8744dc33c0c7eb2e908f6a955319ee58b70ecadc9387d1aeb16c0cd28928"
MEMBER = "package/schemas/3.0.0.json"
INSTALL = "sudo apt-get install -y npm"


class SchemaMissing(Exception):
    """It is not in the cache, and could not be brought."""


def asyncapi_schema(cache: Path) -> dict[str, Any]:
    """Of AsyncAPI 3.0.0, Kafka bindings included. Raises SchemaMissing."""
    kept = cache / f"asyncapi-{VERSION}.json"
    if not kept.exists():
        _fetch(kept)
    schema: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return schema


def _fetch(kept: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SchemaMissing(f"AsyncAPI's schema is not in {kept}, and there is no `npm` to bring it")
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        command = [npm, "pack", "--silent", f"@asyncapi/specs@{VERSION}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
        (package, *_) = [*Path(folder).glob("*.tgz"), None]
        if done.returncode or package is None:
            raise SchemaMissing(f"npm could not bring AsyncAPI's schema; it said:\n{done.stderr.strip()}")
        if hashlib.sha256(package.read_bytes()).hexdigest() != SHA256:
            raise SchemaMissing(f"what npm brought is not @asyncapi/specs {VERSION}: its sha256 is another")
        with tarfile.open(package) as archive:
            member = archive.extractfile(MEMBER)
            assert member is not None
            draft = Path(folder) / "schema.json"
            draft.write_bytes(member.read())
        draft.replace(kept)
