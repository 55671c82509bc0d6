"""How a run is shared out: `make test` runs as many tests side by side as JOBS says, each process with its own brokers.

Most tests wait for most of their time. What the processes have to tell at the end is brought together here.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from streams.demo import processes

FIGURES = pytest.StashKey[list[str]]()
LEFT_OUT = pytest.StashKey[dict[str, tuple[str, str]]]()

TEST_BY_TEST = ("tests/kafka/test_lane.py", "tests/faults/test_mutants.py", "tests/faults/test_campaigns.py")
"""Long files whose tests share no more than a broker. Of others a file stays together, with what it has started."""

ORDER = (
    "tests/faults",
    "tests/unit",
    "tests/docs",
    "tests/prometheus",
    "tests/contract",
    "tests/kafka",
    "tests/security",
)
"""From what keeps a processor busy to what mostly waits."""


class FromBothEnds(LoadScopeScheduling):
    """One process takes the next file (or test) that keeps a processor busy, the others what mostly waits."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file in TEST_BY_TEST else file

    def _assign_work_unit(self, node: Any) -> None:
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return FromBothEnds(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: next((n for n, folder in enumerate(ORDER) if item.nodeid.startswith(folder)), -1))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES], config.stash[LEFT_OUT] = [], {}
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        # Ports of its own: one that is free, and not listened at yet, is not to be drawn by two.
        count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        processes.PORTS = processes.PORTS[int(worker.removeprefix("gw")) :: count]


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = session.config.stash[FIGURES]
        output["left_out"] = [(suite, *why) for suite, why in session.config.stash[LEFT_OUT].items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", {})  # none if it crashed
    node.config.stash[FIGURES].extend(output.get("figures", []))
    node.config.stash[LEFT_OUT].update(
        {suite: (reason, install) for suite, reason, install in output.get("left_out", [])}
    )
