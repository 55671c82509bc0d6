"""`weir drift try` and the mistakes of `weir drift inject`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

from models.prepared_training import prepare_training
from models.preprocessing.declared import Preprocessing
from models.preprocessing.time_part import TimePart
from models.schema import Feature, InputSchema
from streams.cli.main import app
from streams.modelling import publish_estimator
from tests.unit.trial.building import rows, write_csv

SHIFT = "shift:feature=size,at=3000,size=1.5"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """9,000 rows without drift in rows.csv."""
    monkeypatch.chdir(tmp_path)
    for name in ("WEIR_CONFIG", "WEIR_MODEL__REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    write_csv(tmp_path / "rows.csv", rows(9000))
    return tmp_path


def weir(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["drift", *arguments])


def trial(*arguments: str) -> dict[str, Any]:
    """The object of --json; exit 4 exactly where there is an alert."""
    result = weir("try", "--json", *arguments)
    report: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (4 if report["alerts"] else 0), result.stderr
    return report


def test_rows_without_drift_are_exit_0_and_an_injected_change_is_found_exit_4() -> None:
    quiet = trial("--data", "rows.csv", "--time", "at")
    assert (quiet["rows"], quiet["first_row"], quiet["reference"]["rows"]) == (6000, 3000, 3000)
    assert (quiet["signals"], quiet["alerts"], quiet["injected"]) == (["size", "plan", "active"], [], [])

    drifted = trial("--data", "rows.csv", "--time", "at", "--inject", SHIFT)
    (found,), (alert,) = drifted["injected"], drifted["alerts"]
    assert (found["outcome"], found["first_row"], found["alert_id"]) == ("found", 3000, alert["alert_id"])
    assert 0 < found["rows_late"] < 2000
    assert found["seconds_late"] == pytest.approx(found["rows_late"] * 0.005, abs=0.01)
    assert found["onset_holds"] is True
    assert alert["onset_rows"][0] <= 3000 <= alert["onset_rows"][1]
    assert (alert["signal"], alert["state"], alert["explained"]) == ("size", "firing", True)


class Never:
    """A detector of one's own."""

    drift_detected = False

    def update(self, x: float) -> None:
        pass


def test_detectors_of_ones_own_are_loaded_and_a_choice_for_no_signal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"size": {"name": f"{__name__}:Never"}, "metric/*": {"name": "ADWIN"}}
    monkeypatch.setenv("WEIR_DRIFT__SIGNALS", json.dumps(own))
    result = weir("try", "--json", "--data", "rows.csv", "--time", "at", "--inject", SHIFT)
    assert result.exit_code == 4
    (alert,) = json.loads(result.stdout)["alerts"]
    assert alert["changes"][0]["detector"]["name"] == "CUSUM"
    assert 'warning: drift.signals."metric/*" matches none of size, plan, active' in result.stderr


def test_words_say_what_was_found_and_what_has_no_cause(folder: Path) -> None:
    own = rows(9000)
    own.matrix[6000:, 2] = 1  # a drift of the file's own
    write_csv(folder / "drifting.csv", own)
    result = weir("try", "--data", "drifting.csv", "--time", "at", "--inject", SHIFT, "--cards")
    assert result.exit_code == 4
    assert "found     shift of size at row 3,000" in result.stdout
    assert "1 of 1 injected change found; 2 alerts, 1 with no injected cause" in result.stdout
    assert "FIRING ticket: feature active" in result.stdout


def test_the_same_command_prints_the_same_bytes() -> None:
    arguments = (
        "try",
        "--json",
        "--data",
        "rows.csv",
        "--inject",
        "nulls:feature=size,at=2000,share=0.3",
        "--seed",
        "3",
    )
    assert weir(*arguments).stdout == weir(*arguments).stdout


def test_rows_without_times_are_watched_in_their_order_and_no_seconds_are_told() -> None:
    report = trial("--data", "rows.csv", "--columns", "size,plan", "--inject", SHIFT)
    assert report["times"]["column"] is None
    assert report["injected"][0]["outcome"] == "found"
    assert report["injected"][0]["seconds_late"] is None
    assert report["blocks"] == 30


