"""k8s/ against the API's schemas, the restricted pod security profile, and Weir's own commands and settings."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from streams.settings import load_settings
from tests.contract.deployment import IMAGE, ROOT, is_command, unknown_variables

FOLDER = ROOT / "k8s"
EXAMPLES = sorted(str(path.relative_to(FOLDER)) for path in (FOLDER / "examples").iterdir())
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for resource in [*KUSTOMIZATION["resources"], *EXAMPLES]
    for manifest in yaml.safe_load_all((FOLDER / resource).read_text())
]
NAMES = [f"{manifest['kind']}/{manifest['metadata']['name']}" for manifest in MANIFESTS]
WORKLOADS = [manifest for manifest in MANIFESTS if manifest["kind"] in {"StatefulSet", "Job", "CronJob"}]
WORKERS = [manifest for manifest in WORKLOADS if manifest["kind"] == "StatefulSet"]
SETTINGS = load_settings(FOLDER / "pipeline.toml", environ={})

per_workload = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda manifest: manifest["metadata"]["name"])
per_worker = pytest.mark.parametrize("worker", WORKERS, ids=lambda manifest: manifest["metadata"]["name"])


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    own = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    spec: dict[str, Any] = own["template"]["spec"]
    return spec


def container(workload: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod(workload)["containers"]
    assert isinstance(only, dict)
    return only


def companion(worker: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [
        manifest
        for manifest in MANIFESTS
        if manifest["kind"] == kind and manifest["metadata"]["name"] == worker["metadata"]["name"]
    ]
    return found


def restricted_breaches(spec: dict[str, Any]) -> Iterator[str]:
    """What the profile `restricted` of the Pod Security Standards refuses in a pod."""
    for flag in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(flag):
            yield flag
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    yield from (f"volume {volume['name']}" for volume in spec.get("volumes", []) if not allowed & volume.keys())
    whole = spec.get("securityContext", {})
    for each in [*spec["containers"], *spec.get("initContainers", [])]:
        own = each.get("securityContext", {})
        effective = {**whole, **own}
        if effective.get("runAsNonRoot") is not True:
            yield "runAsNonRoot"
        if effective.get("runAsUser") == 0:
            yield "runAsUser"
        if effective.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
            yield "seccompProfile"
        if own.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        if own.get("privileged"):
            yield "privileged"
        capabilities = own.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield "capabilities"
        if any("hostPort" in port for port in each.get("ports", [])):
            yield "hostPort"


@pytest.mark.parametrize("manifest", MANIFESTS, ids=NAMES)
def test_the_api_knows_every_field(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_a_field_that_the_api_does_not_know_would_be_noticed() -> None:
    wrong = copy.deepcopy(WORKERS[0])
    pod(wrong)["terminationGracePeriod"] = 20
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_the_kustomization_names_every_file_and_only_files_that_exist() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.is_file()} - {"kustomization.yaml"}
    generated = {name for source in KUSTOMIZATION["configMapGenerator"] for name in source["files"]}
    assert files == {*KUSTOMIZATION["resources"], *generated}
    (image,) = KUSTOMIZATION["images"]
    assert f"{image['newName']}:{image['newTag']}" == IMAGE
    assert {container(workload)["image"] for workload in WORKLOADS} == {image["name"]}
    assert len(set(NAMES)) == len(NAMES)


def test_the_namespace_enforces_what_the_pods_keep() -> None:
    (namespace,) = [manifest for manifest in MANIFESTS if manifest["kind"] == "Namespace"]
    assert namespace["metadata"]["name"] == KUSTOMIZATION["namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@per_workload
def test_pods_keep_the_restricted_profile(workload: dict[str, Any]) -> None:
    assert list(restricted_breaches(pod(workload))) == []


@pytest.mark.parametrize(
    ("breach", "change"),
    [
        ("runAsNonRoot", lambda spec: spec["securityContext"].pop("runAsNonRoot")),
        ("seccompProfile", lambda spec: spec["securityContext"].pop("seccompProfile")),
        ("capabilities", lambda spec: spec["containers"][0]["securityContext"].pop("capabilities")),
        ("allowPrivilegeEscalation", lambda spec: spec["containers"][0].pop("securityContext")),
        ("volume host", lambda spec: spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}})),
    ],
)
def test_a_breach_of_the_profile_would_be_noticed(breach: str, change: Any) -> None:
    spec = copy.deepcopy(pod(WORKERS[0]))
    change(spec)
    assert breach in list(restricted_breaches(spec))


@per_workload
def test_pods_have_no_token_no_writable_root_and_a_bound_on_memory(workload: dict[str, Any]) -> None:
    assert pod(workload)["automountServiceAccountToken"] is False
    assert pod(workload)["enableServiceLinks"] is False
    only = container(workload)
    assert only["securityContext"]["readOnlyRootFilesystem"] is True
    assert only["resources"]["limits"]["memory"]
    assert only["resources"]["requests"].keys() == {"cpu", "memory"}


@per_workload
def test_commands_settings_and_mounts_fit_together(workload: dict[str, Any]) -> None:
    only = container(workload)
    assert is_command(only["command"])
    variables = {variable["name"]: variable for variable in only["env"]}
    assert unknown_variables(list(variables)) == []
    mounts = {mount["mountPath"]: mount["name"] for mount in only["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
    assert set(mounts.values()) == set(volumes)
    config = Path(variables["WEIR_CONFIG"]["value"])
    (generated,) = KUSTOMIZATION["configMapGenerator"]
    assert config.name in generated["files"]
    assert volumes[mounts[str(config.parent)]]["configMap"]["name"] == generated["name"]


@per_worker
def test_a_pod_s_name_is_its_slot_and_its_state_is_a_cache(worker: dict[str, Any]) -> None:
    only = container(worker)
    (slot,) = [variable for variable in only["env"] if variable["name"] == "WEIR_WORKER__SLOT"]
    assert slot["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    mounts = {mount["mountPath"]: mount["name"] for mount in only["volumeMounts"]}
    state = mounts[str(SETTINGS.worker.state_dir)]
    assert "emptyDir" in next(volume for volume in pod(worker)["volumes"] if volume["name"] == state)


@per_worker
def test_probes_ask_the_admin_web_where_it_listens(worker: dict[str, Any]) -> None:
    only = container(worker)
    (port,) = only["ports"]
    assert port["containerPort"] == SETTINGS.admin.port
    assert SETTINGS.admin.host == "0.0.0.0"
    asked = {probe: only[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert [each["path"] for each in asked.values()] == ["/startupz", "/livez", "/readyz"]
    assert {each["port"] for each in asked.values()} == {port["name"]}
    assert {only[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        port["name"]
    }


@per_worker
def test_a_worker_may_finish_what_it_has_in_hand_and_come_back(worker: dict[str, Any]) -> None:
    assert pod(worker)["terminationGracePeriodSeconds"] > 10
    assert SETTINGS.kafka.session_timeout_ms == 45_000


@per_worker
def test_service_and_disruption_budget_mean_these_pods(worker: dict[str, Any]) -> None:
    labels = worker["spec"]["template"]["metadata"]["labels"]
    assert worker["spec"]["selector"]["matchLabels"].items() <= labels.items()
    service = companion(worker, "Service")
    assert service["spec"]["clusterIP"] == "None"
    assert worker["spec"]["serviceName"] == service["metadata"]["name"]
    assert service["spec"]["selector"].items() <= labels.items()
    budget = companion(worker, "PodDisruptionBudget")
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert budget["spec"]["maxUnavailable"] == 1


def test_a_schedule_runs_one_at_a_time_reads_models_and_keys_only_and_ends() -> None:
    (scheduled,) = [manifest for manifest in WORKLOADS if manifest["kind"] == "CronJob"]
    assert scheduled["spec"]["concurrencyPolicy"] == "Forbid"
    assert scheduled["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
    only = container(scheduled)
    read_only = {mount["mountPath"] for mount in only["volumeMounts"] if mount.get("readOnly")}
    assert {str(SETTINGS.model.registry), "/etc/weir-keys"} <= read_only
    # What is secret comes by reference: no variable holds it.
    assert all("value" in each and "password" not in each["name"].lower() for each in only["env"])
    (keys,) = [volume for volume in pod(scheduled)["volumes"] if "secret" in volume]
    (variable,) = [each["value"] for each in only["env"] if each["name"] == "WEIR_MODEL__TRUSTED_KEYS"]
    assert {mount["mountPath"] for mount in only["volumeMounts"] if mount["name"] == keys["name"]} == {
        str(Path(variable).parent)
    }
