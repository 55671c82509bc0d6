"""What a second worker gives, and what a restart and a scale-down cost: `python -m benchmarks.scaling`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from urllib.request import urlopen

import msgspec

from benchmarks import workload
from benchmarks.machine import machine
from benchmarks.sides import Bench, Run, Side, make_topics, own_topics, running
from benchmarks.tables import Table
from benchmarks.watching import Output, watch
from streams.contracts import Prediction
from streams.demo.kraft import KafkaCluster
from streams.demo.processes import free_ports
from streams.kafka.reading import read_topic

SLOW_S = 0.01
SLOW_BATCH = "200"
SLOW = f"""
import time
from streams import model_call
ask = model_call._Search._ask
def slow(search, start, stop):
    time.sleep({SLOW_S})
    return ask(search, start, stop)
model_call._Search._ask = slow
"""
"""As if each call of the model took so much longer, waiting and not computing. The workers' `sitecustomize`."""

PARTS = ("rates", "changes")
SETTLE_S, AFTER_S, READY_S = 4.0, 3.0, 90.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Of a full topic; `seconds` to drain it at that rate."""

    model: str
    workers: int
    events_per_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """Under a steady load: answers missing or doubled at the end, and the longest time without an answer of a partition
    before the change, and from it on, in s."""

    change: str
    rate: int
    events: int
    missing: int
    doubled: int
    before_s: float
    longest_s: float


def side(workers: int, **more: str) -> Side:
    command = [sys.executable, "-c", "from streams.cli import main; main()", "worker", "--role", "predict"]
    environment = {f"WEIR_{name}": value for name, value in more.items() if name != "PYTHONPATH"}
    environment |= {"PYTHONPATH": more["PYTHONPATH"]} if "PYTHONPATH" in more else {}
    return Side(
        lambda _run: [*command, "--workers", str(workers)],
        lambda run: run.topics.name("predictions"),
        {"WEIR_LABELS__ENABLED": "false", **environment},
    )


def drained(bench: Bench, model: str, workers: int, events: int, more: Mapping[str, str]) -> Rate:
    """Measured from when all are ready: the second one that joins moves partitions of the first."""
    (port,) = free_ports(1)
    run = Run(bench, f"{model}-{workers}", f"{model}.events", events)
    one = side(workers, ADMIN__PORT=str(port), **more)
    with own_topics(run):
        output = Output(bench.servers, one.output(run), workload.PARTITIONS)
        with running(one, run) as process:
            _ready(port)
            measured = watch(process, output, events)
    return Rate(model, workers, measured.events_per_second, events / measured.events_per_second)


class Load(threading.Thread):
    """Events at a steady rate, until told to stop."""

    def __init__(self, servers: str, topic: str, rate: int) -> None:
        super().__init__(daemon=True)
        self._sender, self._rate, self._over = workload.Sender(servers, topic), rate, threading.Event()
        self.sent = 0

    def run(self) -> None:
        began, stream = time.monotonic(), workload.events()
        while not self._over.is_set():
            due = int((time.monotonic() - began) * self._rate) - self.sent
            for event in islice(stream, due):
                self._sender.send(event)
                self.sent += 1
            self._sender.poll()
            self._over.wait(0.01)
        self._sender.flush()

    def stop(self) -> int:
        self._over.set()
        self.join()
        return self.sent


def rolling_restart(bench: Bench, rate: int) -> Silence:
    """Each of two workers is told to stop, and is started again in its slot; the next one when it is ready."""
    (port,) = free_ports(1)
    run = Run(bench, "rolling", "rolling", 0)
    with under_load(run, rate) as load, running(side(2, ADMIN__PORT=str(port), WORKER__SLOT="w"), run):
        _ready(port)
        time.sleep(SETTLE_S)
        began = time.time()
        for number in range(2):
            os.kill(_status(port)[number]["pid"], signal.SIGTERM)
            _ready(port, number)
            time.sleep(AFTER_S)
        return _silence("rolling restart of both workers", load, run, rate, began)


def scale_down(bench: Bench, rate: int) -> Silence:
    """Of two workers with slots of their own one is stopped for good."""
    ports = free_ports(2)
    run = Run(bench, "down", "down", 0)
    first, second = (side(1, ADMIN__PORT=str(port), WORKER__SLOT=slot) for port, slot in zip(ports, "ab", strict=True))
    other = replace(run, name="down")
    with under_load(run, rate) as load, running(first, run):
        with running(second, other):
            for port in ports:
                _ready(port)
            time.sleep(SETTLE_S)
            began = time.time()
        time.sleep(15 + AFTER_S)  # past the session time-out of 10 s
        return _silence("scale-down from two workers to one", load, run, rate, began)


@contextmanager
def under_load(run: Run, rate: int) -> Iterator[Load]:
    make_topics(run, "events")
    with own_topics(run):
        load = Load(run.bench.servers, run.source, rate)
        load.start()
        try:
            yield load
        finally:
            load.stop()


def _silence(change: str, load: Load, run: Run, rate: int, began: float) -> Silence:
    sent = load.stop()
    output, deadline = run.topics.name("predictions"), time.monotonic() + READY_S
    while True:
        found = [
            (record.partition, record.timestamp / 1000, msgspec.json.decode(record.value or b"", type=Prediction).id)
            for record in read_topic({"bootstrap.servers": run.bench.servers, "log_level": 2}, output)
        ]
        if len(found) >= sent or time.monotonic() > deadline:
            break
        time.sleep(1)
    ids = {each for _, _, each in found}
    gaps = []
    for partition in range(workload.PARTITIONS):
        moments = sorted(at for own, at, _ in found if own == partition)
        gaps += [(after, after - before) for before, after in pairwise(moments)]
    settled = began - SETTLE_S / 2
    before_s = max((gap for at, gap in gaps if settled < at <= began), default=0.0)
    longest_s = max((gap for at, gap in gaps if at > began), default=0.0)
    return Silence(change, rate, sent, sent - len(ids), len(found) - len(ids), before_s, longest_s)


def _status(port: int) -> list[dict[str, int]]:
    with urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
        found: list[dict[str, int]] = msgspec.json.decode(answer.read())["workers"]
    return found


def _ready(port: int, restarted: int | None = None) -> None:
    """Wait until all are ready, and this one was started again. Raises TimeoutError."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                if restarted is None or _status(port)[restarted]["ends"]:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"not ready after {READY_S:g} s")