def test_a_file_of_its_own_can_be_the_reference(folder: Path) -> None:
    own = rows(4000)
    own.matrix[:, 0] += 20
    write_csv(folder / "later.csv", own)
    report = trial("--data", "later.csv", "--reference", "rows.csv", "--time", "at")
    assert (report["rows"], report["reference"]["rows"], report["reference"]["source"]) == (4000, 9000, "rows.csv")
    assert [(alert["signal"], alert["onset_row"]) for alert in report["alerts"]] == [("size", 0)]


def test_a_category_that_the_reference_lacks_is_unseen(folder: Path) -> None:
    own = rows(9000)
    own.matrix[:6000, 1] = 0
    write_csv(folder / "new.csv", own)
    report = trial("--data", "new.csv", "--time", "at")
    (alert,) = report["alerts"]
    assert alert["signal"] == "plan"
    assert alert["changes"][0]["evidence"]["statistic"] == "unseen_rate"


def test_a_model_brings_its_reference_and_its_answers_and_refuses_what_it_does_not_take(folder: Path) -> None:
    matrix = rows(4000).matrix[:, :1]
    target = (matrix[:, 0] > 50).astype(int)
    schema = InputSchema((Feature("size"),))
    publish_estimator(folder / "registry", "m", LogisticRegression().fit(matrix, target), schema, matrix)
    report = trial("--data", "rows.csv", "--model", "m/1", "--time", "at", "--inject", SHIFT)
    assert (report["model"], report["version"], report["rows"]) == ("m", "1", 9000)
    assert report["signals"] == ["size", "metric/score", "metric/class"]
    assert {alert["signal"] for alert in report["alerts"]} == set(report["signals"])
    assert all(alert["explained"] for alert in report["alerts"])

    nulls = trial("--data", "rows.csv", "--model", "m", "--time", "at", "--inject", "nulls:feature=size,at=0,share=1")
    assert (nulls["rejected"], nulls["blocks"]) == ({"feature_null": 9000}, 0)


def test_a_model_that_reads_the_events_time_is_not_tried_on_made_up_times(folder: Path) -> None:
    own = rows(300)
    matrix, schema = own.matrix[:, :1], InputSchema((Feature("size"),))
    steps = Preprocessing((TimePart("hour", "@time", "hour"),))
    prepared = prepare_training(steps, schema, matrix, own.times_ms, where="here").matrix
    estimator = LogisticRegression().fit(prepared, (matrix[:, 0] > 50).astype(int))
    publish_estimator(folder / "registry", "m", estimator, schema, matrix, times_ms=own.times_ms, preprocessing=steps)
    refused = weir("try", "--data", "rows.csv", "--model", "m")
    assert (refused.exit_code, refused.stdout) == (1, ""), refused.stderr
    assert "these rows have none" in refused.stderr
    assert "--time" in refused.stderr
    assert trial("--data", "rows.csv", "--model", "m", "--time", "at")["rows"] == 9000


@pytest.mark.parametrize("name", ["drift.html", "drift.svg"])
def test_a_picture_is_written_where_it_was_asked_for(name: str, folder: Path) -> None:
    result = weir("try", "--data", "rows.csv", "--time", "at", "--out", name)
    assert name in result.stderr
    text = (folder / name).read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>" if name.endswith(".html") else "<svg")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--inject", "shift:feature=sise,at=1,size=1"), "size"),
        (("--inject", "shift:feature=size,at=999999,size=1"), "999999"),
        (("--inject", "lift:feature=size"), "lift"),
        (("--inject", "label_delay:by=1h,at=1"), "labels"),
        (("--out", "drift.png"), ".svg"),
        (("--reference", "rows.csv", "--reference-rows", "5"), "not both"),
        (("--reference-rows", "9000"), "9000"),
        (("--model", "m", "--columns", "size"), "reference and columns"),
    ],
)
def test_what_does_not_go_together_is_exit_2_and_says_why(arguments: tuple[str, ...], word: str, folder: Path) -> None:
    result = weir("try", "--data", "rows.csv", *arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    assert word in result.stderr
    assert [path.name for path in folder.iterdir()] == ["rows.csv"]


def test_a_file_that_is_not_there_is_exit_1() -> None:
    result = weir("try", "--data", "gone.csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "gone.csv" in result.stderr


def test_events_need_a_change_that_fits() -> None:
    assert weir("inject", "--data", "rows.csv", "--inject", "lift:feature=size").exit_code == 2
