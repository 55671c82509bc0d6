"""A run without a real Kafka says loudly what it left out, and fails where Kafka is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ONE_WITH_KAFKA = "tests/kafka/test_broker.py::test_each_test_has_topics_of_its_own"
ONE_WITHOUT = "tests/contract/test_local_brokers.py::test_ports_are_free_and_differ"


def run_without_java(nothing: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in {"JAVA_HOME", "WEIR_REQUIRE_KAFKA"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", ONE_WITH_KAFKA, ONE_WITHOUT],
        cwd=ROOT,
        env={**environment, "PATH": str(nothing), **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_what_was_left_out_is_said_at_the_end_with_the_line_that_installs_it(tmp_path: Path) -> None:
    done = run_without_java(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
    end = done.stdout[done.stdout.index("suites left out") :]
    assert "tests/kafka/test_broker.py" in end
    assert "apt-get install" in end


def test_where_kafka_is_required_its_absence_fails_the_run(tmp_path: Path) -> None:
    done = run_without_java(tmp_path, WEIR_REQUIRE_KAFKA="1")
    assert done.returncode == 4
    assert "WEIR_REQUIRE_KAFKA" in done.stdout + done.stderr
    assert "passed" not in done.stdout
