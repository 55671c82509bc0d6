from __future__ import annotations

from pathlib import Path

import pytest

from streams.demo.broker import EmbeddedBrokerMissing
from streams.demo.sandbox import BrokerChoice, Sandbox, local_broker, temporary_folder
from streams.settings import Settings, load_settings


def _settings(folder: Path, *, foreign: bool = False) -> Settings:
    return Sandbox(folder, "shuttle", foreign=foreign).settings("127.0.0.1:4711")


@pytest.fixture(autouse=True)
def settings_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEIR_MODEL__NAME", "theirs")
    monkeypatch.setenv("WEIR_KAFKA__BOOTSTRAP_SERVERS", "kafka.example:9092")
    monkeypatch.setenv("WEIR_KAFKA__GROUP", "theirs")
    monkeypatch.setenv("WEIR_KAFKA__CLIENT", '{"socket.timeout.ms": 1234}')
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("pipeline.toml").write_text("[topics]\nprefix = 'theirs.'\n")


def test_settings_of_the_user_have_no_say(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    assert settings.kafka.bootstrap_servers == "127.0.0.1:4711"
    assert settings.model.name == "shuttle"
    assert settings.kafka.group == "weir"
    assert settings.topics.prefix == ""
    assert settings.kafka.client == {}
    for path in (settings.model.registry, settings.worker.state_dir):
        assert path.is_relative_to(tmp_path)


def test_on_the_users_kafka_names_are_random_and_its_security_is_kept(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one, other = _settings(tmp_path, foreign=True), _settings(tmp_path / "b", foreign=True)
    assert one.kafka.bootstrap_servers == "127.0.0.1:4711"
    assert one.kafka.client == {"socket.timeout.ms": 1234}
    assert one.topics.name("events").startswith(f"{one.kafka.group}.")
    assert one.kafka.group != other.kafka.group
    assert one.topics.prefix != other.topics.prefix


def test_the_worker_gets_its_settings_when_they_are_released(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, "shuttle", foreign=False)
    mine = sandbox.settings("127.0.0.1:4711")
    assert not Path(sandbox.environ["WEIR_CONFIG"]).exists()
    sandbox.release()
    theirs = load_settings(environ=sandbox.environ)
    assert theirs.kafka == mine.kafka
    assert theirs.topics == mine.topics
    assert theirs.worker == mine.worker


def test_a_missing_embedded_broker_names_the_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise EmbeddedBrokerMissing

    monkeypatch.setattr("streams.demo.sandbox.embedded_binary", missing)
    with pytest.raises(EmbeddedBrokerMissing, match="weir demo --broker kafka"):
        local_broker(BrokerChoice.EMBEDDED)


def test_the_folder_goes_whatever_happens() -> None:
    with pytest.raises(ZeroDivisionError), temporary_folder() as folder:  # noqa: PT012  # what is tested is the way out
        (folder / "state").mkdir()
        raise ZeroDivisionError
    assert not folder.exists()
