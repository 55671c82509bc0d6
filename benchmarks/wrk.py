"""wrk, the load generator: connections kept open, each sends its next request when it has the answer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

MISSING = "error: wrk is not installed; fix: apt-get install wrk, or brew install wrk"

SCRIPT = """\
wrk.method = "POST"
wrk.body = '%(body)s'
%(headers)s
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%%d,"duration_us":%%d,"failed":%%d,"p50_us":%%d,"p99_us":%%d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


class Load(msgspec.Struct, frozen=True):
    """What one run of wrk saw. `failed`: answers that are none of 2xx or 3xx, and what went wrong with connections."""

    requests: int
    duration_us: int
    failed: int
    p50_us: int
    p99_us: int

    @property
    def per_s(self) -> float:
        return self.requests / self.duration_us * 1e6


def write_script(path: Path, body: bytes, headers: Mapping[str, str]) -> None:
    """What each request is. Neither body nor headers may hold a quote that Lua would take for the end."""
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    path.write_text(SCRIPT % {"body": body.decode(), "headers": "\n".join(lines)})


def is_installed() -> bool:
    return shutil.which("wrk") is not None


def ask(port: int, script: Path, connections: int, seconds: int) -> Load:
    """One run, from one thread. Raises RuntimeError when wrk does, or when it got no answer at all."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
    ran = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/predict"],
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    return load_of(ran.stdout, ran.stderr)


def load_of(stdout: str, stderr: str) -> Load:
    """The line that the script prints at the end. Raises RuntimeError."""
    try:
        load = msgspec.json.decode(stdout.strip().rpartition("\n")[2].encode(), type=Load)
    except msgspec.MsgspecError:
        raise RuntimeError(f"wrk said no result: {stdout}{stderr}") from None
    if not load.requests:
        raise RuntimeError("wrk got no answer")
    return load
