"""The same rows through Kafka, HTTP and files: the same answers, bit for bit where the manifest says so, and the same
reasons. What a door has no words for is declared in `tests.kafka.parity.said.NO_WORDS`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from models.manifest import Manifest, Parity
from models.runtime_sklearn import TOLERANCE
from streams.cli.main import app
from streams.contracts import Reason
from streams.demo.processes import free_ports
from tests.kafka.parity import files, records, requests
from tests.kafka.parity.cells import MUTANT, Row
from tests.kafka.parity.families import DEPTH, ID_LENGTH, VALUE_BYTES
from tests.kafka.parity.models import IN_TOLERANCE, READS_TIME, publish_models
from tests.kafka.parity.rows import rows
from tests.kafka.parity.said import FILES, NO_WORDS, NOT_OF_ROWS, Answer, Door, Refusal, has_time, shown_to
from tests.kafka.topics import Topics
from tests.kafka.worker_kit import Traffic, Worker, make_topics, until

ROWS, ROWS_LENIENT, SEED = 10_000, 1_000, 20_261
OF_THE_MODEL = {Reason.PREPROCESS, Reason.MODEL_ERROR, Reason.MODEL_OUTPUT}
Said = Mapping[tuple[str, int], Answer | Refusal]


class Served(NamedTuple):
    """A registry, and what it holds."""

    registry: Path
    manifests: list[Manifest]

    @property
    def names(self) -> list[str]:
        return [manifest.name for manifest in self.manifests]


class Told(NamedTuple):
    """What each door said; `worker` is over and done with. `by_features`: of rows by a model, over HTTP where the
    features come without an event: predictions and scores as tensors, and a result or two by position."""

    by_kafka: Said
    by_http: Said
    by_features: Mapping[str, tuple[list[tuple[Any, float | None]], list[Any]]]
    worker: Worker
    metrics: str
    status_of_nobody: int


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """All models."""
    registry = tmp_path_factory.mktemp("parity") / "registry"
    manifests = publish_models(registry)
    assert {each.name for each in manifests if each.parity is Parity.TOLERANCE} == {IN_TOLERANCE}
    return Served(registry, manifests)


@pytest.mark.timeout(300)
def test_all_doors_say_the_same_of_the_same_rows(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: Served
) -> None:
    monkeypatch.chdir(tmp_path)
    given = rows(ROWS, SEED, strict=True)
    told = told_of(given, served, topics, tmp_path, strict=True)

    assert_same(given, served, told, tmp_path)
    # The rows are what they are meant to be: no reason, rung or exception is there by name only.
    reached = {Reason(each.reason) for each in told.by_kafka.values() if isinstance(each, Refusal)}
    assert reached == set(Reason) - NOT_OF_ROWS.keys()
    assert {each.served_by for each in told.by_kafka.values() if isinstance(each, Answer)} == {"model", "rule"}
    unused = [each.why for each in NO_WORDS if not any(each.of(row, name) for row in given for name in served.names)]
    assert not unused

    # What is about no row.
    asked = ["predict", str(tmp_path / "forest.jsonl"), str(tmp_path / "nobody.jsonl"), "--model", "nobody"]
    assert told.status_of_nobody == 404
    assert CliRunner().invoke(app, asked, env=told.worker.environment).exit_code == 1
    for name in served.names:
        assert f'weir_tombstones_total{{model="{name}"}} 1.0' in told.metrics


@pytest.mark.timeout(300)
def test_all_doors_say_the_same_where_unknown_features_and_repeated_keys_are_let_in(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: Served
) -> None:
    monkeypatch.chdir(tmp_path)
    given = rows(ROWS_LENIENT, SEED + 1, strict=False)
    assert_same(given, served, told_of(given, served, topics, tmp_path, strict=False), tmp_path)


def told_of(given: Sequence[Row], served: Served, topics: Topics, folder: Path, *, strict: bool) -> Told:
    """What a worker says of the rows, on Kafka and over HTTP at the same time."""
    make_topics(topics)
    records.send(topics, given)
    port, traffic = free_ports(1)[0], Traffic(topics)
    worker = Worker(
        topics,
        served.registry,
        folder / "worker",
        {"bootstrap_servers": topics.bootstrap_servers},
        roles="predict,http",
        WEIR_HTTP__PORT=str(port),
        WEIR_MODEL__NAME=served.names[0],
        WEIR_MODEL__ALSO=",".join(served.names[1:]),
        WEIR_MODEL__UNKNOWN_FEATURES="reject" if strict else "ignore",
        WEIR_LIMITS__STRICT_JSON=str(strict).lower(),
        WEIR_LIMITS__VALUE_BYTES=str(VALUE_BYTES),
        WEIR_LIMITS__DEPTH=str(DEPTH),
        WEIR_LIMITS__ID_LENGTH=str(ID_LENGTH),
    )
    due = len(given) * len(served.names) + 1  # and what was for nobody
    with worker:
        until(worker.is_ready, worker, "it is ready")
        url, good = f"http://127.0.0.1:{port}", good_ones(given)
        by_http = requests.ask(url, given, served.names, SEED)
        by_features = {
            name: (requests.infer(url, good, name), [requests.by_position(url, row, name) for row in good[:10]])
            for name in served.names
            if name != READS_TIME
        }
        nobody = requests.status_of(url, given[0], "nobody")
        until(lambda: records.count(traffic) >= due, worker, "Kafka has all answers")
        metrics = worker.ask("/metrics")[1]
    by_kafka = records.published(traffic)
    refused = by_kafka.pop((records.NO_MODEL, records.NOBODY))  # by the name that it asked for
    assert isinstance(refused, Refusal) and refused.reason == Reason.NO_MODEL
    assert by_kafka.keys() == {(name, row.number) for name in served.names for row in given}
    assert {number for _, number in by_http} == {row.number for row in given}
    return Told(by_kafka, by_http, by_features, worker, metrics, nobody)


def good_ones(given: Sequence[Row]) -> list[Row]:
    """Rows that every model answers, as many as a request may bring."""
    return [row for row in given if row.family == "good"][:1_000]


def assert_same(given: Sequence[Row], served: Served, told: Told, folder: Path) -> None:
    for manifest in served.manifests:
        assert_families_hold(given, manifest, told.by_kafka)
        http = [row for row in shown_to(Door.HTTP, given, manifest.name) if (manifest.name, row.number) in told.by_http]
        assert_alike(Door.HTTP, http, manifest, told.by_kafka, told.by_http)
        for door in FILES:
            shown = shown_to(door, given, manifest.name)
            said = files.predict(door, shown, manifest.name, folder, told.worker.environment)
            assert_alike(door, shown, manifest, told.by_kafka, said)
    good = good_ones(given)
    for name, (tensors, results) in told.by_features.items():
        due = [told.by_kafka[name, row.number] for row in good]
        if name != IN_TOLERANCE:
            assert tensors == [(each.prediction, each.score) for each in due if isinstance(each, Answer)]
            assert results == [each.prediction for each in due[: len(results)] if isinstance(each, Answer)]


def assert_families_hold(given: Sequence[Row], manifest: Manifest, said: Said) -> None:
    """What is known of a row before a model is asked is what is said of it, whatever else the doors agree on."""
    for row in given:
        each = said[manifest.name, row.number]
        reason = Reason(each.reason) if isinstance(each, Refusal) else None
        if row.family != MUTANT and not (row.reason is None and reason in OF_THE_MODEL):
            assert reason == row.reason, (row, each)


def assert_alike(door: Door, shown: Sequence[Row], manifest: Manifest, by_kafka: Said, by_door: Said) -> None:
    differing, exact = [], manifest.parity is Parity.BITS
    for row in shown:
        due, found = by_kafka[manifest.name, row.number], by_door[manifest.name, row.number]
        if not alike(due, found, row, exact=exact):
            differing.append(f"{row.family}: {row.value[:300]!r}\n  kafka: {due}\n  {door}: {found}")
    assert not differing, f"{manifest.name}, {door}: {len(differing)} rows differ\n" + "\n".join(differing[:5])


def alike(due: Answer | Refusal, found: Answer | Refusal, row: Row, *, exact: bool) -> bool:
    """But for what a door does not tell, and what is its own clock's."""
    match due, found:
        case Refusal(), Refusal():
            untold = found.error is None or due.reason == Reason.TIME_AHEAD  # which tells by how much
            return due._replace(error=None) == found._replace(error=None) if untold else due == found
        case Answer(), Answer():
            if found.time is None or not has_time(row):
                due, found = due._replace(time=None), found._replace(time=None)
            if exact:
                return due == found and type(due.prediction) is type(found.prediction)
            near = math.isclose(due.prediction, found.prediction, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
            return near and due._replace(prediction=0) == found._replace(prediction=0)
    return False
