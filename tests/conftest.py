"""What the whole run shares: real brokers, and a loud list of the suites that this machine cannot run.

A test that asks for one of the fixtures in `NEEDS` is left out where the need is not met, and the run ends by saying
so, with the line that installs it. With WEIR_REQUIRE_KAFKA=1 a missing real Kafka fails the run instead,
with WEIR_REQUIRE_PROMETHEUS=1 a missing Prometheus, with WEIR_REQUIRE_KUSTOMIZE=1 a missing kustomize.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from streams.demo.broker import EmbeddedBroker, EmbeddedBrokerMissing, embedded_binary
from streams.demo.kafka_jars import INSTALL, KafkaMissingError, find_jars, find_java
from streams.demo.kraft import KafkaCluster
from tests import side_by_side
from tests.browser.chromium import INSTALL as BROWSER
from tests.browser.chromium import why_no_browser
from tests.contract.asyncapi_schema import INSTALL as NPM
from tests.contract.asyncapi_schema import SchemaMissing, asyncapi_schema
from tests.contract.kustomize import INSTALL as KUSTOMIZE
from tests.contract.kustomize import KustomizeMissingError, find_kustomize
from tests.kafka.topics import Topics
from tests.prometheus.promtool import INSTALL as PROMETHEUS
from tests.prometheus.promtool import Promtool, why_no_promtool
from tests.prometheus.server import why_no_prometheus
from tests.side_by_side import FIGURES, LEFT_OUT

# How long an example takes says more about the machine than about the code.
settings.register_profile("weir", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("weir")

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".kafka"
SHORT_LIVED = ("-XX:TieredStopAtLevel=1",)
"""For a JVM that lives for minutes: the second compiler costs more than it gives back."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(side_by_side)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what runs in its background, and the commands under test would inherit it: no Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("numprocesses", None):
        # Here and not in each process: what one of them raises while it collects is not told.
        _require("KAFKA", _why_no_kafka)
        _require("PROMETHEUS", lambda: why_no_promtool() or why_no_prometheus())
        _require("KUSTOMIZE", _why_no_kustomize)


def _require(what: str, why_not: Callable[[], str | None]) -> None:
    if os.environ.get(f"WEIR_REQUIRE_{what}") == "1" and (reason := why_not()) is not None:
        raise pytest.UsageError(f"WEIR_REQUIRE_{what}=1, but: {reason}")


def _why_no_kafka() -> str | None:
    try:
        find_java()
        CACHE.mkdir(exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of processes side by side one brings the jars
            find_jars(CACHE)
    except KafkaMissingError as error:
        return str(error)
    return None


def _why_no_secured_kafka() -> str | None:
    return _why_no_kafka() or (None if shutil.which("openssl") else "there is no `openssl` to make certificates with")


def _why_no_embedded_broker() -> str | None:
    try:
        embedded_binary()
    except EmbeddedBrokerMissing as error:
        return str(error)
    return None


def _why_no_small_disk() -> str | None:
    if shutil.which("mount") is None:
        return "a small file system needs mount, which is not installed"
    with tempfile.TemporaryDirectory() as folder:
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True, check=False
        )
        if tried.returncode:
            return f"a small file system cannot be mounted: {tried.stderr.strip()}"
        subprocess.run(["umount", "-l", folder], check=True)
    return None


def _why_no_kustomize() -> str | None:
    try:
        find_kustomize(CACHE)
    except KustomizeMissingError as error:
        return str(error)
    return None


def _why_no_asyncapi() -> str | None:
    try:
        _asyncapi_schema()
    except SchemaMissing as error:
        return str(error)
    return None


def _find_hadolint() -> str | None:
    """The one of this environment, not whichever is on PATH."""
    beside = Path(sys.executable).parent / "hadolint"
    return str(beside) if beside.exists() else None


def _why_no_hadolint() -> str | None:
    return None if _find_hadolint() else "there is no `hadolint` in this environment"


def _why_no_namespaces() -> str | None:
    if missing := [tool for tool in ("unshare", "mount", "setpriv") if shutil.which(tool) is None]:
        return f"there is no `{missing[0]}`"
    tried = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"a read-only root cannot be mounted: {tried.stderr.strip()}" if tried.returncode else None


def _asyncapi_schema() -> dict[str, Any]:
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return asyncapi_schema(CACHE)


def _why_no_javac() -> str | None:
    return _why_no_kafka() or (
        None if shutil.which("javac") else "there is no `javac` to compile the Java of the pages"
    )


NEEDS = {
    "asyncapi": (_why_no_asyncapi, NPM),
    "javac": (_why_no_javac, "sudo apt-get install -y default-jdk-headless maven"),
    "kcat": (lambda: None if shutil.which("kcat") else "there is no `kcat`", "sudo apt-get install -y kcat"),
    "small_disk": (_why_no_small_disk, "run it as root, on a machine of its own: sudo make test"),
    "browser": (why_no_browser, BROWSER),
    "embedded": (_why_no_embedded_broker, "pip install 'noida-db==0.2.3'"),
    "scene": (_why_no_embedded_broker, "pip install 'noida-db==0.2.3'"),
    "kafka": (_why_no_kafka, INSTALL),
    "kafka3": (_why_no_kafka, INSTALL),
    "kustomize": (_why_no_kustomize, KUSTOMIZE),
    "hadolint": (_why_no_hadolint, "make setup"),
    "read_only_root": (_why_no_namespaces, "run it as root, on a machine of its own: sudo make test"),
    "prometheus": (why_no_prometheus, PROMETHEUS),
    "promtool": (why_no_promtool, PROMETHEUS),
    "secured": (_why_no_secured_kafka, f"{INSTALL} openssl"),
    "stage": (_why_no_kafka, INSTALL),
}


