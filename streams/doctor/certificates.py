"""Until when TLS certificates are good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from streams.doctor.finding import Finding, Severity

CHECK = "certificates"
SOON = timedelta(days=21)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """`where`: a setting and its file, or the broker. `unreadable`: why it is no certificate."""

    where: str
    begins: datetime | None = None
    ends: datetime | None = None
    unreadable: str | None = None


def certificate_findings(facts: CertificateFacts, now: datetime) -> Iterator[Finding]:
    def finding(severity: Severity, what: str, cause: str, fix: str) -> Finding:
        return Finding(CHECK, severity, what, facts.where, cause, fix)

    if facts.unreadable is not None:
        what = f"no certificate can be read: {facts.unreadable}"
        yield finding(Severity.ERROR, what, "the path, or what is in the file", "put a certificate in PEM there")
    if facts.begins is not None and now < facts.begins:
        what = f"the certificate is not valid before {facts.begins:%Y-%m-%d %H:%M} UTC"
        yield finding(Severity.ERROR, what, "it was just made, or the clock of this machine is behind", "`timedatectl`")
    if facts.ends is None:
        return
    if facts.ends <= now:
        what = f"the certificate has expired on {facts.ends:%Y-%m-%d %H:%M} UTC"
        yield finding(Severity.ERROR, what, "it was not renewed", "renew it; workers read it at their next start")
    elif facts.ends - now < SOON:
        what = f"the certificate expires on {facts.ends:%Y-%m-%d %H:%M} UTC, in {(facts.ends - now).days} d"
        yield finding(Severity.WARNING, what, "it was not renewed yet", "renew it; workers read it at their next start")
