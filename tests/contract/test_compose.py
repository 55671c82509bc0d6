"""docker-compose.yml against the Compose Specification, Weir's own commands and settings, and a real Kafka's rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from streams.demo.kafka_jars import find_jars, find_java
from streams.demo.kraft import KafkaCluster
from streams.settings import load_settings
from tests.conftest import CACHE
from tests.contract.deployment import IMAGE, ROOT, is_command, unknown_variables

FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("weir"))
WORKERS = ["drift", "labels", "predict"]


def follows_the_specification(file: Path) -> bool:
    command = [
        str(Path(sys.executable).parent / "check-jsonschema"),
        "--builtin-schema",
        "vendor.compose-spec",
        str(file),
    ]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_it_follows_the_compose_specification(tmp_path: Path) -> None:
    assert follows_the_specification(FILE)
    broken = tmp_path / "broken.yml"
    broken.write_text(FILE.read_text().replace("healthcheck:", "health_check:"))
    assert not follows_the_specification(broken)


def test_kafka_topics_and_all_workers_are_there() -> None:
    assert set(SERVICES) == {"kafka", "topics", *WORKERS}
    assert {SERVICES[name]["image"] for name in OURS} == {IMAGE}


@pytest.mark.parametrize("name", OURS)
def test_commands_and_variables_are_ones_that_weir_has(name: str) -> None:
    service = SERVICES[name]
    assert is_command(service["command"])
    assert unknown_variables(list(service["environment"])) == []
    load_settings(environ={key: str(value) for key, value in service["environment"].items()})


def test_a_command_or_variable_that_weir_lacks_would_be_noticed() -> None:
    assert not is_command(["weir", "no-such-command"])
    assert not is_command(["weir", "worker", "--no-such-option"])
    assert unknown_variables(["WEIR_KAFKA__BOOTSTRAP", "WEIR_CONFIG", "PATH"]) == ["WEIR_KAFKA__BOOTSTRAP"]


def test_what_is_waited_for_can_happen() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            else:
                assert wanted["condition"] == "service_completed_successfully"
                assert SERVICES[name].get("restart", "no") == "no"


def test_each_worker_has_a_slot_of_its_own_and_nothing_to_write_but_its_state() -> None:
    slots = [SERVICES[name]["environment"]["WEIR_WORKER__SLOT"] for name in WORKERS]
    assert len(set(slots)) == len(WORKERS)
    for name in WORKERS:
        service = SERVICES[name]
        assert service["read_only"]
        assert service["environment"]["WEIR_WORKER__STATE_DIR"] in service["tmpfs"]
        assert all(volume.endswith(":ro") for volume in service["volumes"])
        assert service["environment"]["WEIR_MODEL__REGISTRY"] in service["volumes"][0]


def test_workers_reach_kafka_under_a_name_that_it_advertises() -> None:
    advertised = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    for name in OURS:
        assert f"//{SERVICES[name]['environment']['WEIR_KAFKA__BOOTSTRAP_SERVERS']}" in advertised
    host = load_settings(environ={}).kafka.bootstrap_servers
    assert f"//{host}" in advertised
    assert SERVICES["kafka"]["ports"] == [f"{host}:9092"]


def test_it_is_the_kafka_of_the_tests() -> None:
    pom = ET.parse(ROOT / "streams/demo/kafka-pom.xml")
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    versions = {
        dependency.findtext("m:artifactId", namespaces=space): dependency.findtext("m:version", namespaces=space)
        for dependency in pom.findall("m:dependencies/m:dependency", space)
    }
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{versions['kafka_2.13']}"


def test_kafka_accepts_its_settings(kafka: KafkaCluster, tmp_path: Path) -> None:
    del kafka  # only says that a real Kafka can run here
    environment = SERVICES["kafka"]["environment"]
    # As the image does it: KAFKA_LOG_DIRS becomes log.dirs.
    settings = {
        key.removeprefix("KAFKA_").lower().replace("_", "."): value
        for key, value in environment.items()
        if key.startswith("KAFKA_")
    }
    settings["log.dirs"] = tmp_path / "data"
    file = tmp_path / "server.properties"

    def format_storage() -> subprocess.CompletedProcess[str]:
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={environment['CLUSTER_ID']}", f"--config={file}"]
        command = [str(find_java()), "-cp", f"{find_jars(CACHE)}/*", *tool]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    done = format_storage()
    assert done.returncode == 0, done.stdout + done.stderr
    settings["inter.broker.listener.name"] = "NO_SUCH_LISTENER"
    assert format_storage().returncode != 0
