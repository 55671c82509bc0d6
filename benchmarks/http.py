"""Requests a second over HTTP, and how long they take: the role `http`, and a Flask app like the tutorial's beside it.

    .venv/bin/python -m benchmarks.http [--connections 1,16,64] [--seconds 5] [--flask PYTHON] [--json FILE]

One feature row a request (``{"input": [...]}``), connections kept open, each sends its next request when it has the
answer. ``--flask`` names an interpreter that has Flask, gunicorn and scikit-learn; without it the door is measured
alone. The sides take turns; the client takes a part of the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any

import msgspec
import numpy as np

from benchmarks import workload
from benchmarks.machine import machine
from streams.demo.processes import free_ports, spawn, stop

START_S = 60.0

FLASK = """\
import sys
import numpy as np
from flask import Flask, jsonify, request
from sklearn.linear_model import LogisticRegression
rows = np.random.default_rng(0).normal(size=(5000, {features}))
model = LogisticRegression().fit(rows, (rows[:, 0] + rows[:, 1] > 0).astype(int))
app = Flask(__name__)
@app.route("/predict", methods=["POST"])
def predict():
    return jsonify({{"result": model.predict([request.get_json()["input"]]).tolist()}})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--flask", type=Path, help="an interpreter that has Flask, gunicorn and scikit-learn")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    counts = [int(count) for count in options.connections.split(",")]
    where, found = machine(), []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sides = {"weir": _door(Path(folder))}
        if options.flask:
            sides |= _flask(options.flask, Path(folder))
        for process, _ in sides.values():
            stack.callback(stop, process)
        for process, port in sides.values():
            asyncio.run(_answers(port, process))
        for run in range(options.runs):
            for count in counts:
                for side, (_, port) in sides.items():
                    measured = asyncio.run(_measure(port, count, options.seconds))
                    found.append({"side": side, "connections": count, "run": run, **measured})
                    print(_line(found[-1]), flush=True)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": where, "http": found})) + b"\n")


def _line(one: Mapping[str, Any]) -> str:
    return (
        f"{one['side']:20} {one['connections']:4} connections {one['per_s']:9,.0f}/s   "
        f"p50 {one['p50_ms']:7.2f} ms   p99 {one['p99_ms']:7.2f} ms"
    )


def _door(folder: Path) -> tuple[Popen[bytes], int]:
    workload.publish_model(folder / "registry")
    port, admin = free_ports(2)
    environ = {
        "WEIR_MODEL__REGISTRY": str(folder / "registry"),
        "WEIR_MODEL__VERSION": "1",  # pinned: no Kafka is asked
        "WEIR_HTTP__PORT": str(port),
        "WEIR_ADMIN__PORT": str(admin),
        "PYTHONPATH": str(Path.cwd()),
    }
    command = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", "http"]
    return spawn(command, folder / "door.log", folder, environ), port


def _flask(python: Path, folder: Path) -> dict[str, tuple[Popen[bytes], int]]:
    (folder / "tutorial.py").write_text(FLASK.format(features=len(workload.FEATURES)))
    own, workers = free_ports(2)
    built_in = f"import tutorial; tutorial.app.run(port={own})"
    gunicorn = ["-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{workers}", "tutorial:app"]
    return {
        "flask": (spawn([str(python), "-c", built_in], folder / "flask.log", folder), own),
        "gunicorn, 2 workers": (spawn([str(python), *gunicorn], folder / "gunicorn.log", folder), workers),
    }


def _request() -> bytes:
    body = msgspec.json.encode({"input": [0.5] * len(workload.FEATURES)})
    head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _answers(port: int, process: Popen[bytes]) -> None:
    """Wait until a first request is answered."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            await _measure(port, 1, 0.05)
        except (OSError, EOFError, RuntimeError):
            await asyncio.sleep(0.2)
        else:
            return
    raise RuntimeError(f"nothing answers at port {port}")


async def _measure(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Requests a second and latencies. Raises RuntimeError for an answer that is none."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    await asyncio.gather(*(_ask(port, end, took) for _ in range(connections)))
    p50, p99 = np.percentile(took, (50, 99)) * 1000
    return {"per_s": len(took) / seconds, "p50_ms": float(p50), "p99_ms": float(p99)}


async def _ask(port: int, end: float, took: list[float]) -> None:
    request, writer = _request(), None
    while (began := time.perf_counter()) < end:
        if writer is None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(head.decode(errors="replace"))
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        took.append(time.perf_counter() - began)
        if b"connection: close" in head:  # Flask's own server and gunicorn's plain workers keep none open
            writer.close()
            writer = None
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    main()
