"""k8s/, each overlay rendered: the API's schemas, the restricted profile, and Weir's own commands and settings."""

from __future__ import annotations

import copy
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from streams.settings import load_settings
from tests.contract.custom_resources import breaches
from tests.contract.deployment import IMAGE, LEAVES_WITHIN_S, ROOT, USER, is_command, unknown_variables
from tests.contract.kustomize import render
from tests.contract.manifests import (
    POD_OWNERS,
    Manifest,
    container,
    environment,
    mounts,
    named,
    of_kind,
    one,
    pod,
    pod_template,
    restricted_breaches,
)
from tests.prometheus.promtool import Promtool

FOLDER = ROOT / "k8s"
OVERLAYS = ["base", *sorted(f"overlays/{path.name}" for path in (FOLDER / "overlays").iterdir())]
CUSTOM = ("keda.sh/", "monitoring.coreos.com/")
SETTINGS = load_settings(FOLDER / "base/pipeline.toml", environ={})
MARGIN_S = 2
"""Beyond what the code needs to leave."""

pytestmark = pytest.mark.usefixtures("kustomize")


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, kustomize: tuple[str, ...]) -> tuple[Manifest, ...]:
    """Of one overlay after the other."""
    return render(kustomize, FOLDER / request.param)


@pytest.fixture
def complete(kustomize: tuple[str, ...]) -> tuple[Manifest, ...]:
    """The overlay with everything."""
    return render(kustomize, FOLDER / "overlays/complete")


