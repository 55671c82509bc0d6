"""Logging: one set-up for ours and the libraries'. A line a record, safe to print, secrets masked."""

from __future__ import annotations

import functools
import logging
import sys
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from streams.settings.secret import masked
from streams.telemetry.escape import printable

NOISY = ("aiohttp.access", "aiokafka", "asyncio", "faust", "mode", "rdkafka")
"""Libraries whose news are heard from warnings on."""

MODE_REPEATS = ("Crashed reason=", "We experienced a crash")

TRACEBACK_LENGTH = 8_000


def configure_logging(
    stream: TextIO | None = None,
    *,
    as_json: bool | None = None,
    level: str = "INFO",
    always: Mapping[str, Any] | None = None,
) -> None:
    """Send all logging to `stream` (stderr): lines for people on a terminal, JSON elsewhere, unless `as_json` says.
    `always` is in every line.

    Replaces the root logger's handlers; may be called again.
    """
    out = sys.stderr if stream is None else stream
    json_lines = not out.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        functools.partial(_with, always or {}),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _traceback_as_text,
        _safe_values,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=True)
        if json_lines
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="time")
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a later set-up, as in tests, must reach loggers that exist
    )
    handler = logging.StreamHandler(out)
    handler.addFilter(lambda record: not _is_told_by_us(record))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.WARNING, root.level))


def _is_told_by_us(record: logging.LogRecord) -> bool:
    """Whether mode, which Faust runs on, only repeats in its own form what the worker says itself: that it ends, and
    by what. It does so under the names of our modules."""
    if not (record.name.startswith("streams.") and isinstance(record.msg, str) and record.msg.startswith("[^")):
        return False
    return record.levelno < logging.WARNING or any(sign in record.msg for sign in MODE_REPEATS)


def _with(always: Mapping[str, Any], _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**event, **always}


def _traceback_as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A traceback is text like any other: the message of an exception may hold an event's bytes."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        text = "".join(traceback.format_exception(error))
        event["exception"] = printable(text[-TRACEBACK_LENGTH:], limit=TRACEBACK_LENGTH, keep="\n")
    return event


def _safe_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        key: value if key.startswith("_") or key == "exception" else _shown(key, value) for key, value in event.items()
    }


def _shown(key: str, value: Any) -> Any:
    """Who did something is told as it is: an address of mail looks like the user of a URL, which is masked."""
    return _safe(value if key == "who" else masked(key, value))


def _safe(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {printable(str(key)): _safe(item) for key, item in value.items()}
        case list() | tuple():
            return [_safe(item) for item in value]
    return printable(value if isinstance(value, str) else repr(value))
