"""Defaults, the file, the environment over it, and every mistake reported at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.settings import Problem, SettingsError, Source, load_settings, variable_of
from streams.settings.effective import TABLES
from streams.settings.loading import KEYS

CANARY = "canary-7f3a"
Write: TypeAlias = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        path = tmp_path / "pipeline.toml"
        path.write_text(text, "utf-8")
        return path

    return _write


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pipeline.toml of the working directory plays in."""
    monkeypatch.chdir(tmp_path)


def problems_of(config: Path | None = None, environ: dict[str, str] | None = None) -> dict[str, Problem]:
    with pytest.raises(SettingsError) as raised:
        load_settings(config, environ or {})
    assert raised.value.exit_code == 2
    return {problem.key: problem for problem in raised.value.problems}


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = load_settings(environ={})
    found = {key: getattr(getattr(settings, key.split(".")[0]), key.split(".")[1]) for key in KEYS}
    expected = {
        "kafka.bootstrap_servers": "127.0.0.1:9092",
        "kafka.group": "weir",
        "kafka.session_timeout_ms": 10_000,
        "kafka.delivery": "exactly_once",
        "kafka.security_protocol": "plaintext",
        "kafka.client": {},
        "topics.prefix": "",
        "topics.events": "events",
        "topics.dead_letters": "dead-letters",
        "model.registry": Path("registry"),
        "model.name": None,
        "model.version": None,
        "model.unknown_features": "ignore",
        "model.also": None,
        "model.isolation": "thread",
        "model.deadline_ms": 2_000,
        "model.challenger_budget_ms": 250,
        "worker.slot": None,
        "worker.linger_ms": 5,
        "worker.max_batch_records": 8_192,
        "worker.max_batch_bytes": 8_388_608,
        "worker.snapshot_interval_ms": 5_000,
        "worker.state_dir": Path(".weir"),
        "worker.dedupe_window": 50_000,
        "worker.keyed_keys": 50_000,
        "limits.value_bytes": 1_048_576,
        "limits.depth": 32,
        "limits.id_length": 256,
        "limits.max_ahead_s": 300,
        "limits.strict_json": False,
        "drift.block_events": 200,
        "drift.block_ms": 1_000,
        "drift.allowed_lateness_ms": 5_000,
        "drift.max_hold_ms": 60_000,
        "drift.false_page_days": 30,
        "drift.shift_sd": 0.2,
        "drift.share_change": 0.05,
        "drift.quality_change": 0.02,
        "drift.correlation_change": 0.2,
        "drift.persistence": 3,
        "drift.recovery": 5,
        "drift.volume_window_ms": 60_000,
        "labels.window_s": 86_400,
        "labels.max_waiting": 1_000_000,
        "learning.version": None,
        "learning.max_waiting": 100_000,
        "http.host": "127.0.0.1",
        "http.port": 8_080,
        "http.keys_file": None,
        "http.jwt_keys_file": None,
        "http.jwt_keys_url": None,
        "http.allow_anonymous": False,
        "http.terse": False,
        "http.publish": False,
        "http.rate_per_s": None,
        "http.max_body_bytes": 1_048_576,
        "http.max_events": 1_024,
        "http.max_in_flight": 256,
        "http.max_connections": 1_024,
        "http.gather_ms": 2,
        "http.deadline_ms": 5_000,
        "admin.host": "127.0.0.1",
        "admin.port": 6_066,
        "admin.allow_anonymous": False,
    }
    assert {key: found[key] for key in expected} == expected
    assert (settings.drift.detector.name, settings.drift.detector.parameters) == ("ADWIN", {"clock": 1})
    assert settings.origins == {}


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(write: Write) -> None:
    config = write('[kafka]\ngroup = "of-file"\n[worker]\nlinger_ms = 7\n')
    settings = load_settings(config, {"WEIR_KAFKA__GROUP": "of-env", "HOME": "/"})
    assert (settings.kafka.group, settings.worker.linger_ms, settings.worker.dedupe_window) == ("of-env", 7, 50_000)
    assert settings.origin("kafka.group").where == "WEIR_KAFKA__GROUP"
    assert settings.origin("worker.linger_ms").where == str(config)
    assert settings.origin("worker.dedupe_window").source is Source.DEFAULT
    assert settings.is_set("worker.linger_ms")
    assert not settings.is_set("admin.port")


