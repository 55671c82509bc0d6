"""Logs: one line a record, nothing that a terminal obeys, no secrets, the libraries through the same door."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from streams.settings import SecretStr
from streams.settings.secret import MASK
from streams.telemetry.audit import LOGGER, record_action
from streams.telemetry.escape import printable
from streams.telemetry.log import configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(event: str = "happened", *, error: BaseException | None = None, **values: Any) -> dict[str, Any]:
    out = io.StringIO()
    configure_logging(out)
    structlog.get_logger("streams.test").warning(event, exc_info=error, **values)
    assert out.getvalue().count("\n") == 1
    line: dict[str, Any] = json.loads(out.getvalue())
    return line


def test_away_from_a_terminal_a_record_is_a_line_of_json() -> None:
    line = logged(records=3, partitions=[0, 1])
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "happened",
        "level": "warning",
        "logger": "streams.test",
        "records": 3,
        "partitions": [0, 1],
    }


def test_what_a_library_logs_comes_out_the_same_way() -> None:
    out = io.StringIO()
    configure_logging(out)
    logging.getLogger("mode.worker").info("chatter")
    logging.getLogger("mode.worker").error("trouble with %s\x1b[2J", "something")
    line = json.loads(out.getvalue())
    assert (line["event"], line["logger"]) == ("trouble with something\\x1b[2J", "mode.worker")


@pytest.mark.parametrize("as_json", [True, False])
def test_neither_values_nor_tracebacks_can_steer_a_terminal_or_forge_a_line(as_json: bool) -> None:
    out = io.StringIO()
    configure_logging(out, as_json=as_json)
    attack = "x\x1b[2J\r\nERROR forged\u202e\ud800"
    try:
        raise ValueError(attack)
    except ValueError as error:
        structlog.get_logger().error(attack, value=attack, nested={"a": [attack]}, exc_info=error)
    text = out.getvalue()
    assert not {"\x1b", "\r", "\u202e", "\ud800"} & set(text)
    assert "\nERROR forged" not in text.replace("ValueError: x\\x1b[2J\\r\nERROR forged", "")


def test_long_values_are_cut_and_say_so() -> None:
    line = logged(value="v" * 5_000)
    assert len(line["value"]) < 2_100
    assert line["value"].endswith("(3000 more characters)")


def test_secrets_are_masked_by_type_and_by_name() -> None:
    canary = "canary-41d0"
    line = logged(config={"sasl.password": canary, "a": SecretStr(canary)}, ssl_key_password=canary)
    assert canary not in json.dumps(line)
    assert line["config"] == {"sasl.password": "*" * 10, "a": "*" * 10}


def test_a_traceback_is_kept() -> None:
    try:
        raise LookupError("lost")
    except LookupError as error:
        line = logged(error=error)
    assert "LookupError: lost" in line["exception"]
    assert "test_log.py" in line["exception"]


@given(st.text())
def test_printable_text_is_printable_and_text_without_oddities_stays(text: str) -> None:
    made = printable(text)
    assert made.isprintable()
    assert made == text or not text.isprintable()


def test_the_audit_log_is_a_logger_of_its_own_and_names_who_did_it_in_full() -> None:
    out = io.StringIO()
    configure_logging(out)
    record_action(who="token:ann@bank.example\n", what="POST /act", origin="10.0.0.7", result="done", why="u:p@host")
    line = json.loads(out.getvalue())
    assert (line["logger"], line["level"]) == (LOGGER, "info")
    assert line["who"] == "token:ann@bank.example\\n"
    assert line["why"] == f"{MASK}@host", "elsewhere this would be a password"


def test_what_mode_repeats_of_a_workers_end_is_left_out_and_what_it_says_of_others_is_not() -> None:
    out = io.StringIO()
    configure_logging(out, as_json=True)
    ours, agents = logging.getLogger("streams.kafka.service"), logging.getLogger("faust.agents.agent")
    for log in (ours, agents):
        log.error("[^--Service]: Crashed reason=ValueError()")
    ours.info("[^-WeirApp]: Flush producer buffer...")
    ours.error("[^--LaneService]: lane %s did not end within %s s", "predict", 8)
    told = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert told == [
        "[^--Service]: Crashed reason=ValueError()",
        "[^--LaneService]: lane predict did not end within 8 s",
    ]
