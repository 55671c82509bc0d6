"""Whether a browser was led to a request by somebody else's page. Pure: headers in, a verdict out."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from streams.http.credentials import Headers

READING = frozenset({"GET", "HEAD", "OPTIONS"})


_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]\\]*)(?::([0-9]{0,5}))?\Z")


def is_host(host: str) -> bool:
    """Whether ``Host`` has the form of one (RFC 9110), with a port that there may be."""
    found = _HOST.match(host)
    return found is not None and int(found[1] or 0) <= 65_535


def is_address_or_localhost(host: str) -> bool:
    """What ``Host`` names. Any other name may be a stranger's, made to lead here (DNS rebinding): a page of that name
    would be of our own origin."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def is_of_another_page(method: str, headers: Headers) -> bool:
    """Whether a request that changes something was sent by a page of another origin (CSRF).

    As Go's `http.CrossOriginProtection`: ``Sec-Fetch-Site`` decides; browsers that do not send it send ``Origin``; who
    sends neither is no browser.
    """
    if method in READING:
        return False
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("Origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc != headers.get("Host", "")
    except ValueError:
        return True
