# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to Paperspace's v1 API: made again where that is safe, never twice where it is not. No Ansible import.

What carries a request (`transport`) is given, `_paperspace_http.py` in earnest, so that this file needs no network.
Facts: address, `Bearer`, pages and envelopes are those of the API's reference and of the vendor's own command line.
"""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote, urlencode, urlsplit

from . import _paperspace_pages
from ._paperspace_errors import ApiError, code_of, described, is_error, one_line, scrubbed
from ._paperspace_retry import Retries, is_passing, leaves_open, retry_after

ADDRESS = "https://api.paperspace.com/v1"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_KEY = re.compile(r"[\x21-\x7e]+")


class Broken(Exception):
    """No whole answer came. sent: whether the request may have arrived; passing: whether another try may go better."""

    def __init__(self, text, sent=True, passing=True):
        super().__init__(text)
        self.sent, self.passing = sent, passing


class Answer:
    """An answer: status (int), headers (dict, names in small letters), body (bytes)."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


def checked_address(url):
    """Return the API's address without a slash at its end. ValueError, one sentence, where the key may not go there."""
    text = (url or "").strip().rstrip("/")
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname, parts.port
    except ValueError:
        parts, host = None, None
    if parts is None or parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment:
        raise ValueError(f"api_url {one_line(text, 100)!r} is no address: it is to look like {ADDRESS}")
    if parts.username or parts.password:
        raise ValueError("api_url must not hold a user or a password: the key goes into api_key or PAPERSPACE_API_KEY")
    if parts.scheme == "http" and host not in _LOCAL:
        raise ValueError(f"api_url must begin with https: the key would cross the network to {host} in the clear")
    return text


def checked_key(key):
    """Return the key without blanks around it. ValueError, without the key in it, where it can be none."""
    text = (key or "").strip()
    if not text:
        raise ValueError("there is no API key: set PAPERSPACE_API_KEY, or give api_key (from a vault)")
    if not _KEY.fullmatch(text):
        raise ValueError("the API key has a blank, a line break or a letter beyond ASCII in it: was it copied whole?")
    return text


class Api:
    """The API as one key sees it."""

    def __init__(self, transport, key, url=ADDRESS, timeout=30.0, retries=None, tell=None, sleep=time.sleep):
        """transport: called with (method, url, headers, body, timeout), gives an Answer or raises Broken.

        timeout: seconds for one answer, all of it; tell: called with a line before each pause. ValueError for an
        address or a key that can be none.
        """
        self._transport, self._key, self._url = transport, checked_key(key), checked_address(url)
        self._timeout, self._retries = timeout, retries or Retries()
        self._tell, self._sleep = tell or (lambda line: None), sleep

    # -- looking ----------------------------------------------------------------------------------------------------

    def get(self, *path, **query):
        """Return what the API has at a path, its parts given one by one, as data. ApiError."""
        return self._persistently("GET", _path(path, query))

    def all(self, kind, /, **query):
        """Return all items (list of dict) of a list such as `machines`; what is marked as deleted is left out."""
        # Oldest first: what comes into being meanwhile is on the last page, and moves nothing.
        order = {"order": "asc", "orderBy": "name" if kind == "os-templates" else "dtCreated"}

        def fetch(cursor):
            after = {} if cursor is None else {"after": cursor}
            return self.get(kind, limit=_paperspace_pages.LIMIT, **order, **query, **after)

        return [item for item in _paperspace_pages.collect(fetch, kind) if not item.get("dtDeleted")]

    # -- changing ---------------------------------------------------------------------------------------------------

    def put(self, *path, **body):
        """Set something's fields: made again after a failure, for twice is the same as once. Returns data. ApiError."""
        return self._persistently("PUT", _path(path), body)

    def change(self, method, path, body, done):
        """Ask for what must not be done twice. Returns the answer's data, or what `done` gave in its place. ApiError.

        path: list of its parts; done: asked, without arguments, after a failure that leaves open whether the change was
        made; gives what stands for the answer, or None where it was not made. Only then is it asked for again.
        """
        for attempt in range(self._retries.attempts):
            try:
                return self._once(method, _path(path), body)
            except ApiError as error:
                if not error.passing:
                    raise
                pause = self._retries.pause(attempt, error.after)
                if pause is not None:
                    self._wait(pause, error)
                if error.open:
                    made = _made(done, error)
                    if made is not None:
                        return made
                if pause is None:
                    raise _worn_out(error, attempt + 1) from None
        raise AssertionError("a pause after the last attempt")

    # -- one request ------------------------------------------------------------------------------------------------

    def _persistently(self, method, path, body=None):
        for attempt in range(self._retries.attempts):
            try:
                return self._once(method, path, body)
            except ApiError as error:
                pause = self._retries.pause(attempt, error.after) if error.passing else None
                if pause is None:
                    raise (_worn_out(error, attempt + 1) if error.passing else error) from None
                self._wait(pause, error)
        raise AssertionError("a pause after the last attempt")

    def _wait(self, pause, error):
        self._tell(f"{error} Again in {pause:.1f} s.")
        self._sleep(pause)

    def _once(self, method, path, body):
        what = f"Paperspace: {method} {path.partition('?')[0]}"
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Accept": "application/json",
            "User-Agent": "mlinabox.core",
        }
        sent = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            sent = json.dumps(body).encode("utf-8")
        try:
            answer = self._transport(method, self._url + path, headers, sent, self._timeout)
        except Broken as error:
            raise self._error(f"{what}: {one_line(error)}.", passing=error.passing, open=error.sent) from None
        return self._data(what, answer)

    def _data(self, what, answer):
        try:
            data, whole = json.loads(answer.body.decode("utf-8")) if answer.body.strip() else None, True
        except ValueError:
            data, whole = None, False
        if is_error(answer.status, data):
            raise self._error(
                f"{what}: {described(answer.status, data)}",
                status=answer.status,
                code=code_of(answer.status, data),
                passing=is_passing(answer.status),
                open=leaves_open(answer.status),
                after=retry_after(answer.headers.get("retry-after"), time.time()),
            )
        if answer.status >= 300:
            raise self._error(f"{what}: {answer.status}, sent on to another address. Is api_url right?", answer.status)
        if not whole:
            text = f"{what}: the answer ({len(answer.body)} bytes) is no whole JSON."
            raise self._error(text, answer.status, passing=True, open=True)
        return data

    def _error(self, text, status=0, **more):
        # A careless server may send back what it was sent.
        return ApiError(scrubbed(text, self._key), status, **more)


def _made(done, error):
    try:
        return done()
    except ApiError as second:
        text = f"{error} Whether that was carried out all the same is not known: {second}"
        raise ApiError(text, error.status, error.code, passing=True, open=True) from None


def _worn_out(error, attempts):
    """Return an error as it is told after the last try."""
    asks = f" It asks to wait {error.after:.0f} s." if error.after else ""
    tries = f" Given up after {attempts} tries." if attempts > 1 else ""
    text = f"{error}{asks}{tries}"
    return ApiError(text, error.status, error.code, passing=True, open=error.open, after=error.after)


def _path(parts, query=None):
    given = {name: value for name, value in (query or {}).items() if value is not None}
    path = "".join("/" + quote(str(part), safe="") for part in parts)
    return path + ("?" + urlencode(given) if given else "")
