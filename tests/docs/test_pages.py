"""Links lead somewhere, commands exist, examples are what they say."""

from __future__ import annotations

import ast
import json
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import typer

from drift.detectors import DetectorBench
from drift.settings import DetectorSpec
from models.declared_output import NOTHING_DECLARED
from models.fallback_file import read_fallback
from models.online.declaration import read_declaration
from models.output_file import read_output
from models.prepared_training import prepare_training
from models.preprocessing_file import read_preprocessing
from models.schema import Feature, InputSchema, Kind
from streams.cli.main import app
from streams.contracts import Prediction
from streams.decoding import EventDecoder
from streams.detectors import detector_factories
from streams.http.answers import HttpPrediction
from streams.limits import Limits
from streams.settings import load_settings
from tests.docs.pages import PAGES, ROOT, Block, anchors, blocks, inline_code, name_of, prose, read


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        ways = [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if "://" not in link]
        waiting += [way for way in ways if way.suffix == ".md" and way not in seen]
    assert set(PAGES) <= seen


@pytest.mark.parametrize("folder", ["streams", "models", "drift", "tests", "docs"])
def test_files_that_code_and_pages_name_exist(folder: str) -> None:
    texts = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md"}]
    for path in texts:
        for named in re.findall(r"\bdocs/[\w/.-]*\w", path.read_text("utf-8")):
            # An ADR may be named by its number alone.
            assert list(ROOT.glob(f"{named}*")), f"{path}: {named}"


def test_modules_that_a_page_names_exist() -> None:
    for page in PAGES:
        for code in inline_code(page.read_text("utf-8")):
            if re.fullmatch(r"(streams|models|drift|tests|k8s)/[\w/.-]+", code):
                assert (ROOT / code).exists(), f"{name_of(page)}: {code}"


def commands() -> list[tuple[str, list[str]]]:
    """Every `weir …` in a console block or in inline code, as words."""
    found = [(name_of(block.page), line) for block in blocks("console") for line in block.text.splitlines()]
    found += [(name_of(page), code) for page in PAGES for code in inline_code(page.read_text("utf-8"))]
    return [
        (page, shlex.split(line)[1:])
        for page, line in found
        if line.startswith("weir ") and not re.search(r"[…<]", line)
    ]


@pytest.mark.parametrize(
    ("page", "words"), commands(), ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_commands_and_options_exist(page: str, words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert options <= known, page
    # What is left of a group is a command that does not exist.
    alone = getattr(command, "invoke_without_command", False) and words and words[0].startswith("-")
    assert alone or not getattr(command, "commands", None) or not words, page


def test_every_command_is_shown_somewhere() -> None:
    def leaves(command: Any, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        inner = getattr(command, "commands", None)
        return {path} if not inner else {leaf for name in inner for leaf in leaves(inner[name], (*path, name))}

    shown = {tuple(words[:length]) for _, words in commands() for length in (1, 2)}
    assert leaves(typer.main.get_command(app)) <= shown


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    lines = [line for block in blocks("console") for line in block.text.splitlines()]
    lines += [code for page in PAGES for code in inline_code(page.read_text("utf-8"))]
    named = {line.split()[1] for line in lines if line.startswith("make ")}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("block", blocks("python", "json", "toml"), ids=lambda block: name_of(block.page))
def test_examples_are_well_formed(block: Block, tmp_path: Path) -> None:
    if block.language == "python":
        ast.parse(block.text)
    elif block.language == "json":
        json.loads(block.text)
    elif block.text.startswith("# fallback.toml"):
        (tmp_path / "fallback.toml").write_text(block.text)
        schema = InputSchema(
            (Feature("age", nullable=True), Feature("plan", Kind.CATEGORY, categories=("free", "pro")))
        )
        read_fallback(tmp_path / "fallback.toml").check(schema, ("no", "yes"))
    elif block.text.startswith("# online.toml"):
        (tmp_path / "online.toml").write_text(block.text)
        assert read_declaration(tmp_path / "online.toml").model == "logistic_regression"
    elif block.text.startswith("# output.toml"):
        (tmp_path / "output.toml").write_text(block.text)
        assert read_output(tmp_path / "output.toml") != NOTHING_DECLARED
    elif block.text.startswith("# preprocess.toml"):
        (tmp_path / "preprocess.toml").write_text(block.text)
        schema = InputSchema(
            (Feature("age"), Feature("income"), Feature("plan", Kind.CATEGORY, categories=("free", "pro")))
        )
        rows, prepared = np.array([[30.0, 900.0, 0.0], [50.0, 2000.0, 1.0]]), 6
        if "[keyed]" in block.text:
            schema, rows, prepared = InputSchema((Feature("amount"),)), rows[:, :1], 4
        declared = read_preprocessing(tmp_path / "preprocess.toml").preprocessing
        training = prepare_training(declared, schema, rows, np.array([0, 1]), keys=[b"a", b"a"], where="here")
        assert training.matrix.shape == (2, prepared)
    else:
        for name in re.findall(r"/(?:run/secrets|etc/weir)/([\w.-]+)", block.text):
            (tmp_path / name).write_text("secret")
        file = tmp_path / "pipeline.toml"
        file.write_text(re.sub(r"/run/secrets|/etc/weir", str(tmp_path), block.text))
        detector_factories(load_settings(file, {}))


def test_the_detector_shown_is_one() -> None:
    (block,) = [block for block in blocks("python") if "drift_detected" in block.text]
    namespace: dict[str, Any] = {}
    exec(block.text, namespace)  # the page's own example
    bench = DetectorBench((DetectorSpec("shown", {"limit": 2.5}),), {"shown": namespace["ThreeHigh"]})
    (detector,) = bench.primed()
    assert [bool(detector.update(value)) for value in (0.0, 3.0, 3.0, 3.0)] == [False, False, False, True]


def test_predictions_shown_are_predictions() -> None:
    shown = [block.text for block in blocks("json") if '"served_by"' in block.text]
    assert len(shown) >= 2
    for text in shown:
        fields = json.loads(text)
        prediction = msgspec.convert(fields, Prediction if "source" in fields else HttpPrediction)
        assert json.loads(msgspec.json.encode(prediction)) == fields


def test_events_shown_are_events() -> None:
    """For a model with the features that they name."""
    text = "".join(page.read_text("utf-8") for page in PAGES)
    shown = re.findall(r'\{"id": "e-1".*?\}\}', text)
    assert len(shown) >= 3
    decoder = EventDecoder(InputSchema((Feature("calls"), Feature("minutes"))), Limits(), "reject")
    assert decoder.decode([event.encode() for event in shown]).refused == []