def test_the_file_is_found_by_option_then_variable_then_place(write: Write, tmp_path: Path) -> None:
    write('[kafka]\ngroup = "here"\n')
    other = tmp_path / "other.toml"
    other.write_text('[kafka]\ngroup = "other"\n')
    third = tmp_path / "third.toml"
    third.write_text('[kafka]\ngroup = "third"\n')
    assert load_settings(environ={}).kafka.group == "here"
    assert load_settings(environ={"WEIR_CONFIG": str(other)}).kafka.group == "other"
    assert load_settings(third, {"WEIR_CONFIG": str(other)}).kafka.group == "third"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("admin.port", "7000", 7_000),
        ("limits.strict_json", "true", True),
        ("limits.strict_json", "0", False),
        ("drift.false_page_days", "0.5", 0.5),
        ("model.registry", "/models", Path("/models")),
        ("kafka.bootstrap_servers", "a:1, b-2.example:9092,[::1]:3", "a:1, b-2.example:9092,[::1]:3"),
        (
            "kafka.client",
            '{"linger.ms": 5, "socket.keepalive.enable": true}',
            {"linger.ms": 5, "socket.keepalive.enable": True},
        ),
    ],
)
def test_each_kind_of_value_is_read_from_the_environment(key: str, text: str, value: object) -> None:
    settings = load_settings(environ={variable_of(key): text})
    table, name = key.split(".")
    assert getattr(getattr(settings, table), name) == value


def test_a_detector_is_chosen_by_name_and_parameters() -> None:
    chosen = '{"name": "PageHinkley", "parameters": {"delta": 0.01}}'
    detector = load_settings(environ={"WEIR_DRIFT__DETECTOR": chosen}).drift.detector
    assert (detector.name, detector.parameters) == ("PageHinkley", {"delta": 0.01})


