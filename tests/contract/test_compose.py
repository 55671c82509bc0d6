"""docker-compose.yml against the Compose Specification, Weir's own commands and settings, and a real Kafka's rules."""

from __future__ import annotations

import re
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
from tests.contract.deployment import IMAGE, LEAVES_WITHIN_S, ROOT, is_command, unknown_variables
from tests.prometheus.promtool import Promtool

FILE = ROOT / "docker-compose.yml"
COMPOSE = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
VOLUMES: dict[str, Any] = COMPOSE["volumes"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("weir"))
WORKERS = ["drift", "http", "labels", "predict"]


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


def test_every_service_is_in_the_profile_that_says_so() -> None:
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    by_profile = {"http": ["http"], "producer": ["load"], "prometheus": ["watch"], "grafana": ["watch"]}
    assert {name: profiles[name] for name in profiles if profiles[name]} == by_profile
    assert profiles.keys() - by_profile.keys() == {"kafka", "topics", "predict", "labels", "drift"}
    for name, service in SERVICES.items():
        for needed in service.get("depends_on", {}):
            assert set(profiles[needed]) <= set(profiles[name]), f"{name} needs {needed}"
        for profile in service.get("profiles", []):
            assert f"--profile {profile} " in FILE.read_text()


def test_our_services_share_the_image_that_is_built_here_and_others_are_pinned() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {IMAGE}
    assert [name for name in OURS if "build" in SERVICES[name]] == ["topics"]
    for name in SERVICES.keys() - OURS:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])
        assert "healthcheck" in SERVICES[name]


def test_nothing_is_reached_from_other_machines() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    settings = {name: load_settings(environ=given(name)) for name in WORKERS}
    assert {SERVICES["http"]["ports"][0]} == {f"127.0.0.1:8080:{settings['http'].http.port}"}
    for name, each in settings.items():
        assert each.admin.port == 6066 and f":{each.admin.port}/readyz" in str(SERVICES[name]["healthcheck"]["test"])


def test_files_that_are_mounted_are_here_or_asked_for() -> None:
    asked_for = {"./registry", "${WEIR_ROWS"}
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert source in asked_for or (ROOT / source).exists(), f"{name}: {source}"
                assert volume.endswith(":ro")
            else:
                assert source in {*VOLUMES, *asked_for}


def test_prometheus_scrapes_every_worker_by_the_rules_that_are_mounted() -> None:
    config = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())
    ((job,), (pattern,)) = config["scrape_configs"], config["rule_files"]
    (found,) = job["dns_sd_configs"]
    assert sorted(found["names"]) == WORKERS
    assert found["port"] == load_settings(environ=given("predict")).admin.port
    mounted = dict(volume.split(":")[1::-1] for volume in SERVICES["prometheus"]["volumes"])
    assert list((ROOT / mounted[str(Path(pattern).parent)]).glob(Path(pattern).name))
    assert f"--config.file={'/etc/prometheus/prometheus.yml'}" in SERVICES["prometheus"]["command"]


def test_prometheus_takes_its_configuration(promtool: Promtool, tmp_path: Path) -> None:
    config = tmp_path / "prometheus.yml"
    text = (ROOT / "deploy/compose/prometheus.yml").read_text()
    config.write_text(text.replace("/etc/prometheus/rules", str(ROOT / "deploy/prometheus")))
    assert promtool.check_config(config) == ""
    config.write_text(text.replace("rule_files", "rules_files"))
    assert "rules_files" in promtool.check_config(config)


def test_grafana_reads_that_prometheus_and_the_dashboards_that_are_mounted() -> None:
    folder = ROOT / "deploy/compose/grafana"
    (source,) = yaml.safe_load((folder / "datasource.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards.yaml").read_text())["providers"]
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounted


def given(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in SERVICES[name]["environment"].items()}


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
                assert SERVICES[name]["healthcheck"].get("test")
            elif wanted["condition"] == "service_completed_successfully":
                assert SERVICES[name].get("restart", "no") == "no"
            else:
                assert wanted["condition"] == "service_started"


def test_each_worker_has_a_slot_of_its_own_and_nothing_to_write_but_its_state() -> None:
    slots = [SERVICES[name]["environment"]["WEIR_WORKER__SLOT"] for name in WORKERS]
    assert len(set(slots)) == len(WORKERS)
    for name in WORKERS:
        service = SERVICES[name]
        assert service["read_only"]
        assert int(service["stop_grace_period"].removesuffix("s")) > LEAVES_WITHIN_S
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
