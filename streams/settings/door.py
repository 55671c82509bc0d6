"""Rules of the table `http` that span more than one key: who is let in from where. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from streams.settings.effective import Settings
from streams.settings.problems import Problem, problem_at


def is_loopback(host: str) -> bool:
    """Whether a host can only be reached from this machine. A name that is not localhost may be anything."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def door_problems(settings: Settings) -> Iterator[Problem]:
    """A door that is open to everybody without anybody having said so, and half a TLS."""
    http = settings.http
    if not is_loopback(http.host) and http.keys_file is None and not http.allow_anonymous:
        rule = "this machine's own address (127.0.0.1) unless http.keys_file says who may ask: everybody could"
        fix = "make keys with `weir key new` and set http.keys_file; or set http.allow_anonymous = true"
        yield problem_at(settings, "http.host", rule, fix)
    if http.tls_certificate is not None and http.tls_key is None:
        yield problem_at(settings, "http.tls_key", "required with http.tls_certificate", "set it")
    if http.tls_key is not None and http.tls_certificate is None:
        yield problem_at(settings, "http.tls_certificate", "required with http.tls_key", "set it")


def door_notes(settings: Settings) -> Iterator[str]:
    """What works and is not safe."""
    http = settings.http
    if not is_loopback(http.host) and http.keys_file is None and http.allow_anonymous:
        yield "http.allow_anonymous lets everybody who reaches http.host ask the model"
    if not is_loopback(http.host) and http.tls_certificate is None:
        yield "http without http.tls_certificate sends keys and events in plain text, unless a proxy before it has TLS"
