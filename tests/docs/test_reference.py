"""The reference pages say what the code says: nothing missing, nothing left over."""

from __future__ import annotations

import re
from itertools import combinations
from typing import get_args

from msgspec import structs
from prometheus_client import CollectorRegistry

from drift.alert import Alert
from drift.observation import Observation
from drift.report import RUNBOOK
from drift.scenarios import Pattern
from drift.scenarios.text import KINDS
from models.keyed.definitions import STATISTICS, KeyedFeature
from models.preprocessing.declared import AnyStep
from streams import contracts
from streams.cli.cards import alert_card
from streams.cli.config import effective_settings, toml
from streams.cli.options import ExitCode
from streams.contracts import STAGE_OF, Prediction, Reason, Stage
from streams.control_records import Command
from streams.kafka.errors import EXIT_FENCED
from streams.kafka.topic_plan import default_plan
from streams.settings import Settings, TopicSettings
from streams.settings.effective import TABLES
from streams.settings.loading import VARIABLES
from streams.settings.rules import rule_of
from streams.telemetry.metrics import Metrics
from streams.telemetry.workers import WorkersMetrics
from tests.docs.pages import PAGES, ROOT, inline_code, name_of, plain, read, table
from tests.unit.telemetry.test_metrics import NAMES

PLAN = default_plan(TopicSettings(), learning=True)


def test_every_setting_with_its_default_and_its_rule() -> None:
    documented = {
        plain(row["key"]): (row["default"], row["must be"])
        for row in table("docs/reference/settings.md", "key", "default", "must be")
    }
    real = {}
    for setting in effective_settings(Settings()):
        name, _, key = setting.key.partition(".")
        default = "not set" if setting.value is None else f"`{toml(setting.value)}`"
        real[setting.key] = (default, rule_of(TABLES[name], key))
    assert documented == real


def test_settings_that_a_page_names_exist() -> None:
    keys = {f"{table}.{key}" for table, kind in TABLES.items() for key in kind.__struct_fields__}
    pattern = re.compile(rf"({'|'.join(TABLES)})\.(?!skops|toml|py|md|yaml)[a-z_]+")
    for page in PAGES:
        text = page.read_text("utf-8")
        named = {code.split(" ")[0] for code in inline_code(text) if pattern.match(code)}
        assert named <= keys, name_of(page)
        assert set(re.findall(r"WEIR_[A-Z]+__[A-Z_]+", text)) <= set(VARIABLES), name_of(page)


def test_every_metric_with_its_type_and_labels() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    real = {
        (family.name + "_total" if family.type == "counter" else family.name): family.type
        for family in registry.collect()
    }
    rows = table("docs/reference/metrics.md", "metric", "type", "labels")
    assert {plain(row["metric"]): row["type"] for row in rows} == real
    assert {plain(row["metric"]): set(inline_code(row["labels"])) for row in rows} == NAMES


def of_supervisor() -> dict[str, tuple[str, set[str]]]:
    """Series that only a supervisor tells: type and labels."""
    registry = CollectorRegistry()
    WorkersMetrics(registry).tell([(0, 1, True)])
    return {
        (family.name + "_total" if family.type == "counter" else family.name): (
            family.type,
            {label for sample in family.samples for label in sample.labels},
        )
        for family in registry.collect()
    }


def test_every_series_of_a_supervisor_with_its_type_and_labels() -> None:
    rows = table("docs/reference/metrics.md", "series", "type", "labels")
    found = {plain(row["series"]): (row["type"], set(inline_code(row["labels"]))) for row in rows}
    assert found == of_supervisor()


def test_every_statistic_of_keyed_features_and_what_it_takes() -> None:
    documented: dict[str, tuple[set[str], set[str]]] = {}
    for row in table("docs/how-to/ml-engineers.md", "statistic", "needs", "may have"):
        needs, may = set(inline_code(row["needs"])), set(inline_code(row["may have"]))
        documented |= dict.fromkeys(inline_code(row["statistic"]), (needs, needs | may))
    values = {"of": "amount", "window_s": 60, "half_life_s": 1.0}
    real: dict[str, tuple[set[str], set[str]]] = {}
    for statistic in STATISTICS:
        taken = []
        for chosen in (set(each) for size in range(4) for each in combinations(values, size)):
            try:
                KeyedFeature("f", statistic, **{name: values[name] for name in chosen})  # type: ignore[arg-type]
            except ValueError:
                continue
            taken.append(chosen)
        real[statistic] = (set.intersection(*taken), set.union(*taken))
    assert documented == real


def test_metrics_that_a_page_names_exist() -> None:
    for page in PAGES:
        named = set(re.findall(r"\bweir_[a-z_]+\b", page.read_text("utf-8")))
        assert {re.sub(r"_(count|sum|bucket)$", "", name) for name in named} <= {*NAMES, *of_supervisor()}, name_of(
            page
        )


