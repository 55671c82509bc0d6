"""From `pipeline.toml` and the environment to Settings, or to every reason why not."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from streams.settings.door import door_notes
from streams.settings.effective import TABLES, Origin, Settings, Source
from streams.settings.problems import Problem, SettingsError
from streams.settings.rules import across_keys, rule_of
from streams.settings.secret import MASK, SecretStr, shown
from streams.settings.security import security_notes

PREFIX = "WEIR_"
CONFIG_VARIABLE = "WEIR_CONFIG"
DEFAULT_FILE = Path("pipeline.toml")
KEYS = [f"{table}.{key}" for table, kind in TABLES.items() for key in kind.__struct_fields__]
SECRET_FILES = {
    "kafka.sasl_password": "kafka.sasl_password_file",
    "kafka.sasl_oauthbearer_client_secret": "kafka.sasl_oauthbearer_client_secret_file",
    "kafka.ssl_key_password": "kafka.ssl_key_password_file",
}


def variable_of(key: str) -> str:
    """The environment variable of a key: ``kafka.group`` is ``WEIR_KAFKA__GROUP``."""
    return PREFIX + key.replace(".", "__").upper()


VARIABLES = {variable_of(key): key for key in KEYS}
SINGLE_UNDERSCORE = {variable.replace("__", "_"): variable for variable in VARIABLES}


def load_settings(config: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Defaults, then the file (`config`, else WEIR_CONFIG, else ./pipeline.toml if there is one), then the environment.

    Raises SettingsError with every problem found.
    """
    environ = os.environ if environ is None else environ
    found = _Found()
    chosen = config if config is not None else Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None
    if chosen is not None or DEFAULT_FILE.exists():
        found.read_file(chosen or DEFAULT_FILE)
    found.read_environment(environ)
    found.read_secret_files()
    tables: dict[str, Any] = {
        name: kind(
            **{key.partition(".")[2]: value for key, value in found.values.items() if key.startswith(f"{name}.")}
        )
        for name, kind in TABLES.items()
    }
    settings = Settings(**tables, origins=found.origins, notes=tuple(found.notes))
    refused = {problem.key for problem in found.problems}
    found.problems += [problem for problem in across_keys(settings) if problem.key not in refused]
    if found.problems:
        raise SettingsError(found.problems)
    return msgspec.structs.replace(settings, notes=(*settings.notes, *security_notes(settings), *door_notes(settings)))


@dataclass
class _Found:
    """What the sources gave so far."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read_file(self, path: Path) -> None:
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            fix = f"create it, or correct --config or {CONFIG_VARIABLE}"
            self.problems.append(Problem("--config", str(path), str(path), f"a readable file ({error.strerror})", fix))
            return
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
            rule = f"a TOML document in UTF-8 ({reason})"
            self.problems.append(Problem("--config", str(path), str(path), rule, "correct the file at that place"))
            return
        origin = Origin(Source.FILE, str(path))
        for table, content in document.items():
            if table not in TABLES:
                self._unknown(table, content, origin, _nearest_table(table))
            elif not isinstance(content, dict):
                rule, fix = "a table", f"write [{table}] on a line of its own, and its keys below"
                self.problems.append(Problem(table, MASK, str(origin), rule, fix))
            else:
                for key, value in content.items():
                    self._take(f"{table}.{key}", value, origin, strict=True)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Variables with a double underscore are settings; others that begin alike (service links) are not ours."""
        for variable in sorted(environ):
            if not variable.startswith(PREFIX):
                continue
            origin, text = Origin(Source.ENVIRONMENT, variable), environ[variable]
            if variable in VARIABLES:
                self._take_text(VARIABLES[variable], text, origin)
            elif "__" in variable:
                self._unknown(variable, text, origin, _nearest(variable, VARIABLES))
            elif variable in SINGLE_UNDERSCORE and not text.startswith("tcp://"):
                # tcp:// is what Kubernetes puts into WEIR_HTTP_PORT for a service of that name.
                self.notes.append(f"{variable} is not read: the setting's variable is {SINGLE_UNDERSCORE[variable]}")

    def read_secret_files(self) -> None:
        for key, file_key in SECRET_FILES.items():
            path = self.values.get(file_key)
            if path is None:
                continue
            origin = self.origins[file_key]
            if self.origins.get(key) is not None:
                if self.origins[key].source is origin.source:
                    rule, fix = f"only one of {key} and {file_key}", f"remove {key}"
                    self.problems.append(Problem(file_key, shown(file_key, path), str(origin), rule, fix))
                    continue
                if self.origins[key].source is Source.ENVIRONMENT:
                    continue  # the secret itself, from the environment, wins over the file's name in the file
            try:
                self.values[key] = SecretStr(path.read_text("utf-8").rstrip("\r\n"))
                self.origins[key] = Origin(origin.source, str(path))
            except (OSError, ValueError) as error:  # not UTF-8, or a path that cannot be
                rule = f"a readable text file ({type(error).__name__})"
                fix = "correct the path, or mount the secret there"
                self.problems.append(Problem(file_key, shown(file_key, path), str(origin), rule, fix))

    def _take_text(self, key: str, text: str, origin: Origin) -> None:
        if not _is_mapping(key):
            self._take(key, text, origin, strict=False)
            return
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            self._bad_value(key, MASK, origin)
        else:
            self._take(key, value, origin, strict=True)

    def _take(self, key: str, value: Any, origin: Origin, *, strict: bool) -> None:
        table, _, name = key.partition(".")
        if key not in KEYS:
            self._unknown(key, value, origin, _nearest(key, KEYS))
            return
        field_type = msgspec.structs.fields(TABLES[table])[TABLES[table].__struct_fields__.index(name)].type
        try:
            self.values[key] = msgspec.convert(value, field_type, strict=strict, dec_hook=_text_like)
        except msgspec.ValidationError:
            # Where names and values are expected and something else came, nothing says what in it is secret.
            nameless = _is_mapping(key) and not isinstance(value, dict)
            self._bad_value(key, MASK if nameless else shown(key, value), origin)
        else:
            self.origins[key] = origin

    def _bad_value(self, key: str, value: str, origin: Origin) -> None:
        table, _, name = key.partition(".")
        fix = f"correct it, or remove it to use the default, {shown(key, getattr(TABLES[table](), name))}"
        self.problems.append(Problem(key, value, str(origin), rule_of(TABLES[table], name), fix))

    def _unknown(self, key: str, value: Any, origin: Origin, nearest: str | None) -> None:
        # A mistyped name of a secret still holds the secret.
        name = f"{key} {nearest or ''}"
        fix = f"did you mean {nearest}?" if nearest else "remove it; `weir config explain` lists every setting"
        self.problems.append(Problem(key, shown(name, value), str(origin), "a setting that exists", fix))


def _is_mapping(key: str) -> bool:
    table, _, name = key.partition(".")
    info = inspect.type_info(TABLES[table])
    assert isinstance(info, inspect.StructType)
    kind = info.fields[TABLES[table].__struct_fields__.index(name)].type
    return isinstance(kind, (inspect.DictType, inspect.StructType))


def _text_like(kind: type[Any], value: Any) -> Any:
    if not isinstance(value, str) or (kind is Path and not value):
        raise ValueError("text expected")
    return kind(value)


def _nearest(name: str, known: Mapping[str, str] | list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.7)), None)


def _nearest_table(name: str) -> str | None:
    """A table, or the full name of a key that was written without its table."""
    keys = [key for key in KEYS if key.endswith(f".{name}")]
    return keys[0] if len(keys) == 1 else _nearest(name, list(TABLES))
