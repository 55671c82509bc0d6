"""The Dockerfile: what hadolint says of it, what it is built from, and what runs in it."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

from tests.contract.deployment import IMAGE, PROJECT, ROOT, USER, is_command, unknown_variables

FILE = ROOT / "Dockerfile"
TEXT = re.sub(r"\\\n\s*", "", FILE.read_text())
INSTRUCTIONS = [
    (word, rest) for word, _, rest in (line.partition(" ") for line in TEXT.splitlines() if line) if word[0] != "#"
]
LAST_STAGE = INSTRUCTIONS[max(n for n, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]


def of(word: str) -> list[str]:
    return [rest for each, rest in INSTRUCTIONS if each == word]


def complaints(hadolint: str, file: Path) -> str:
    done = subprocess.run([hadolint, str(file)], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_hadolint_finds_no_fault(hadolint: str, tmp_path: Path) -> None:
    assert complaints(hadolint, FILE) == ""
    broken = tmp_path / "Dockerfile"
    broken.write_text(FILE.read_text().replace("WORKDIR /src", "WORKDIR src"))
    assert "DL3000" in complaints(hadolint, broken)


def test_the_base_is_one_pinned_image_that_weir_supports() -> None:
    assert set(of("FROM")) == {"${PYTHON} AS build", "${PYTHON}"}
    (base,) = of("ARG")
    found = re.fullmatch(r"PYTHON=python:(3\.\d+)\.\d+-slim-[a-z]+", base)
    assert found is not None
    assert f"Python :: {found[1]}" in str(PROJECT.get("classifiers", f"Python :: {found[1]}"))


def test_everything_installed_is_locked_and_no_index_is_named() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&]+)", " ".join(of("RUN")))
    assert len(installs) == 3
    for each in installs:
        if "dist/" in each:
            assert "--no-deps" in each and "--no-index" in each  # Weir itself
        else:
            assert "--require-hashes" in each and "--only-binary :all:" in each
    assert "index-url" not in TEXT and "://" not in TEXT.replace("http://127.0.0.1", "")


def test_what_it_copies_is_in_the_build_context_and_holds_all_that_the_package_is_made_of() -> None:
    context = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    copied = [rest.split() for rest in of("COPY") if not rest.startswith("--from")]
    sources = {source for words in copied for source in words[:-1]}
    assert sources == context
    assert all((ROOT / source).exists() for source in sources)
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], PROJECT["readme"], "pyproject.toml"}
    assert {path for path in needed if not any(Path(path).is_relative_to(source) for source in sources)} == set()


def test_it_runs_as_a_number_that_is_not_root() -> None:
    assert ("USER", f"{USER}:{USER}") in LAST_STAGE
    assert [word for word, _ in LAST_STAGE if word in {"RUN", "ENTRYPOINT"}] == []
    assert f'version="{PROJECT["version"]}"' in " ".join(of("LABEL"))
    assert f"-t {IMAGE} " in FILE.read_text()


def test_its_command_variables_and_check_are_ones_that_weir_has() -> None:
    assert is_command(json.loads(LAST_STAGE[-1][1]))
    variables = [word.partition("=")[0] for rest in of("ENV") for word in rest.split()]
    assert unknown_variables(variables) == []
    (check,) = of("HEALTHCHECK")
    assert "127.0.0.1:6066/livez" in check
