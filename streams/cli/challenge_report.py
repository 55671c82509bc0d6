"""What `weir model compare` reads and tells."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import msgspec
import typer

from drift.comparison import Comparison
from drift.conduct import score_distance
from streams.cli.options import ExitCode
from streams.cli.output import print_json, say
from streams.control_records import decode_served, model_setting
from streams.decide.comparing import verdict_words
from streams.decide.drift_state import load_drift
from streams.kafka.client import ClientConfig, client_config
from streams.kafka.proposals import Proposals
from streams.kafka.reading import read_topic
from streams.kafka.snapshots import collect
from streams.serving_commands import ServedVersions
from streams.settings import Settings


def compare(name: str, settings: Settings, *, as_json: bool) -> None:
    """The challenge that stands, or the last one. Exits with 1 where there was none."""
    config = client_config(settings.kafka)
    with Proposals(config, settings.topics.name("control")) as control:
        accepted = control.accepted(model_setting(name))
    served = decode_served(accepted) if accepted else None
    comparison = _comparison(config, settings.topics.name("state"), name)
    standing = served.challenger if served else None
    if standing is not None and comparison is not None and comparison.contest.challenge.since != standing.since:
        comparison = None  # of the challenge before; a snapshot of this one comes within seconds
    if standing is None and comparison is None:
        say(f"no version challenges {name}, nor did one; `weir model shadow` lets one")
        raise typer.Exit(ExitCode.FAILED)
    report = report_of(name, served, comparison)
    if as_json:
        print_json(report)
        return
    for line in words_of(report, comparison):
        typer.echo(line)


def report_of(name: str, served: ServedVersions | None, comparison: Comparison | None) -> dict[str, Any]:
    """JSON-ready."""
    return {"model": name, **_challenge(served), "comparison": comparison and _figures(comparison)}


def _figures(comparison: Comparison) -> dict[str, Any]:
    """E-values as decimal logarithms: they outgrow what a float holds; None stands for nothing at all."""
    challenge, judged = comparison.contest.challenge, comparison.judgement()
    return {
        "champion": comparison.contest.champion,
        "challenger": challenge.version,
        "pairs": comparison.counts.total,
        "better": comparison.counts.better,
        "worse": comparison.counts.worse,
        "equal": comparison.counts.equal,
        "log10_e_better": _log10(judged.evidence.better),
        "log10_e_worse": _log10(judged.evidence.worse),
        "wins": judged.wins,
        "error": challenge.error,
        "least_pairs": challenge.pairs,
        "verdict": comparison.decided,
        "missed": comparison.conduct.missed if comparison.conduct else None,
        "score_distance": round(score_distance(comparison.conduct), 4) if comparison.conduct else None,
        "out_of_band": comparison.out_of_band or None,
        "ended": comparison.ended,
        "first": _time(comparison.first),
        "last": _time(comparison.last),
    }


def _challenge(served: ServedVersions | None) -> dict[str, Any]:
    challenger = served.challenger if served else None
    return {
        "active": served.active if served else None,
        "challenger": msgspec.structs.asdict(challenger) if challenger else None,
    }


def _comparison(config: ClientConfig, state_topic: str, name: str) -> Comparison | None:
    """From the newest snapshot of the drift role."""
    entry = f"/{name}//pairs:comparison".encode()
    records: dict[int, list[tuple[bytes, bytes | None]]] = defaultdict(list)
    holding: set[int] = set()
    for record in read_topic(config, state_topic):
        parts = (record.key or b"").split(b"/", 2)
        if len(parts) > 1 and parts[0] == b"drift" and parts[1].isdigit():
            records[int(parts[1])].append((record.key or b"", record.value))
            if (record.key or b"").endswith(entry):
                holding.add(int(parts[1]))
    for partition in sorted(holding):
        snapshot = collect("drift", partition, records[partition])
        found = load_drift({}, snapshot.entries).comparisons.get(name) if snapshot else None
        if found is not None:
            return found
    return None


def words_of(report: dict[str, Any], comparison: Comparison | None) -> list[str]:
    """The same for people, a line each."""
    challenger = report["challenger"]
    lines = []
    if challenger is None:
        lines.append(f"no version challenges {report['active']} now")
    else:
        share = challenger["share"]
        what = f"a canary that answers {share:.1%} of the keys" if share else "a shadow"
        lines.append(f"{challenger['version']} challenges {report['active']}: {what}, policy {challenger['policy']}")
    if comparison is None:
        return [*lines, "  no labelled pair was counted yet"]
    told = report["comparison"]
    if comparison.conduct is not None:
        conduct = comparison.conduct
        lines.append(
            f"  missed {conduct.missed} of {conduct.answered + conduct.missed} rows that it was asked about, "
            f"in {conduct.batches} batches"
        )
    if not told["pairs"]:
        return [*lines, "  no labelled pair was counted yet", *_decided(comparison)]
    lines += [
        f"  {told['pairs']} labelled pairs, from {told['first']} to {told['last']}",
        f"  better in {told['better']}, worse in {told['worse']}, neither in {told['equal']}",
        f"  wins {told['wins'][0]:.1%} to {told['wins'][1]:.1%} of the pairs with a winner (error {told['error']:g})",
        f"  e-value that it is better 10^{_number(told['log10_e_better'])}, worse 10^{_number(told['log10_e_worse'])}",
        f"  verdict: {told['verdict']}" + " (the challenge has ended)" * told["ended"],
    ]
    return [*lines, *_decided(comparison)]


def _decided(comparison: Comparison) -> list[str]:
    return [f"  {verdict_words(comparison)}"] if comparison.by is not None or comparison.out_of_band else []


def _number(log10: float | None) -> str:
    return "-inf" if log10 is None else f"{log10:.1f}"


def _log10(nats: float) -> float | None:
    return round(nats / math.log(10), 3) if math.isfinite(nats) else None


def _time(ms: int | None) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
