"""What `weir doctor` learns of this machine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry

from streams.cli.doctor_here import check_certificates, check_files, check_ports
from streams.http.admin import AdminWeb
from streams.http.admin_routes import worker_routes
from streams.http.admission import admin_guard, identify_by
from streams.http.keys import Scope, new_key
from streams.settings import Settings, load_settings
from streams.telemetry.progress import Progress


def certificate(days: int) -> bytes:
    """Self-signed, good until so many days from now."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=400))
    return built.not_valid_after(now + timedelta(days=days)).sign(key, None).public_bytes(serialization.Encoding.PEM)


def settings_with(tmp_path: Path, **variables: str) -> Settings:
    state = {"WEIR_WORKER__STATE_DIR": str(tmp_path / "state" / "of" / "weir")}
    return load_settings(environ={**state, **{f"WEIR_{name}": value for name, value in variables.items()}})


def test_a_folder_that_is_not_there_yet_is_made_where_it_can_be(tmp_path: Path) -> None:
    assert not list(check_files(settings_with(tmp_path)))
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").write_text("")
    (found,) = check_files(settings_with(tmp_path))
    assert "is no directory" in found.what


def test_every_file_with_a_secret_is_looked_at(tmp_path: Path) -> None:
    for name in ("keys", "password"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o604)
    found = check_files(
        settings_with(
            tmp_path,
            HTTP__KEYS_FILE=str(tmp_path / "keys"),
            KAFKA__SECURITY_PROTOCOL="sasl_ssl",
            KAFKA__SASL_MECHANISM="PLAIN",
            KAFKA__SASL_USERNAME="weir",
            KAFKA__SASL_PASSWORD_FILE=str(tmp_path / "password"),
        )
    )
    assert [each.where.split(" ")[0] for each in found] == ["http.keys_file", "kafka.sasl_password_file"]


@pytest.mark.parametrize(
    ("pem", "wanted"),
    [
        (certificate(200), []),
        (certificate(5), ["the certificate expires on"]),
        (certificate(-5), ["the certificate has expired on"]),
        (certificate(200) + certificate(-5), ["the certificate has expired on"]),
        (b"no certificate", ["no certificate can be read"]),
    ],
)
def test_a_chain_is_good_until_the_first_of_it_ends(tmp_path: Path, pem: bytes, wanted: list[str]) -> None:
    (tmp_path / "chain").write_bytes(pem)
    shown = settings_with(
        tmp_path, HTTP__TLS_CERTIFICATE=str(tmp_path / "chain"), HTTP__TLS_KEY=str(tmp_path / "chain")
    )
    found = [each.what for each in check_certificates(shown)]
    assert [what for what, begins in zip(found, wanted, strict=True) if what.startswith(begins)] == found


def test_an_old_authority_in_a_bundle_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "ca").write_bytes(certificate(-5) + certificate(200))
    bundle = {"KAFKA__SECURITY_PROTOCOL": "ssl", "KAFKA__SSL_CA_LOCATION": str(tmp_path / "ca")}
    assert not list(check_certificates(settings_with(tmp_path, **bundle)))
    (tmp_path / "ca").write_bytes(certificate(-5) + certificate(-200))
    assert len(list(check_certificates(settings_with(tmp_path, **bundle)))) == 1


@pytest.mark.parametrize(("group", "keyed", "found"), [("weir", False, 0), ("other", False, 1), ("weir", True, 0)])
def test_a_port_that_a_worker_of_ours_has_is_no_finding(tmp_path: Path, group: str, *, keyed: bool, found: int) -> None:
    (tmp_path / "keys").write_bytes(msgspec.json.encode(new_key("status", (Scope.READ,))[1]))
    (tmp_path / "keys").chmod(0o600)

    async def run() -> int:
        guarded = load_settings(
            environ={"WEIR_ADMIN__HOST": "0.0.0.0", "WEIR_HTTP__KEYS_FILE": str(tmp_path / "keys")} if keyed else {}
        )
        progress = Progress(["drift"], needs_model=False, deadline_s=10.0, now=0.0)
        routes = worker_routes(CollectorRegistry(), progress, lambda: {"group": group}, lambda: 0.0)
        web = AdminWeb(routes, admin_guard(guarded, identify_by(guarded) if keyed else None))
        port = await web.start("127.0.0.1", 0, chosen=True)
        try:
            settings = settings_with(tmp_path, ADMIN__PORT=str(port))
            return len(await asyncio.to_thread(lambda: list(check_ports(settings, door=False))))
        finally:
            await web.stop()

    assert asyncio.run(run()) == found