def _rates(bench: Bench, events: int, slow_events: int) -> list[Rate]:
    for model, count in (("linear", events), ("slow", slow_events)):
        make_topics(Run(bench, model, f"{model}.events", count), "events")
        workload.fill(bench.servers, f"{model}.events", count)
    slow = bench.folder / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text(SLOW)
    path = os.pathsep.join([str(slow), str(Path.cwd())])
    waiting = {"PYTHONPATH": path, "WORKER__MAX_BATCH_RECORDS": SLOW_BATCH}
    return [
        *(drained(bench, "linear", workers, events, {}) for workers in (1, 2)),
        *(drained(bench, "slow", workers, slow_events, waiting) for workers in (1, 2)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure: %(default)s")
    parser.add_argument("--events", type=int, default=1_200_000, help="of a drained topic (%(default)s)")
    parser.add_argument("--slow-events", type=int, default=400_000, help="the same, of the slow model (%(default)s)")
    parser.add_argument("--rate", type=int, default=2_000, help="events/s under which workers change (%(default)s)")
    parser.add_argument("--json", type=Path, help="write everything here")
    options = parser.parse_args()
    with KafkaCluster(1, cache=Path(".kafka")) as kafka, tempfile.TemporaryDirectory() as folder:
        bench = Bench(kafka.bootstrap_servers, Path(folder), Path(folder) / "registry")
        workload.publish_model(bench.registry)
        parts = options.parts.split(",")
        rates = _rates(bench, options.events, options.slow_events) if "rates" in parts else []
        print(rate_table(rates), flush=True)
        silences = [change(bench, options.rate) for change in (rolling_restart, scale_down) if "changes" in parts]
        print(silence_table(silences), flush=True)
    if options.json:
        report = {"workload": workload.NAME, "machine": machine(), "rates": rates, "silences": silences}
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def rate_table(rates: list[Rate]) -> Table:
    single = {each.model: each.events_per_second for each in rates if each.workers == 1}
    rows = [
        [
            each.model, str(each.workers), f"{each.events_per_second:,.0f}", f"{each.seconds:.1f}",
            f"{each.events_per_second / single[each.model]:.2f}",
        ]
        for each in rates
    ]  # fmt: skip
    return Table(["model", "workers", "events/s", "drained in s", "ratio"], rows, [])


def silence_table(silences: list[Silence]) -> Table:
    rows = [
        [
            each.change, f"{each.rate:,}", f"{each.events:,}", str(each.missing), str(each.doubled),
            f"{each.before_s:.2f}", f"{each.longest_s:.2f}",
        ]
        for each in silences
    ]  # fmt: skip
    columns = ["change", "events/s", "events", "missing", "doubled", "longest silence before", "from it on"]
    return Table(columns, rows, [])


if __name__ == "__main__":
    main()