def workers(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    return of_kind(manifests, "StatefulSet", "Deployment")


def validate(manifest: Manifest) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_api_knows_every_field(manifests: tuple[Manifest, ...]) -> None:
    for manifest in manifests:
        if not manifest["apiVersion"].startswith(CUSTOM):
            validate(manifest)
    assert len(set(map(named, manifests))) == len(manifests)


def test_a_field_that_the_api_does_not_know_would_be_noticed(complete: tuple[Manifest, ...]) -> None:
    wrong = copy.deepcopy(one(complete, "StatefulSet/weir-predict"))
    pod(wrong)["terminationGracePeriod"] = 20
    with pytest.raises(kubernetes_validate.ValidationError):
        validate(wrong)


def test_the_operators_know_every_field_of_theirs(complete: tuple[Manifest, ...]) -> None:
    custom = [manifest for manifest in complete if manifest["apiVersion"].startswith(CUSTOM)]
    assert sorted(map(named, custom)) == [
        "PrometheusRule/weir",
        "ScaledObject/weir-predict",
        "ServiceMonitor/weir",
        "TriggerAuthentication/weir-kafka",
    ]
    assert {named(manifest): breaches(manifest) for manifest in custom} == {named(manifest): [] for manifest in custom}
    wrong = copy.deepcopy(one(complete, "ScaledObject/weir-predict"))
    wrong["spec"]["maxReplicas"] = 3
    wrong["spec"]["minReplicaCount"] = "many"
    assert sorted(line.partition(":")[0] for line in breaches(wrong)) == ["$.spec", "$.spec.minReplicaCount"]


def test_what_needs_an_operator_or_a_secret_is_in_no_base(kustomize: tuple[str, ...]) -> None:
    base = render(kustomize, FOLDER / "base")
    assert not any(manifest["apiVersion"].startswith(CUSTOM) for manifest in base)
    assert "secretKeyRef" not in str(base)
    assert not any("secret" in volume for workload in of_kind(base, *POD_OWNERS) for volume in pod(workload)["volumes"])


def test_no_secret_is_written_down(manifests: tuple[Manifest, ...]) -> None:
    assert of_kind(manifests, "Secret") == []
    for workload in of_kind(manifests, *POD_OWNERS):
        secret = {name for name in environment(workload) if re.search("PASSWORD|SECRET|TOKEN|_KEY$", name)}
        assert {name for name in secret if not name.endswith("_FILE")} == set()


def test_every_component_is_in_an_overlay_that_is_rendered_here() -> None:
    named_in = " ".join(path.read_text() for path in FOLDER.rglob("kustomization.yaml"))
    for component in (FOLDER / "components").iterdir():
        assert re.search(rf"/{component.name}\b", named_in), component.name


def test_every_file_is_used() -> None:
    for file in FOLDER.rglob("*.*"):
        if file.name != "kustomization.yaml":
            assert file.name in (file.parent / "kustomization.yaml").read_text(), file


def test_everything_is_in_the_namespace_which_enforces_what_the_pods_keep(manifests: tuple[Manifest, ...]) -> None:
    (namespace,) = of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    within = {manifest["metadata"].get("namespace") for manifest in manifests if manifest is not namespace}
    assert within == {namespace["metadata"]["name"]}


def test_pods_keep_the_restricted_profile(manifests: tuple[Manifest, ...]) -> None:
    for workload in of_kind(manifests, *POD_OWNERS):
        assert list(restricted_breaches(pod(workload))) == [], named(workload)
        assert pod(workload)["securityContext"]["runAsUser"] == USER


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
def test_a_breach_of_the_profile_would_be_noticed(breach: str, change: Any, complete: tuple[Manifest, ...]) -> None:
    spec = copy.deepcopy(pod(one(complete, "StatefulSet/weir-predict")))
    change(spec)
    assert breach in list(restricted_breaches(spec))


def test_pods_have_no_token_no_writable_root_and_a_bound_on_memory(manifests: tuple[Manifest, ...]) -> None:
    for workload in of_kind(manifests, *POD_OWNERS):
        assert pod(workload)["automountServiceAccountToken"] is False
        assert pod(workload)["enableServiceLinks"] is False
        only = container(workload)
        assert only["image"] == IMAGE
        assert only["securityContext"]["readOnlyRootFilesystem"] is True
        assert only["resources"]["limits"]["memory"]
        assert only["resources"]["requests"].keys() == {"cpu", "memory"}


def test_commands_settings_and_mounts_fit_together(manifests: tuple[Manifest, ...]) -> None:
    (generated,) = of_kind(manifests, "ConfigMap")
    for workload in of_kind(manifests, *POD_OWNERS):
        only, given = container(workload), environment(workload)
        assert is_command(only["command"]), only["command"]
        assert unknown_variables([variable["name"] for variable in only["env"]]) == []
        assert {mount["name"] for mount in only["volumeMounts"]} == {
            volume["name"] for volume in pod(workload)["volumes"]
        }
        config = Path(given["WEIR_CONFIG"])
        assert config.name in generated["data"]
        assert mounts(workload)[str(config.parent)]["configMap"]["name"] == generated["metadata"]["name"]
        for name, value in given.items():
            if value.startswith("/etc/weir-"):
                assert "secret" in mounts(workload)[str(Path(value).parent)], name


def test_the_settings_are_ones_that_weir_takes(manifests: tuple[Manifest, ...], tmp_path: Path) -> None:
    (generated,) = of_kind(manifests, "ConfigMap")
    file = tmp_path / "pipeline.toml"
    file.write_text(generated["data"]["pipeline.toml"])
    for name in ("password", "ca.pem"):
        (tmp_path / name).write_text("secret")
    for worker in workers(manifests):
        given = {name: value.replace("/etc/weir-kafka", str(tmp_path)) for name, value in environment(worker).items()}
        by_reference = {each["name"]: "weir" for each in container(worker)["env"] if "valueFrom" in each}
        settings = load_settings(file, environ={**given, **by_reference})
        assert settings.admin.host == "0.0.0.0"
        open_to_all = settings.admin.allow_anonymous
        assert open_to_all == settings.http.allow_anonymous
        if "http" in container(worker)["command"]:
            assert open_to_all or settings.http.identifies


def test_a_pod_s_name_is_its_slot_and_its_state_is_a_cache(manifests: tuple[Manifest, ...]) -> None:
    for worker in workers(manifests):
        (slot,) = [variable for variable in container(worker)["env"] if variable["name"] == "WEIR_WORKER__SLOT"]
        assert slot["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
        assert "emptyDir" in mounts(worker)[str(SETTINGS.worker.state_dir)]
        # Only a StatefulSet gives its pods the names of those that were there before.
        assert worker["kind"] == ("Deployment" if container(worker)["command"][-1] == "http" else "StatefulSet")
    assert SETTINGS.kafka.session_timeout_ms == 45_000


def test_probes_ask_the_admin_web_where_it_listens(manifests: tuple[Manifest, ...]) -> None:
    for worker in workers(manifests):
        only = container(worker)
        ports = {port["name"]: port["containerPort"] for port in only["ports"]}
        assert ports["admin"] == SETTINGS.admin.port
        asked = {probe: only[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert [each["path"] for each in asked.values()] == ["/startupz", "/livez", "/readyz"]
        assert {each["port"] for each in asked.values()} == {"admin"}
        if "http" in ports:
            assert ports["http"] == int(environment(worker)["WEIR_HTTP__PORT"])


def test_a_pod_is_not_killed_before_its_worker_has_left(manifests: tuple[Manifest, ...]) -> None:
    for worker in workers(manifests):
        before_s = container(worker).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        # What comes through a Service is sent for a while after the pod was told to go.
        assert (before_s > 0) == ("http" in container(worker)["command"])
        assert pod(worker)["terminationGracePeriodSeconds"] >= before_s + LEAVES_WITHIN_S + MARGIN_S


def test_services_budgets_and_spread_mean_these_pods(manifests: tuple[Manifest, ...]) -> None:
    for worker in workers(manifests):
        name, labels = worker["metadata"]["name"], pod_template(worker)["metadata"]["labels"]
        assert worker["spec"]["selector"]["matchLabels"].items() <= labels.items()
        budget = one(manifests, f"PodDisruptionBudget/{name}")
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert budget["spec"]["maxUnavailable"] == 1
        for spread in pod(worker)["topologySpreadConstraints"]:
            assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
            assert spread["matchLabelKeys"] == ["app.kubernetes.io/name"]
        services = [
            each for each in of_kind(manifests, "Service") if each["spec"]["selector"].items() <= labels.items()
        ]
        (admin,) = [each for each in services if each["spec"]["ports"][0]["name"] == "admin"]
        assert admin["spec"]["clusterIP"] == "None" and len(admin["spec"]["ports"]) == 1
        if worker["kind"] == "StatefulSet":
            assert services == [admin] and worker["spec"]["serviceName"] == admin["metadata"]["name"]
        ports = {port["name"] for port in container(worker)["ports"]}
        assert {port["targetPort"] for each in services for port in each["spec"]["ports"]} == ports


def test_only_who_is_named_reaches_a_port_and_every_pod_is_meant(manifests: tuple[Manifest, ...]) -> None:
    policy = one(manifests, "NetworkPolicy/weir")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    for workload in of_kind(manifests, *POD_OWNERS):
        labels = pod_template(workload)["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items(), named(workload)
    kafka_ports = {int(SETTINGS.kafka.bootstrap_servers.rpartition(":")[2])}
    allowed = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert kafka_ports <= allowed
    opened = [rule for each in of_kind(manifests, "NetworkPolicy") for rule in each["spec"].get("ingress", [])]
    listened = {port["containerPort"] for worker in workers(manifests) for port in container(worker)["ports"]}
    assert {port["port"] for rule in opened for port in rule["ports"]} == listened
    assert all(rule["from"] for rule in opened)


def partitions(manifests: tuple[Manifest, ...]) -> int:
    command = container(one(manifests, "Job/weir-topics"))["command"]
    return int(command[command.index("--partitions") + 1])


def test_predict_scales_on_its_own_lag_to_at_most_one_worker_a_partition(complete: tuple[Manifest, ...]) -> None:
    scaled = one(complete, "ScaledObject/weir-predict")
    (trigger,) = scaled["spec"]["triggers"]
    lag = trigger["metadata"]
    assert scaled["spec"]["scaleTargetRef"] == {"kind": "StatefulSet", "name": "weir-predict"}
    assert "replicas" not in one(complete, "StatefulSet/weir-predict")["spec"]
    assert lag["topic"] == SETTINGS.topics.name("events")
    assert lag["consumerGroup"] == f"{SETTINGS.kafka.group}-predict"
    assert lag["bootstrapServers"] == SETTINGS.kafka.bootstrap_servers
    assert 1 < scaled["spec"]["minReplicaCount"] < scaled["spec"]["maxReplicaCount"] <= partitions(complete)
    noted = scaled["metadata"]["annotations"]
    assert float(lag["lagThreshold"]) == float(noted["weir/records-per-second"]) * float(noted["weir/seconds"])
    # A marker a partition is what a transactional producer leaves unread.
    assert partitions(complete) < int(lag["activationLagThreshold"]) < int(lag["lagThreshold"])
    # One at a time, with its partitions silent no longer than until the next.
    (down,) = scaled["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["policies"]
    assert down["value"] == 1 and down["periodSeconds"] * 1000 > SETTINGS.kafka.session_timeout_ms


def test_keda_comes_to_kafka_as_the_workers_do(complete: tuple[Manifest, ...]) -> None:
    (trigger,) = one(complete, "ScaledObject/weir-predict")["spec"]["triggers"]
    given = environment(one(complete, "StatefulSet/weir-predict"))
    assert trigger["metadata"]["tls"] == "enable" and given["WEIR_KAFKA__SECURITY_PROTOCOL"] == "sasl_ssl"
    mechanism = given["WEIR_KAFKA__SASL_MECHANISM"].lower().replace("sha-", "sha").replace("-", "_")
    assert trigger["metadata"]["sasl"] == mechanism
    authentication = one(complete, f"TriggerAuthentication/{trigger['authenticationRef']['name']}")
    asked = {each["parameter"]: each["key"] for each in authentication["spec"]["secretTargetRef"]}
    files = [Path(given[f"WEIR_KAFKA__{name}"]).name for name in ("SASL_PASSWORD_FILE", "SSL_CA_LOCATION")]
    assert [asked["password"], asked["ca"]] == files


def test_http_scales_by_its_processor_time(complete: tuple[Manifest, ...]) -> None:
    scaler = one(complete, "HorizontalPodAutoscaler/weir-http")["spec"]
    target = one(complete, f"{scaler['scaleTargetRef']['kind']}/{scaler['scaleTargetRef']['name']}")
    assert "replicas" not in target["spec"]
    assert container(target)["resources"]["requests"]["cpu"] == "1"
    assert scaler["minReplicas"] >= 2


def test_every_worker_is_scraped_with_a_key_and_its_namespace_may(complete: tuple[Manifest, ...]) -> None:
    monitor = one(complete, "ServiceMonitor/weir")["spec"]
    services = of_kind(complete, "Service")
    wanted = monitor["selector"]["matchLabels"].items()
    (endpoint,) = monitor["endpoints"]
    scraped = [
        each["spec"]["selector"]
        for each in services
        if wanted <= each["metadata"]["labels"].items()
        and endpoint["port"] in {p["name"] for p in each["spec"]["ports"]}
    ]
    assert len(scraped) == len(workers(complete))
    assert endpoint["authorization"]["credentials"].keys() == {"name", "key"}
    assert all("WEIR_HTTP__KEYS_FILE" in environment(worker) for worker in workers(complete))
    assert all(monitor["jobLabel"] in each["metadata"]["labels"] for each in services)


def test_the_rules_are_those_of_a_plain_prometheus(complete: tuple[Manifest, ...]) -> None:
    source = runpy.run_path(str(ROOT / "deploy/prometheus/operator_rules.py"))
    assert source["COPY"].read_text() == source["text"](), "run `make rules`"
    rendered = one(complete, "PrometheusRule/weir")["spec"]
    assert rendered == yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text())


def test_promtool_finds_no_fault_in_the_rendered_rules(
    complete: tuple[Manifest, ...], promtool: Promtool, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(one(complete, "PrometheusRule/weir")["spec"]))
    assert promtool.check_rules(rules) == ""


def test_the_overlay_that_the_documents_show_can_be_put_together(kustomize: tuple[str, ...], tmp_path: Path) -> None:
    text = (ROOT / "docs/how-to/platform.md").read_text()
    (shown,) = re.findall(r"```yaml\n(resources:.*?)```", text, re.DOTALL)
    shutil.copytree(FOLDER, tmp_path / "k8s")
    mine = tmp_path / "k8s/overlays/mine"
    mine.mkdir()
    (mine / "kustomization.yaml").write_text(f"namespace: churn\n{shown}patches: [{{path: no-topics.yaml}}]\n")
    (mine / "no-topics.yaml").write_text(
        "$patch: delete\napiVersion: batch/v1\nkind: Job\nmetadata: {name: weir-topics, namespace: weir}\n"
    )
    (mine / "pipeline.toml").write_text('[kafka]\nbootstrap_servers = "elsewhere:9093"\n')
    manifests = render(kustomize, mine)
    images = {container(workload)["image"] for workload in of_kind(manifests, *POD_OWNERS)}
    assert images == {"images.example/weir-churn:17"}
    (settings,) = of_kind(manifests, "ConfigMap")
    assert "elsewhere" in settings["data"]["pipeline.toml"]
    assert of_kind(manifests, "Job") == []
    assert {manifest["metadata"].get("namespace", "churn") for manifest in manifests} == {"churn"}


def test_a_schedule_runs_one_at_a_time_reads_models_and_keys_only_and_ends(complete: tuple[Manifest, ...]) -> None:
    (scheduled,) = of_kind(complete, "CronJob")
    assert scheduled["spec"]["concurrencyPolicy"] == "Forbid"
    assert scheduled["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
    only = container(scheduled)
    read_only = {mount["mountPath"] for mount in only["volumeMounts"] if mount.get("readOnly")}
    assert {str(SETTINGS.model.registry), "/etc/weir-keys"} <= read_only
    keys = Path(environment(scheduled)["WEIR_MODEL__TRUSTED_KEYS"])
    assert "secret" in mounts(scheduled)[str(keys.parent)]
