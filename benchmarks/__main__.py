"""The benchmark: `make bench`, or `.venv/bin/python -m benchmarks [--json FILE] …`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks import latency, throughput, workload
from benchmarks.machine import machine
from benchmarks.sides import PEER, SIDES, Bench, Run, make_topics
from streams.demo.kraft import KafkaCluster

PARTS = ("throughput", "latency")
LATENCY_SIDES = ("exactly_once", "at_least_once", "hand_written")


def main() -> None:
    options = _options()
    report: dict[str, object] = {"workload": workload.NAME, "machine": machine()}
    with KafkaCluster(1, cache=Path(".kafka")) as kafka, tempfile.TemporaryDirectory() as folder:
        bench = Bench(kafka.bootstrap_servers, Path(folder), Path(folder) / "registry", options.peer)
        workload.publish_model(bench.registry)
        if "throughput" in options.parts:
            report |= _throughput(bench, options)
        if "latency" in options.parts:
            sides = [side for side in options.sides if side in LATENCY_SIDES]
            measured = latency.latencies(bench, sides, options.rates, options.seconds)
            report["latency"] = measured
            print(f"\nlatency, {workload.NAME}\n{latency.table(measured, options.seconds)}", flush=True)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _throughput(bench: Bench, options: argparse.Namespace) -> dict[str, object]:
    servers, sources = bench.servers, {SIDES[side].source for side in options.sides}
    names = [("events", workload.as_event), ("peer", workload.as_peer_event)]
    size = 0
    for topic, render in names:
        if topic in sources:
            for name in (topic, *(["peer.out"] if topic == "peer" else [])):
                make_topics(Run(bench, name, name, options.events), "events")
            size = workload.fill(servers, topic, options.events, render)
            print(f"{topic}: {options.events:,} events of {size} bytes", file=sys.stderr, flush=True)
    result = throughput.throughput(bench, options.sides, {name: name for name in sources}, options.events, options.runs)
    print(f"\nthroughput, {workload.NAME}\n{throughput.table(result)}", flush=True)
    return {"throughput": result}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure: %(default)s")
    parser.add_argument("--sides", help=f"some of {', '.join(SIDES)}; all by default, {PEER} with --peer only")
    parser.add_argument("--events", type=int, default=1_200_000, help="events of one run (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="turns (%(default)s)")
    parser.add_argument("--peer", type=Path, help="a peer's script, run in the same turns as a check of the baseline")
    parser.add_argument("--rates", default="1000,5000", help="events/s of the latency part (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each latency (%(default)s)")
    parser.add_argument("--json", type=Path, help="write everything here")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    options.rates = [int(rate) for rate in options.rates.split(",")]
    known = [side for side in SIDES if side != PEER or options.peer]
    options.sides = options.sides.split(",") if options.sides else known
    if unknown := set(options.sides) - set(known) | set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    main()
