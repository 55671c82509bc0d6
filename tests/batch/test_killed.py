"""A kill anywhere neither loses a row nor doubles one: the output is that of a run nobody disturbed, byte for byte."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.backfill.unfinished import Progress
from tests.unit.backfill.building import rows, write
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
WEIR = [sys.executable, "-P", "-c", "from streams.cli import main; main()", "predict"]


@pytest.fixture(autouse=True)
def this_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("WEIR_LIMITS__VALUE_BYTES", "5000")  # no piece is smaller than a row may be


@pytest.mark.parametrize(
    ("source", "output"), [("in.csv", "out.csv"), ("in.jsonl", "out.jsonl"), ("in.parquet", "out.parquet")]
)
def test_killed_at_every_step(source: str, output: str, folder: Path) -> None:
    write(folder / source, rows(800))
    program = [sys.executable, "-P", "-m", "tests.batch.killing", source, output]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    *killed, undisturbed = done.stdout.splitlines()
    assert len(killed) > 20  # each of several pieces has several points
    assert {line.split(" ", 1)[1] for line in killed} == {undisturbed.split(" ", 1)[1]}
    assert undisturbed.endswith(" []")  # nothing is left beside the output


def test_killed_in_the_middle_with_processes_at_work(folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.parquet", rows(200_000), group_rows=50_000)
    assert weir("in.parquet", "whole.csv").exit_code == 0
    command = [*WEIR, "in.parquet", "out.csv", "--registry", "registry", "--processes", "2"]
    progress = folder / "out.csv.unfinished" / "progress.json"
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as run:
        until(lambda: progress.exists() and rows_done(progress) > 0, "some rows are done")
        run.send_signal(signal.SIGKILL)
    assert not (folder / "out.csv").exists()
    result = weir("in.parquet", "out.csv", "--json")
    assert result.exit_code == 0, result.stderr
    told = msgspec.json.decode(result.stdout)
    assert 0 < told["went_on_at"] < told["rows"] == 200_000
    for ending in ("", ".rejected.jsonl"):
        ends = [hashlib.sha256((folder / f"{name}.csv{ending}").read_bytes()).hexdigest() for name in ("whole", "out")]
        assert ends[0] == ends[1]


def rows_done(progress: Path) -> int:
    return msgspec.json.decode(progress.read_bytes(), type=Progress).rows


@pytest.fixture
def stopped(folder: Path, weir: Callable[..., Any], small_pieces: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that failed behind its second piece."""
    write(folder / "in.jsonl", rows(2000))
    from streams.backfill.unfinished import UnfinishedOutput

    append, calls = UnfinishedOutput.append, []

    def failing(self: UnfinishedOutput, *arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        append(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(UnfinishedOutput, "append", failing)
        assert weir("in.jsonl", "out.csv").exit_code == 1
    assert not (folder / "out.csv").exists()
    return folder / "out.csv.unfinished"


def test_half_a_write_is_cut_off(stopped: Path, folder: Path, weir: Callable[..., Any]) -> None:
    for name in ("answers", "rejected"):
        with (stopped / name).open("ab") as file:
            file.write(b'"half a li' * 100_000)  # more than what is still to be written, which would hide it
    assert weir("in.jsonl", "out.csv").exit_code == 0
    assert weir("in.jsonl", "whole.csv").exit_code == 0
    assert (folder / "out.csv").read_bytes() == (folder / "whole.csv").read_bytes()


def test_another_input_model_or_option_is_refused(stopped: Path, folder: Path, weir: Callable[..., Any]) -> None:
    from tests.unit.backfill.building import publish

    held = (stopped / "progress.json").read_bytes()
    publish(folder / "registry", version="2", seed=1)
    for words, what in (
        (["--version", "2"], "version was 1, now it is 2"),
        (["--id", "plan"], "--id was , now it is plan"),
    ):
        result = weir("in.jsonl", "out.csv", *words)
        assert (result.exit_code, what in result.stderr, "--restart" in result.stderr) == (1, True, True), result.stderr
    with (folder / "in.jsonl").open("a") as file:
        file.write("{}\n")
    result = weir("in.jsonl", "out.csv")
    assert result.exit_code == 1 and "input file was" in result.stderr
    assert (stopped / "progress.json").read_bytes() == held
    again = weir("in.jsonl", "out.csv", "--restart", "--json")
    assert again.exit_code == 0 and msgspec.json.decode(again.stdout)["rows"] == 2001


def test_what_is_left_and_damaged_is_refused(stopped: Path, weir: Callable[..., Any]) -> None:
    (stopped / "answers").write_bytes(b"short")
    result = weir("in.jsonl", "out.csv")
    assert result.exit_code == 1 and "--restart" in result.stderr


def test_two_runs_at_once_are_one_too_many(stopped: Path, weir: Callable[..., Any]) -> None:
    import fcntl

    with (stopped / "lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = weir("in.jsonl", "out.csv")
    assert result.exit_code == 1 and "another run writes" in result.stderr
    assert weir("in.jsonl", "out.csv").exit_code == 0
