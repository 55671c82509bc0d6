"""The quick start of the README, as it stands there, on the embedded broker."""

from __future__ import annotations

import csv
import os
import select
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import skops.io
from sklearn.linear_model import LogisticRegression

from streams.demo.broker import EmbeddedBroker
from tests.docs.pages import blocks, name_of

WEIR = [sys.executable, "-c", "from streams.cli import main; main()"]
PATIENCE_S = 60.0


def train(folder: Path) -> None:
    """The estimator and the training rows that the quick start begins with."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 2)).round(3)
    churned = (rows[:, 0] > rows[:, 1]).astype(int)
    skops.io.dump(LogisticRegression().fit(rows, churned), folder / "model.skops")
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("calls", "minutes", "churned"), *np.column_stack((rows, churned)).tolist()])


def test_an_event_is_answered(embedded: EmbeddedBroker, tmp_path: Path) -> None:
    train(tmp_path)
    readme = [block for block in blocks("console", "python") if name_of(block.page) == "README.md"]
    console = next(block.text for block in readme if "weir worker" in block.text)
    producer, consumer = (
        block.text.replace("127.0.0.1:9092", embedded.bootstrap_servers)
        for block in readme
        if block.language == "python"
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WEIR_")},
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": embedded.bootstrap_servers,
        "WEIR_ADMIN__PORT": "0",
    }
    commands = [shlex.split(line)[1:] for line in console.splitlines() if line.startswith("weir ")]
    assert commands[-1] == ["worker"]
    for arguments in commands[:-1]:
        subprocess.run([*WEIR, *arguments], cwd=tmp_path, env=environment, check=True, timeout=PATIENCE_S)
    with ExitStack() as stack:
        running = {"cwd": tmp_path, "env": environment}
        worker = stack.enter_context(subprocess.Popen([*WEIR, "worker"], **running))
        stack.callback(worker.kill)
        reader = stack.enter_context(
            subprocess.Popen([sys.executable, "-u", "-c", consumer], stdout=subprocess.PIPE, text=True, **running)
        )
        stack.callback(reader.kill)
        subprocess.run([sys.executable, "-c", producer], check=True, timeout=PATIENCE_S, **running)
        assert reader.stdout is not None
        assert select.select([reader.stdout], [], [], PATIENCE_S)[0], "no answer"
        answer = reader.stdout.readline()
        worker.terminate()
        assert worker.wait(20) == 0
    assert answer.startswith("predictions b'anna' ")
    assert '"event_id":"e-1"' in answer
