"""Rules of the table `http` that span more than one key: who is let in from where. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from streams.settings.effective import Settings
from streams.settings.problems import Problem, problem_at
from streams.settings.security import on_this_machine


def is_loopback(host: str) -> bool:
    """Whether a host can only be reached from this machine. A name that is not localhost may be anything."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def door_problems(settings: Settings) -> Iterator[Problem]:
    """A door that is open to everybody without anybody having said so, and half a TLS."""
    http = settings.http
    if not is_loopback(http.host) and not http.identifies and not http.allow_anonymous:
        rule = "this machine's own address (127.0.0.1) unless keys or tokens say who may ask: everybody could"
        fix = "make keys with `weir key new` and set http.keys_file; or set http.allow_anonymous = true"
        yield problem_at(settings, "http.host", rule, fix)
    if http.tls_certificate is not None and http.tls_key is None:
        yield problem_at(settings, "http.tls_key", "required with http.tls_certificate", "set it")
    if http.tls_key is not None and http.tls_certificate is None:
        yield problem_at(settings, "http.tls_certificate", "required with http.tls_key", "set it")
    yield from _token_problems(settings)


def _token_problems(settings: Settings) -> Iterator[Problem]:
    """A token proves nothing unless it says for whom it is and by whom (RFC 8725, 3.8 and 3.9)."""
    http = settings.http
    if http.jwt_keys_file is not None and http.jwt_keys_url is not None:
        yield problem_at(settings, "http.jwt_keys_file", "only one of it and http.jwt_keys_url", "remove one")
    url = http.jwt_keys_url
    if url is not None and url.lower().startswith("http:") and not on_this_machine(url):
        rule = "https, or http on this machine: who can change what comes lets in whom they like"
        yield problem_at(settings, "http.jwt_keys_url", rule, "use the https address")
    wanted = ("jwt_audience", "jwt_issuer")
    if http.jwt_keys_file is not None or http.jwt_keys_url is not None:
        for name in wanted:
            if getattr(http, name) is None:
                fix = "set it to what the identity provider puts into its tokens"
                yield problem_at(settings, f"http.{name}", "required where tokens are taken", fix)
    else:
        for name in wanted:
            if getattr(http, name) is not None:
                fix = "set http.jwt_keys_url or http.jwt_keys_file, or remove it"
                yield problem_at(settings, f"http.{name}", "only where tokens are taken", fix)


def door_notes(settings: Settings) -> Iterator[str]:
    """What works and is not safe."""
    http = settings.http
    if not is_loopback(http.host) and not http.identifies and http.allow_anonymous:
        yield "http.allow_anonymous lets everybody who reaches http.host ask the model"
    if not is_loopback(settings.admin.host) and not http.identifies and not settings.admin.allow_anonymous:
        yield "without keys or tokens nothing but the probes answers at admin.host; set http.keys_file"
    if not is_loopback(http.host) and http.tls_certificate is None:
        yield "http without http.tls_certificate sends keys and events in plain text, unless a proxy before it has TLS"
