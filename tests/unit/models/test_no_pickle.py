"""Nothing that serves can open a pickle: one module may, and nothing imports it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CHILD = ROOT / "models" / "resave.py"
PICKLERS = {"pickle", "_pickle", "cPickle", "joblib", "cloudpickle", "dill", "marshal", "shelve"}


def opens_pickles(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in PICKLERS or a.name == "models.resave")
        elif isinstance(node, ast.ImportFrom):
            names = {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
            yield from (name for name in names if name.split(".")[0] in PICKLERS or name == "models.resave")
        elif isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "trusted"}:
            if isinstance(node.value, ast.Constant) and node.value.value is True:
                yield f"{node.arg}=True"
        elif isinstance(node, ast.Attribute) and node.attr in {"read_pickle", "import_module", "__import__"}:
            yield node.attr
        elif isinstance(node, ast.Name) and node.id in {"__import__", "eval", "exec"}:
            yield node.id


def test_no_module_but_the_child_process_can_unpickle() -> None:
    modules = [path for package in ("models", "streams", "drift") for path in (ROOT / package).rglob("*.py")]
    assert CHILD in modules
    found = {
        str(path.relative_to(ROOT)): sorted(opens_pickles(ast.parse(path.read_bytes())))
        for path in modules
        if path != CHILD
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import joblib.numpy_pickle as j",
        "from joblib import load",
        "from models import resave",
        "import models.resave",
        "np.load(f, allow_pickle=True)",
        "skops.io.load(f, trusted=True)",
        "importlib.import_module('pick' + 'le')",
        "__import__('pickle')",
    ],
)
def test_the_scan_sees_each_way(code: str) -> None:
    assert list(opens_pickles(ast.parse(code)))
