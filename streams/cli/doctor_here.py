"""What `weir doctor` learns of this machine: folders, files, certificates, ports. Nothing is written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from cryptography import x509

from streams.cli.status import WORKER_PATIENCE_S, find_workers, reached_at
from streams.doctor.certificates import CertificateFacts, certificate_findings
from streams.doctor.files import SecretFileFacts, StateDirFacts, secret_file_findings, state_dir_findings
from streams.doctor.finding import Finding
from streams.doctor.ports import PortFacts, port_findings
from streams.http.ports import PortTaken, listen
from streams.settings import Settings

SECRET_FILES = (
    "http.keys_file",
    "http.tls_key",
    "kafka.ssl_key_location",
    "kafka.ssl_key_password_file",
    "kafka.sasl_password_file",
    "kafka.sasl_oauthbearer_client_secret_file",
)
CERTIFICATES = ("http.tls_certificate", "kafka.ssl_certificate_location")


def check_files(settings: Settings) -> Iterator[Finding]:
    yield from state_dir_findings(_state_dir(settings.worker.state_dir.absolute()))
    for key in SECRET_FILES:
        path = _path(settings, key)
        if path is not None:
            yield from secret_file_findings(_secret_file(key, path))


def check_certificates(settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for key in CERTIFICATES:
        path = _path(settings, key)
        if path is not None:
            yield from certificate_findings(_certificates(f"{key} {path}", path, newest=False), now)
    bundle = settings.kafka.ssl_ca_location
    if bundle is not None and bundle.is_file():
        yield from certificate_findings(_certificates(f"kafka.ssl_ca_location {bundle}", bundle, newest=True), now)


def check_ports(settings: Settings, *, door: bool) -> Iterator[Finding]:
    """`door`: requests are to be answered, too."""
    workers = find_workers(settings)
    admin, http = settings.admin, settings.http
    ours = any(each["url"].endswith(f":{admin.port}") for each in workers) or _takes_a_key(admin.host, admin.port)
    facts = PortFacts("admin.port", admin.host, admin.port, settings.is_set("admin.port"), None, ours)
    yield from port_findings(replace(facts, refused=_refused(facts)))
    if door:
        ours = ours or any("http" in each.get("roles", ()) for each in workers)
        facts = PortFacts("http.port", http.host, http.port, settings.is_set("http.port"), None, ours)
        yield from port_findings(replace(facts, refused=_refused(facts)))


def certificate_facts(where: str, der: bytes) -> CertificateFacts:
    """Of one that a broker showed."""
    try:
        shown = x509.load_der_x509_certificate(der)
    except ValueError as error:
        return CertificateFacts(where, unreadable=str(error)[:200])
    return CertificateFacts(where, shown.not_valid_before_utc, shown.not_valid_after_utc)


def _path(settings: Settings, key: str) -> Path | None:
    table, _, name = key.partition(".")
    path: Path | None = getattr(getattr(settings, table), name)
    return path


def _state_dir(path: Path) -> StateDirFacts:
    nearest = path
    try:
        while not nearest.exists() and nearest != nearest.parent:
            nearest = nearest.parent  # it is made at the start
        if not nearest.is_dir():
            return StateDirFacts(str(path), f"{nearest} is no directory")
        if not os.access(nearest, os.W_OK | os.X_OK):
            return StateDirFacts(str(path), f"{nearest} may not be written by this user")
        system = os.statvfs(nearest)
    except OSError as error:
        return StateDirFacts(str(path), error.strerror or type(error).__name__)
    return StateDirFacts(str(path), None, system.f_bavail * system.f_frsize)


def _secret_file(key: str, path: Path) -> SecretFileFacts:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return SecretFileFacts(key, str(path), None, error.strerror or type(error).__name__)
    readable = os.access(path, os.R_OK)
    return SecretFileFacts(key, str(path), mode, None if readable else "this user may not read it")


def _certificates(where: str, path: Path, *, newest: bool) -> CertificateFacts:
    """Of a chain the one that ends first counts; of a bundle of authorities (`newest`) the one that ends last."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror or "" if isinstance(error, OSError) else str(error)
        return CertificateFacts(where, unreadable=why[:200] or type(error).__name__)
    one = (max if newest else min)(found, key=lambda each: each.not_valid_after_utc)
    return CertificateFacts(where, one.not_valid_before_utc, one.not_valid_after_utc)


def _takes_a_key(host: str, port: int) -> bool:
    """Whether a worker answers there and does not say whose it is: it may well be ours."""
    try:
        urlopen(f"http://{reached_at(host)}:{port}/status", timeout=WORKER_PATIENCE_S).close()
    except HTTPError as error:
        return error.code in {401, 403}
    except (OSError, ValueError, HTTPException):
        pass
    return False


def _refused(facts: PortFacts) -> str | None:
    try:
        listen(facts.host, facts.port, chosen=True, key=facts.key).close()
    except PortTaken as taken:
        return taken.why
    except OSError as error:  # a host name that is none
        return error.strerror or str(error)
    return None
