"""A run without a real Kafka, or Prometheus, says loudly what it left out, and fails where they are required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ONE_WITH_KAFKA = "tests/kafka/test_broker.py::test_each_test_has_topics_of_its_own"
ONE_WITH_PROMETHEUS = "tests/prometheus/test_rules.py::test_promtool_finds_no_fault"
ONE_WITHOUT = "tests/contract/test_local_brokers.py::test_ports_are_free_and_differ"


def run_without(nothing: Path, left_out: str, **variables: str) -> subprocess.CompletedProcess[str]:
    required = {"WEIR_REQUIRE_KAFKA", "WEIR_REQUIRE_PROMETHEUS"}
    environment = {key: value for key, value in os.environ.items() if key not in {"JAVA_HOME", *required}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", left_out, ONE_WITHOUT],
        cwd=ROOT,
        env={**environment, "PATH": str(nothing), **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("left_out", [ONE_WITH_KAFKA, ONE_WITH_PROMETHEUS])
def test_what_was_left_out_is_said_at_the_end_with_the_line_that_installs_it(tmp_path: Path, left_out: str) -> None:
    done = run_without(tmp_path, left_out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
    end = done.stdout[done.stdout.index("suites left out") :]
    assert left_out.partition("::")[0] in end
    assert "apt-get install" in end


@pytest.mark.parametrize(
    ("left_out", "required"),
    [(ONE_WITH_KAFKA, "WEIR_REQUIRE_KAFKA"), (ONE_WITH_PROMETHEUS, "WEIR_REQUIRE_PROMETHEUS")],
)
def test_where_it_is_required_its_absence_fails_the_run(tmp_path: Path, left_out: str, required: str) -> None:
    done = run_without(tmp_path, left_out, **{required: "1"})
    assert done.returncode == 4
    assert required in done.stdout + done.stderr
    assert "passed" not in done.stdout
