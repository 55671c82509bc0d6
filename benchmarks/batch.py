"""`weir predict` over a large Parquet file: rows a second, peak memory, and the same after a kill -9 in the middle.

    .venv/bin/python -m benchmarks.batch [--rows 5000000] [--processes 1] [--json FILE]

Rows and model of the workload `linear-10`. Each run is a process of its own; its memory is the peak that the system saw
of it and its children together, asked for 20 times a second.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmarks.machine import machine
from benchmarks.tables import Table
from benchmarks.workload import FEATURES, SEED, publish_model

GROUP_ROWS = 250_000
WEIR = (sys.executable, "-c", "from streams.cli import main; main()", "predict")


class Run(msgspec.Struct, frozen=True):
    """`went_on_at`: rows that an earlier run had done. Memory in MB (2^20 bytes)."""

    name: str
    rows: int
    went_on_at: int
    seconds: float
    rows_per_s: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    where = machine()
    with tempfile.TemporaryDirectory(prefix="weir-batch-") as name:
        folder = Path(name)
        publish_model(folder / "registry")
        write_rows(folder / "in.parquet", arguments.rows)
        size = (folder / "in.parquet").stat().st_size
        whole = run(folder, "undisturbed", "whole.parquet", arguments.processes)
        killed_at = killed(folder, "killed.parquet", arguments.processes, arguments.rows // 2)
        again = run(folder, "gone on with", "killed.parquet", arguments.processes)
        same = all(
            digest(folder / f"whole.parquet{ending}") == digest(folder / f"killed.parquet{ending}")
            for ending in ("", ".rejected.jsonl")
        )
    runs = [whole, again]
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.encode({"machine": where, "runs": runs, "same_bytes": same}))
    print(table(runs, size, arguments.processes, killed_at, same=same))
    print(f"{where['cpu']}, {where['cores']} cores, load before {where['load_before']}, after {os.getloadavg()[0]:.2f}")
    sys.exit(not same)


def write_rows(path: Path, count: int) -> None:
    rng = np.random.default_rng(SEED)
    schema = pa.schema([(name, pa.float64()) for name in FEATURES])
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for begin in range(0, count, GROUP_ROWS):
            block = rng.normal(size=(min(GROUP_ROWS, count - begin), len(FEATURES))).round(6)
            writer.write_table(pa.table(list(block.T), schema=schema))


def started(folder: Path, output: str, processes: int) -> subprocess.Popen[bytes]:
    words = ("in.parquet", output, "--registry", "registry", "--json", "--processes", str(processes))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    pipe = subprocess.PIPE
    return subprocess.Popen([*WEIR, *words], cwd=folder, env=environment, stdout=pipe, stderr=subprocess.DEVNULL)


def run(folder: Path, name: str, output: str, processes: int) -> Run:
    """To the end. Raises RuntimeError if it fails."""
    child, peak = started(folder, output, processes), 0.0
    while child.poll() is None:
        peak = max(peak, memory_mb(child.pid))
        time.sleep(0.05)
    assert child.stdout is not None
    told: dict[str, Any] = msgspec.json.decode(child.stdout.read() or b"{}")
    if child.returncode:
        raise RuntimeError(f"weir predict ended with {child.returncode}")
    seconds, rows_per_s = told["seconds"], told["rows_per_s"]
    return Run(name, told["rows"], told["went_on_at"], seconds, rows_per_s, round(peak, 1))


def killed(folder: Path, output: str, processes: int, rows: int) -> int:
    """Kill a run once it did so many rows; how many it had done then."""
    progress, done = folder / f"{output}.unfinished" / "progress.json", 0
    with started(folder, output, processes) as child:
        while done < rows and child.poll() is None:
            time.sleep(0.01)
            if progress.exists():
                done = msgspec.json.decode(progress.read_bytes())["rows"]
        child.send_signal(signal.SIGKILL)
    return done


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its children."""
    try:
        status = Path(f"/proc/{pid}/status").read_text().split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, ProcessLookupError):
        return 0.0
    own = int(status[status.index("VmRSS:") + 1]) / 1024 if "VmRSS:" in status else 0.0
    return own + sum(memory_mb(int(child)) for child in children)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table(runs: list[Run], size: int, processes: int, killed_at: int, *, same: bool) -> Table:
    verdict = "the output is that of the undisturbed run, byte for byte" if same else "THE OUTPUT IS ANOTHER ONE"
    return Table(
        ["run", "rows", "done before", "s", "rows/s", "peak MB"],
        [
            [
                one.name,
                f"{one.rows:,}",
                f"{one.went_on_at:,}",
                f"{one.seconds:,.1f}",
                f"{one.rows_per_s:,.0f}",
                f"{one.peak_mb:,.0f}",
            ]
            for one in runs
        ],
        [
            f"{size / 2**20:,.0f} MB of Parquet, {len(FEATURES)} numbers a row, processes: {processes}",
            f"killed with SIGKILL behind {killed_at:,} rows, then gone on with; {verdict}",
        ],
    )


if __name__ == "__main__":
    main()
