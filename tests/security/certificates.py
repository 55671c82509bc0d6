"""Certificates of a test's own, made with the `openssl` command: a CA, and what it signs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "canary-key-5d1e"
"""Of every client's private key."""

_CA = """
[ca]
default_ca = this
[this]
dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Signed:
    """Certificate and private key in PEM; `both` holds them in one file, as Kafka wants it."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        folder.mkdir()
        self._folder = folder
        self.certificate, self._key = folder / "ca.pem", folder / "ca.key"
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        self._config = folder / "ca.cnf"
        self._config.write_text(_CA.format(folder=folder))
        request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        _openssl(*request, "-keyout", str(self._key), "-out", str(self.certificate))

    def sign(self, name: str, *, san: str = "", expired: bool = False, password: str | None = None) -> Signed:
        """A certificate for `name`; `san` such as ``IP:127.0.0.1``; with `password` the key is encrypted."""
        key, request = self._folder / f"{name}.key", self._folder / f"{name}.csr"
        certificate, both = self._folder / f"{name}.pem", self._folder / f"{name}.both.pem"
        protection = ["-nodes"] if password is None else ["-passout", f"pass:{password}"]
        _openssl(
            "req", "-newkey", "rsa:2048", *protection, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request)
        )
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={san}\n" if san else "basicConstraints=CA:FALSE\n")
        dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"] if expired else ["-days", "2"]
        signing = ["ca", "-batch", "-notext", "-config", str(self._config), "-cert", str(self.certificate)]
        signing += ["-keyfile", str(self._key), "-in", str(request), "-out", str(certificate)]
        _openssl(*signing, "-extfile", str(extensions), *dates)
        both.write_text(key.read_text() + certificate.read_text())
        return Signed(certificate, key, both)


def _openssl(*arguments: str) -> None:
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
