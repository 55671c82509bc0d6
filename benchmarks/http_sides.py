"""The servers that are measured over HTTP: the door, and what a team writes without it, each with the same model."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import msgspec

from benchmarks import workload
from streams.demo.processes import free_ports, spawn
from streams.http.keys import Scope, new_key

MODEL = """\
import numpy as np
from sklearn.linear_model import LogisticRegression
rows = np.random.default_rng(0).normal(size=(5000, {features}))
model = LogisticRegression().fit(rows, (rows[:, 0] + rows[:, 1] > 0).astype(int))
"""

FLASK = """\
from flask import Flask, jsonify, request
from fitted import model
app = Flask(__name__)
@app.route("/predict", methods=["POST"])
def predict():
    return jsonify({"result": model.predict([request.get_json()["input"]]).tolist()})
"""

FASTAPI = """\
from fastapi import FastAPI
from pydantic import BaseModel
from fitted import model
app = FastAPI()
class Row(BaseModel):
    input: list[float]
@app.post("/predict")
async def predict(row: Row):
    return {"result": model.predict([row.input]).tolist()}
"""

BODY = msgspec.json.encode({"input": [0.5] * len(workload.FEATURES)})
JSON = {"Content-Type": "application/json"}
FLASK_OWN = "Flask, its own server"
FASTAPI_PLAIN = "FastAPI, plain handler"
GUNICORN = "Flask, gunicorn, 2 workers"
ALL_ON, ALL_OFF = "Weir, all on", "Weir, all off"
"""On: a key, a rate limit. What cannot be turned off is on in both: limits, time-outs, validation, metrics."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers `POST /predict` at a port of this machine, to requests with these headers."""

    process: Popen[bytes]
    port: int
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


def doors(folder: Path) -> dict[str, Server]:
    """Weir's role http, twice."""
    workload.publish_model(folder / "registry")
    key, record = new_key("bench", (Scope.PREDICT,))
    keys = folder / "keys.jsonl"
    keys.touch(mode=0o600)
    keys.write_bytes(msgspec.json.encode(record) + b"\n")
    on = {"WEIR_HTTP__KEYS_FILE": str(keys), "WEIR_HTTP__RATE_PER_S": "1000000", "WEIR_HTTP__BURST": "1000000"}
    return {
        ALL_ON: _door(folder, "on", on, {**JSON, "Authorization": f"Bearer {key}"}),
        ALL_OFF: _door(folder, "off", {}, JSON),
    }


def _door(folder: Path, name: str, settings: Mapping[str, str], headers: Mapping[str, str]) -> Server:
    port = free_ports(1)[0]
    environ = {
        "WEIR_MODEL__REGISTRY": str(folder / "registry"),
        "WEIR_MODEL__VERSION": "1",  # pinned: no Kafka is asked
        "WEIR_HTTP__PORT": str(port),
        "WEIR_ADMIN__PORT": "0",
        "WEIR_WORKER__STATE_DIR": str(folder / name),
        "PYTHONPATH": str(Path.cwd()),
        **settings,
    }
    command = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", "http"]
    return Server(spawn(command, folder / f"{name}.log", folder, environ), port, headers)


def peers(python: Path, folder: Path) -> dict[str, Server]:
    """The others, run by an interpreter that has them."""
    (folder / "fitted.py").write_text(MODEL.format(features=len(workload.FEATURES)))
    (folder / "tutorial.py").write_text(FLASK)
    (folder / "plain.py").write_text(FASTAPI)
    own, workers, plain = free_ports(3)
    commands = {
        FLASK_OWN: (own, ["-c", f"import tutorial; tutorial.app.run(port={own})"]),
        GUNICORN: (workers, ["-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{workers}", "tutorial:app"]),
        FASTAPI_PLAIN: (plain, ["-m", "uvicorn", "plain:app", "--port", str(plain), "--no-access-log"]),
    }
    return {
        name: Server(spawn([str(python), *command], folder / f"peer-{port}.log", folder), port)
        for name, (port, command) in commands.items()
    }