def _asked_for(item: pytest.Item) -> set[object]:
    """Fixtures by name, and those that a parameter names, as `any_broker` does."""
    callspec = getattr(item, "callspec", None)
    values = callspec.params.values() if callspec else ()
    return {*getattr(item, "fixturenames", ()), *(value for value in values if isinstance(value, str))}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out: dict[str, tuple[str, str]] = {}
    kept, deselected = [], []
    reasons: dict[str, str | None] = {}
    for item in items:
        for need in sorted(NEEDS.keys() & _asked_for(item)):
            why, install = NEEDS[need]
            if need not in reasons:
                reasons[need] = why()
            reason = reasons[need]
            if reason is not None:
                left_out[item.nodeid.split("::")[0]] = (reason, install)
                deselected.append(item)
                break
        else:
            kept.append(item)
    no_kafka = next(filter(None, map(reasons.get, ("kafka", "kafka3", "secured", "stage"))), None)
    _require("KAFKA", lambda: no_kafka)
    _require("PROMETHEUS", lambda: reasons.get("promtool") or reasons.get("prometheus"))
    _require("KUSTOMIZE", lambda: reasons.get("kustomize"))
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = kept
    config.stash[LEFT_OUT] = left_out


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    measured = config.stash[FIGURES]
    if measured:
        terminalreporter.section("measured in this run")
        for line in measured:
            terminalreporter.line(line)
    left_out = config.stash[LEFT_OUT]
    if not left_out:
        return
    terminalreporter.section("suites left out", yellow=True)
    for suite, (reason, _) in sorted(left_out.items()):
        terminalreporter.line(f"{suite}: {reason.splitlines()[0]}")
    for install in sorted({install for _, install in left_out.values()}):
        terminalreporter.line(f"To run them: {install}", yellow=True)


def _cluster(request: pytest.FixtureRequest, brokers: int) -> Iterator[KafkaCluster]:
    with KafkaCluster(brokers, cache=CACHE, jvm_options=SHORT_LIVED) as cluster:
        yield cluster
        if request.session.testsfailed:
            kept = CACHE / "logs"
            kept.mkdir(parents=True, exist_ok=True)
            for log in cluster.logs:
                process = os.environ.get("PYTEST_XDIST_WORKER", "")
                shutil.copy(log, kept / f"{process}{brokers}-{log.parent.name}.log")


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[KafkaCluster]:
    """One real broker for the run."""
    yield from _cluster(request, 1)


@pytest.fixture(scope="session")
def kafka3(request: pytest.FixtureRequest) -> Iterator[KafkaCluster]:
    """Three real brokers for the run. A test that stops one of them starts it again."""
    yield from _cluster(request, 3)


@pytest.fixture(scope="session")
def kustomize() -> tuple[str, ...]:
    """The command that renders a folder of manifests."""
    return find_kustomize(CACHE)


@pytest.fixture(scope="session")
def hadolint() -> str:
    """The program that looks for faults in a Dockerfile."""
    found = _find_hadolint()
    assert found is not None
    return found


@pytest.fixture
def read_only_root() -> None:
    """Asks for the right to mount, in a name space of a process's own."""


@pytest.fixture
def prometheus() -> None:
    """Asked for where a real Prometheus is started."""


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Prometheus' own checks of rules."""
    return Promtool()


@pytest.fixture(scope="session")
def asyncapi() -> dict[str, Any]:
    """AsyncAPI's own schema of a document."""
    return _asyncapi_schema()


@pytest.fixture(scope="session")
def javac() -> tuple[str, str]:
    """A Java compiler, and the class path of Kafka's own client."""
    return str(shutil.which("javac")), f"{find_jars(CACHE)}/*"


@pytest.fixture(scope="session")
def kcat() -> str:
    return str(shutil.which("kcat"))


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line about what was measured; the run ends by printing them."""
    lines = request.config.stash[FIGURES]
    return lambda line: lines.append(f"{request.node.name}: {line}")


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    """The demo's embedded broker, one a test: it starts at once."""
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture(params=["kafka", "embedded"])
def any_broker(request: pytest.FixtureRequest) -> str:
    """The address of a real broker, then of the embedded one: the test runs on both."""
    return str(request.getfixturevalue(request.param).bootstrap_servers)


@pytest.fixture
def topics(kafka: KafkaCluster) -> Iterator[Topics]:
    """Topics of this test's own on `kafka`."""
    mine = Topics(kafka.bootstrap_servers)
    yield mine
    mine.close()


@pytest.fixture
def topics3(kafka3: KafkaCluster) -> Iterator[Topics]:
    """Topics of this test's own on `kafka3`."""
    mine = Topics(kafka3.bootstrap_servers, replication=3)
    yield mine
    mine.close()
