"""What is in a rendered overlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

Manifest: TypeAlias = dict[str, Any]
POD_OWNERS = ("StatefulSet", "Deployment", "Job", "CronJob")


def named(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def of_kind(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def one(manifests: Iterable[Manifest], name: str) -> Manifest:
    """The one called ``Kind/name``."""
    (found,) = [manifest for manifest in manifests if named(manifest) == name]
    return found


def pod_template(workload: Manifest) -> Manifest:
    own = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    template: Manifest = own["template"]
    return template


def pod(workload: Manifest) -> Manifest:
    spec: Manifest = pod_template(workload)["spec"]
    return spec


def container(workload: Manifest) -> Manifest:
    (only,) = pod(workload)["containers"]
    assert isinstance(only, dict)
    return only


def environment(workload: Manifest) -> dict[str, str]:
    """Variables of its container that are given as they are."""
    return {each["name"]: each["value"] for each in container(workload)["env"] if "value" in each}


def mounts(workload: Manifest) -> dict[str, Manifest]:
    """The volume of each folder of its container."""
    volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
    return {mount["mountPath"]: volumes[mount["name"]] for mount in container(workload)["volumeMounts"]}


def restricted_breaches(spec: Manifest) -> Iterator[str]:
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
