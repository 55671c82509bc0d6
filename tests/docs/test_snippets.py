"""Code to copy: the pages show what the export shows, and it compiles."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from streams.contract_documents.snippets import CONSUMERS, PRODUCERS, SNIPPETS, Snippet
from tests.docs.pages import blocks, name_of


def test_the_pages_show_every_snippet() -> None:
    for page, snippets in (("producers", PRODUCERS), ("consumers", CONSUMERS)):
        shown = [
            (block.language, block.text)
            for block in blocks("python", "java", "sh")
            if name_of(block.page) == f"docs/how-to/{page}.md"
        ]
        assert [(snippet.language, snippet.text) for snippet in snippets] == shown


@pytest.mark.parametrize(
    "snippet", [each for each in SNIPPETS if each.language == "python"], ids=lambda each: each.name
)
def test_python_is_python(snippet: Snippet) -> None:
    ast.parse(snippet.text)


def test_java_compiles(javac: tuple[str, str], tmp_path: Path) -> None:
    compiler, classes = javac
    files = []
    for snippet in SNIPPETS:
        if snippet.language == "java":
            (name,) = re.findall(r"^class (\w+)", snippet.text, re.MULTILINE)
            files.append(tmp_path / f"{name}.java")
            files[-1].write_text(snippet.text)
    command = [compiler, "-Xlint:all,-processing,-classfile,-path", "-Werror", "-cp", classes, "-d", str(tmp_path)]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(tmp_path.glob("*.class"))) == len(files) == 2
