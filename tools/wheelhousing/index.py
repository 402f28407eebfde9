# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package index: its address, what it lists, and fetching with the user's proxy, certificates and netrc."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import tempfile
import time
import urllib.error
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from ansible.module_utils.urls import Request
from mousebender import simple

from .choice import File
from .errors import WheelhouseError

ATTEMPTS = 4
TIMEOUT = 60  # seconds without a byte
ADDRESS_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
# Answers that another try may better: too many requests, and what gateways say for a server that is away.
PASSING = (408, 425, 429, 500, 502, 503, 504)

T = TypeVar("T")


def index_address(option: str, uv: str) -> str:
    """Return the index's address: the option, else the user's variables, else what uv itself would ask.

    Raises:
        WheelhouseError: uv does not tell, or the address is none.
    """
    found = option or next((os.environ[name] for name in ADDRESS_VARIABLES if os.environ.get(name)), "")
    if not found:
        found = _default_of(uv)
    # uv takes NAME=ADDRESS.
    name, equals, address = found.partition("=")
    if equals and "://" in address and "://" not in name:
        found = address
    if urlsplit(found).scheme not in ("http", "https"):
        raise WheelhouseError(
            f"the index {found!r} is no http or https address; name one with --index, or in UV_DEFAULT_INDEX"
        )
    return found


def _default_of(uv: str) -> str:
    """Return the index that uv asks where nobody names one; its settings files count, those of this folder do not."""
    with tempfile.TemporaryDirectory(prefix="mlinabox-wheelhouse-") as folder:
        command = [uv, "pip", "compile", "--offline", "--no-header", "--emit-index-url", "--no-progress", "-"]
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    for line in done.stdout.splitlines():
        if line.startswith("--index-url "):
            return line.split(" ", 1)[1].strip()
    raise WheelhouseError("uv names no package index; name one with --index, or in UV_DEFAULT_INDEX")


class Index:
    """A package index. Safe to be used by several threads."""

    def __init__(self, address: str) -> None:
        """address: of its page `simple`; a user and a password in it are sent to that host alone."""
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self.origin = (parts.scheme, host)
        #: Without a user and a password, so it may be shown.
        self.address = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        self._context = ssl.create_default_context()

    def files(self, name: str) -> list[File]:
        """Return what the index lists for a distribution (normalized name), [] where it does not know it."""
        url = simple.create_project_url(self.address, name)

        def read() -> tuple[bytes, str, str]:
            with self._open("GET", url, {"Accept": simple.ACCEPT_SUPPORTED}) as answer:
                return answer.read(), answer.headers.get("Content-Type", ""), answer.geturl()

        try:
            body, kind, base = retried(read)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise WheelhouseError(self.why(url, error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise WheelhouseError(self.why(url, error)) from error
        try:
            # A parameter (`; charset=utf-8`) is no part of what kind of page it is.
            details = simple.parse_project_details(body.decode("utf-8"), kind.partition(";")[0].strip(), name)
        except (ValueError, KeyError, simple.UnsupportedMIMEType, simple.UnsupportedAPIVersion) as error:
            raise WheelhouseError(f"{url}: is no page of a package index ({kind}): {error}") from error
        return [
            File(
                name=unquote(file["filename"]),
                url=urljoin(base, file["url"]),
                sha256=str(file.get("hashes", {}).get("sha256", "")).lower(),
                size=file.get("size"),
            )
            for file in details["files"]
        ]

    def size(self, url: str) -> int | None:
        """Return how many bytes an address serves, None where it does not say."""
        try:
            with self._open("HEAD", url) as answer:
                length = answer.headers.get("Content-Length", "")
        except (OSError, http.client.HTTPException):
            return None
        return int(length) if length.isdigit() else None

    def fetch(self, url: str, take: Callable[[bytes], None]) -> None:
        """Give the bytes of an address to `take`, in parts. It raises what went wrong, for `retried` to see."""
        with self._open("GET", url) as answer:
            length = answer.headers.get("Content-Length", "")
            got = 0
            while True:
                part = answer.read(1 << 18)
                if not part:
                    break
                got += len(part)
                take(part)
        if length.isdigit() and got != int(length):
            raise http.client.IncompleteRead(b"", int(length) - got)

    def part(self, url: str, start: int, end: int) -> bytes:
        """Return the bytes of an address from `start` up to `end`. It raises what went wrong.

        Raises:
            WheelhouseError: the server does not serve parts.
        """

        def read() -> bytes:
            with self._open("GET", url, {"Range": f"bytes={start}-{end - 1}"}, decompress=False) as answer:
                if answer.status != http.client.PARTIAL_CONTENT:
                    raise WheelhouseError(f"{url}: the server does not serve parts of a file: name another index")
                return answer.read()

        return retried(read)

    def why(self, url: str, error: Exception) -> str:
        """Return one line on what went wrong at an address."""
        if isinstance(error, urllib.error.HTTPError):
            cure = {
                401: "name a user and a password in the index's address, or in ~/.netrc",
                403: "it wants another user, or does not serve this",
                404: "it is not there any more",
            }.get(error.code, "try again later, or name another index with --index")
            return f"{url}: the server answers {error.code} ({error.reason}): {cure}"
        reason = getattr(error, "reason", None) or error
        return (
            f"{url}: cannot be fetched: {reason or type(error).__name__}. Check the network; HTTPS_PROXY, "
            f"SSL_CERT_FILE and --index (or UV_DEFAULT_INDEX) say which way it goes"
        )

    def _open(self, method: str, url: str, headers: dict[str, str] | None = None, decompress: bool = True) -> Any:
        parts = urlsplit(url)
        own = (parts.scheme, parts.netloc) == self.origin
        # A blank in an address is what old indexes write.
        url = urlunsplit(parts._replace(path=quote(unquote(parts.path), safe="/+:@!$&'()*,;=~"), fragment=""))
        return Request().open(
            method,
            url,
            headers=headers,
            timeout=TIMEOUT,
            http_agent="mlinabox-wheelhouse",
            url_username=self.user if own and self.user else None,
            url_password=self.password if own and self.user else None,
            force_basic_auth=True,
            # A mirror may lead to a store elsewhere, which is not to see what the mirror is told.
            unredirected_headers=["Authorization"],
            # The digest is of the file as it lies there.
            decompress=decompress and method == "GET" and bool(headers),
            context=self._context,
        )


def retried(action: Callable[[], T], wait: Callable[[float], Any] | None = None) -> T:
    """Return what the action returns, tried again where its failure may pass; the last failure is raised."""
    wait = wait or time.sleep
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return action()
        except urllib.error.HTTPError as error:
            if attempt == ATTEMPTS or error.code not in PASSING:
                raise
        except (OSError, http.client.HTTPException) as error:
            if attempt == ATTEMPTS or isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError):
                raise
            if isinstance(error, OSError) and not _of_network(error):
                raise
        wait(2.0 ** (attempt - 1))
    raise AssertionError("not reached")


def _of_network(error: OSError) -> bool:
    """Whether an error is the network's, not the disk's."""
    return isinstance(error, (urllib.error.URLError, ConnectionError, TimeoutError, ssl.SSLError))