def test_every_reason_with_its_stage() -> None:
    rows = table("docs/reference/reasons.md", "reason", "stage")
    assert {plain(row["reason"]): plain(row["stage"]) for row in rows} == {
        str(reason): str(STAGE_OF[reason]) for reason in Reason
    }
    assert ", ".join(f"`{stage}`" for stage in Stage) in read("docs/reference/reasons.md")


def test_every_exit_code() -> None:
    rows = table("docs/reference/exit-codes.md", "code", "name")
    assert {int(row["code"]): row["name"] for row in rows} == {code.value: code.name.lower() for code in ExitCode}
    assert ExitCode.FENCED == EXIT_FENCED


def test_every_topic_as_it_is_made() -> None:
    named = table("docs/reference/topics.md", "setting", "name")
    assert {plain(row["setting"]): plain(row["name"]) for row in named} == {
        f"topics.{each.role}": each.name for each in PLAN
    }
    made = table("docs/reference/topics.md", "topic", "partitions")
    assert {
        plain(row["topic"]): (
            int(row["partitions"]),
            dict(pair.split("=", 1) for pair in inline_code(row["made with"])),
        )
        for row in made
    } == {each.name: (each.partitions, dict(each.config)) for each in PLAN}


def test_every_rule_of_a_topic_check() -> None:
    documented: set[tuple[str, str, str, str]] = set()
    for row in table("docs/reference/topics.md", "topic", "setting", "must be"):
        topics = [each.name for each in PLAN] if row["topic"] == "every topic" else inline_code(row["topic"])
        relation, _, value = row["must be"].partition(" `")
        documented |= {(topic, plain(row["setting"]), relation, value.strip("`")) for topic in topics}
    assert documented == {(each.name, rule.key, rule.relation, rule.value) for each in PLAN for rule in each.rules}


def test_every_field_of_a_prediction_and_an_alert() -> None:
    fields = [plain(row["field"]) for row in table("docs/reference/topics.md", "field")]
    event = ["id", "features", "time"]
    label = ["event_id", "label", "time"]
    assert fields == event + label + list(Prediction.__struct_fields__) + list(Alert.__struct_fields__)
    assert set(Observation.__struct_fields__) <= set(inline_code(read("docs/reference/topics.md")))


def test_every_command_with_what_it_takes() -> None:
    common = {"author", "reason", "id"}
    documented = {
        plain(row["command"]): set(inline_code(row["takes"]))
        for row in table("docs/reference/topics.md", "command", "setting", "takes")
    }
    assert documented == {
        each.__struct_config__.tag: set(each.__struct_fields__) - common for each in get_args(Command)
    }


def test_every_step_of_preprocessing_with_what_it_takes() -> None:
    documented = {
        plain(row["step"]): set(inline_code(row["takes"]))
        for row in table("docs/how-to/ml-engineers.md", "step", "takes", "does")
    }
    assert documented == {each.__struct_config__.tag: set(each.__struct_fields__) for each in get_args(AnyStep)}


def test_every_header_of_a_dead_letter() -> None:
    real = {value for name, value in vars(contracts).items() if name.startswith("HEADER_")}
    assert {plain(row["header"]) for row in table("docs/reference/topics.md", "header")} == real


def test_the_card_has_the_lines_that_on_call_reads() -> None:
    words = dict.fromkeys(field.name for field in structs.fields(Alert))
    part = {"at": "then", "size": 1.0, "statistic": "mean", "n": 1, "name": "ADWIN", "feature": "f"}
    filled = {name: part if name in {"onset", "effect", "evidence", "reference", "current"} else name for name in words}
    grid = alert_card({**filled, "signal": part, "detector": part}).renderable
    lines = set(grid.columns[0].cells)
    documented = {
        name.strip()
        for row in table("docs/how-to/on-call.md", "line", "says")
        for name in row["line"].replace("reference, now", "reference,now").split(",")
    }
    assert documented - {"title"} <= lines
    assert {"since", "how much", "what", "do", "runbook"} <= documented


def test_every_change_that_can_be_injected_into_rows() -> None:
    documented = {
        plain(row["change"]): inline_code(row["takes"].split(" (")[0])
        for row in table("docs/how-to/ml-engineers.md", "change", "does", "takes")
    }
    real = {kind: [field.encode_name for field in structs.fields(change)] for kind, change in KINDS.items()}
    assert documented == {kind: keys for kind, keys in real.items() if "feature" in keys}
    assert all(f"`{field}`" in read("docs/how-to/ml-engineers.md") for field in Pattern.__struct_fields__)


def test_the_runbook_of_an_alert_is_here() -> None:
    assert (ROOT / RUNBOOK).is_file()
    assert RUNBOOK in read("docs/reference/topics.md")
