"""Prometheus' own tool, which checks and tests rules. Debian has it in the package prometheus."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

INSTALL = "apt-get install --no-install-recommends prometheus"


def why_no_promtool() -> str | None:
    """Why rules cannot be tested here; None: they can."""
    return None if shutil.which("promtool") else "there is no `promtool` to test rules with"


class Promtool:
    """Commands of one installed promtool."""

    def check_rules(self, rules: Path) -> str:
        """What it complains about; empty: nothing."""
        return self._run("check", "rules", "--lint=all", "--lint-fatal", str(rules))

    def check_config(self, config: Path) -> str:
        """Of a server, with the rules that it names."""
        return self._run("check", "config", str(config))

    def test_rules(self, tests: Path) -> str:
        return self._run("test", "rules", str(tests))

    def check_metrics(self, text: str) -> str:
        """Of metrics in the text format: what is against the conventions for names, types and units."""
        return self._run("check", "metrics", given=text)

    @staticmethod
    def _run(*words: str, given: str | None = None) -> str:
        stdin = subprocess.DEVNULL if given is None else None
        done = subprocess.run(
            ["promtool", *words], capture_output=True, text=True, timeout=60, check=False, stdin=stdin, input=given
        )
        return done.stdout + done.stderr if done.returncode else ""