@pytest.mark.parametrize(
    ("toml", "key", "rule", "fix"),
    [
        ("[worker]\nlinger_ms = -1", "worker.linger_ms", "from 0 to 10000", "5"),
        ('[worker]\nlinger_ms = "5"', "worker.linger_ms", "a whole number", "5"),
        ("[worker]\nlinger_ms = 5.0", "worker.linger_ms", "a whole number", "5"),
        ("[worker]\nlinger_ms = true", "worker.linger_ms", "a whole number", "5"),
        ("[limits]\nstrict_json = 1", "limits.strict_json", "true or false", "false"),
        ("[drift]\nfalse_page_days = 0", "drift.false_page_days", "above 0", "30"),
        ("[drift]\nfalse_page_days = inf", "drift.false_page_days", "at most", "30"),
        ("[drift]\nfalse_page_days = nan", "drift.false_page_days", "a number", "30"),
        ('[drift]\ndetector = {nam = "x"}', "drift.detector", "name, parameters", "ADWIN"),
        ('[kafka]\nbootstrap_servers = "localhost"', "kafka.bootstrap_servers", "host:port", "127.0.0.1:9092"),
        ('[kafka]\ngroup = "a b"', "kafka.group", "letters", "weir"),
        ('[kafka]\ngroup = "a\\n"', "kafka.group", "letters", "weir"),
        ('[kafka]\ndelivery = "maybe"', "kafka.delivery", "one of at_least_once, exactly_once", "exactly_once"),
        ('[model]\nisolation = "none"', "model.isolation", "one of process, thread", "thread"),
        (
            '[model]\nisolation = "process"\ndeadline_ms = 60000',
            "model.deadline_ms",
            "below worker.progress_deadline_ms (60000)",
            "raise worker.progress_deadline_ms",
        ),
        (
            "[model]\nchallenger_budget_ms = 1000\n[worker]\nprogress_deadline_ms = 1000",
            "model.challenger_budget_ms",
            "below worker.progress_deadline_ms (1000)",
            "raise worker.progress_deadline_ms",
        ),
        (
            '[model]\nname = "a"\nalso = "b, c"\nchallenger_budget_ms = 20000',
            "model.challenger_budget_ms",
            "for all 3 models together",
            "lower it",
        ),
        ("[model]\nregistry = 1", "model.registry", "a path", "registry"),
        ('[kafka]\nclient = {"group.id" = "x"}', "kafka.client.group.id", "Weir sets", "kafka.group"),
        ('[kafka]\nclient = {"isolation.level" = "x"}', "kafka.client.isolation.level", "Weir sets", "remove it"),
        ('[kafka]\nclient = {"a" = [1]}', "kafka.client", "plain values", "{}"),
        ('[kafka]\nsasl_mechanism = "PLAIN"', "kafka.sasl_mechanism", "security_protocol", "sasl_ssl"),
        ('[kafka]\nsecurity_protocol = "sasl_ssl"', "kafka.sasl_mechanism", "required", "SCRAM"),
        ('[kafka]\nssl_ca_location = "/no/such.pem"', "kafka.ssl_ca_location", "exists", "path"),
        ('[topics]\nevents = "labels"', "topics.labels", "differ", "name of its own"),
        ("[http]\nport = 65536", "http.port", "from 0 to 65535", "8080"),
        ("[worker]\nlingerms = 5", "worker.lingerms", "exists", "did you mean worker.linger_ms?"),
        ("[drfit]\nblock_ms = 5", "drfit", "exists", "did you mean drift?"),
        ("linger_ms = 5", "linger_ms", "exists", "did you mean worker.linger_ms?"),
        ('kafka = "x"', "kafka", "a table", "[kafka]"),
    ],
)
def test_a_bad_value_is_reported_with_key_rule_and_fix(write: Write, toml: str, key: str, rule: str, fix: str) -> None:
    found = problems_of(write(toml))
    assert list(found) == [key]
    assert rule in found[key].rule
    assert fix in found[key].fix


def test_all_mistakes_of_all_sources_come_at_once(write: Write) -> None:
    config = write('[worker]\nlinger_ms = -1\n[kafka]\ngroup = ""\nbogus = 1\n[topics]\nevents = "labels"\n')
    environ = {"WEIR_HTTP__PORT": "x", "WEIR_KAFKA__GRUOP": "y", "WEIR_KAFKA__DELIVERY": "twice"}
    found = problems_of(config, environ)
    assert set(found) == {
        "worker.linger_ms",
        "kafka.group",
        "kafka.bogus",
        "topics.labels",
        "http.port",
        "WEIR_KAFKA__GRUOP",
        "kafka.delivery",
    }
    assert found["http.port"].origin == "WEIR_HTTP__PORT"
    assert "did you mean WEIR_KAFKA__GROUP?" in found["WEIR_KAFKA__GRUOP"].fix


@pytest.mark.parametrize("content", [b"[kafka\n", b'[kafka]\ngroup = "\xff"\n', b"[kafka]\ngroup = 1\ngroup = 2\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "broken.toml"
    config.write_bytes(content)
    assert "TOML" in problems_of(config)["--config"].rule


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "no.toml") in problems_of(tmp_path / "no.toml")["--config"].value


def test_variables_that_only_begin_alike_are_not_settings() -> None:
    service_link = {
        "WEIR_HTTP_PORT": "tcp://10.0.0.1:80",
        "WEIR_HTTP_SERVICE_HOST": "10.0.0.1",
        "WEIR_REQUIRE_KAFKA": "1",
    }
    assert load_settings(environ=service_link).notes == ()
    mistaken = load_settings(environ={"WEIR_KAFKA_GROUP": "x"})
    assert mistaken.kafka.group == "weir"
    assert "WEIR_KAFKA__GROUP" in mistaken.notes[0]


def test_topics_are_resolved_with_their_prefix() -> None:
    topics = load_settings(environ={"WEIR_TOPICS__PREFIX": "eu.", "WEIR_TOPICS__EVENTS": "orders"}).topics
    assert topics.name("events") == "eu.orders"
    assert topics.names["dead_letters"] == "eu.dead-letters"
    assert len(topics.names) == 11


SASL = '[kafka]\nsecurity_protocol = "sasl_ssl"\nsasl_mechanism = "PLAIN"\nsasl_username = "u"\n'


def test_a_secret_comes_from_a_file(write: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{CANARY}\n")
    settings = load_settings(write(SASL + f'sasl_password_file = "{secret}"'), {})
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.get_secret_value() == CANARY
    assert CANARY not in repr(settings)


def test_a_secret_and_its_file_in_one_place_exclude_each_other_and_the_environment_wins(
    write: Write, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of-file")
    config = write(SASL + f'sasl_password_file = "{secret}"')
    over = load_settings(config, {"WEIR_KAFKA__SASL_PASSWORD": CANARY}).kafka.sasl_password
    assert over is not None
    assert over.get_secret_value() == CANARY
    both = write(SASL + f'sasl_password = "{CANARY}"\nsasl_password_file = "{secret}"')
    assert "only one of" in problems_of(both)["kafka.sasl_password_file"].rule


@pytest.mark.parametrize("path", ["/no/such/secret", "/", "/a\\u0000b"])
def test_a_secret_file_that_cannot_be_read_is_named(write: Write, path: str) -> None:
    found = problems_of(write(SASL + f'sasl_password_file = "{path}"'))
    assert path in found["kafka.sasl_password_file"].value


@pytest.mark.parametrize(
    ("toml", "environ"),
    [
        (f'[kafka]\nsasl_pasword = "{CANARY}"', {}),
        (f'[kafka]\nsasl_password = ["{CANARY}"]', {}),
        (f'[kafka]\nsasl_password = {{a = "{CANARY}"}}', {}),
        (f'[kafka]\nclient = {{"sasl.password" = "{CANARY}", "group.id" = "x"}}', {}),
        (f'[kafka]\nclient = {{"ssl.key.pem" = ["{CANARY}"]}}', {}),
        (f'sasl_password = "{CANARY}"', {}),
        (f'[kafak]\nsasl_password = "{CANARY}"', {}),
        (f'kafka = "{CANARY}"', {}),
        (f'[kafka]\nsasl_password = "{CANARY}', {}),
        (f'[kafka]\nbootstrap_servers = "user:{CANARY}@host:9092"', {}),
        ("", {"WEIR_KAFKA__SASL_PASWORD": CANARY}),
        ("", {"WEIR_KAFKA__CLIENT": f'{{"sasl.password": "{CANARY}"'}),
        ("", {"WEIR_KAFKA__CLIENT": f'["{CANARY}"]', "WEIR_HTTP__PORT": "x"}),
    ],
)
def test_no_message_shows_a_secret(write: Write, toml: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(write(toml), environ)
    error: BaseException | None = raised.value
    while error is not None:
        assert CANARY not in str(error)
        error = error.__cause__


@given(st.dictionaries(st.sampled_from([variable_of(key) for key in KEYS]), st.text(), max_size=4))
def test_any_text_in_the_environment_gives_settings_or_named_problems(environ: dict[str, str]) -> None:
    problems: tuple[Problem, ...] = ()
    origins: set[str] = set()
    try:
        origins = set(load_settings(environ=environ).origins)
    except SettingsError as error:
        problems = error.problems
    given_keys = {key for key in KEYS if variable_of(key) in environ}
    assert problems or origins == given_keys
    assert all(problem.fix and problem.rule for problem in problems)


def test_every_default_obeys_its_own_rule() -> None:
    for table in TABLES.values():
        for field in msgspec.structs.fields(table):
            value = getattr(table(), field.name)
            if not isinstance(value, (Path, msgspec.Struct)):
                msgspec.convert(value, field.type)
