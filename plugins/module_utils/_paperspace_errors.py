# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What went wrong with Paperspace's API, in one line in which no key stands. Pure; no Ansible import.

The API's errors are `{code, message, details?}`, those of a wrong argument with `issues: [{message}]` (the vendor's own
command line reads them so, and takes such an answer for an error whatever its status).
"""

from __future__ import annotations

import json
import re
from urllib.parse import quote

#: Longer than this, a text of the API's is cut.
LONGEST = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

#: What can be done about a code.
_CURES = {
    "UNAUTHORIZED": "Is PAPERSPACE_API_KEY (api_key) a key of this team, and not revoked?",
    "FORBIDDEN": "The key's owner may not do that; an administrator of the team may.",
}
#: The code of an answer that has none. [the vendor's command line, api/client.ts]
_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_SUPPORTED",
    408: "TIMEOUT",
    409: "CONFLICT",
    412: "PRECONDITION_FAILED",
    413: "PAYLOAD_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
    499: "CLIENT_CLOSED_REQUEST",
}


class ApiError(Exception):
    """A request that failed for good. Its text is one line, without the key.

    status: of HTTP, 0 where there was no answer; code: the API's (str, may be ''); passing: another try may go well;
    open: it is not known whether the change was made; after: seconds that the answer asks to wait, or None.
    """

    def __init__(self, text, status=0, code="", passing=False, open=False, after=None):
        super().__init__(text)
        self.status, self.code, self.passing, self.open, self.after = status, code, passing, open, after

    @property
    def missing(self):
        """Whether the API says that there is no such thing."""
        return self.status == 404 or self.code == "NOT_FOUND"


class PaperspaceError(Exception):
    """What was asked for cannot be had, in one line; `found` (dict) is what is there all the same."""

    def __init__(self, text, **found):
        super().__init__(text)
        self.found = found


class EventError(PaperspaceError):
    """An event that ended badly: what it was about is not coming, however long one waits."""


def one_line(text, longest=LONGEST):
    """Return a text without control characters and line breaks, at most `longest` characters of it."""
    text = " ".join(_CONTROL.sub(" ", str(text)).split())
    return text if len(text) <= longest else text[: longest - 3] + "..."


def scrubbed(text, key):
    """Return a text in which the key stands nowhere, neither plain nor as it stands in an address or in JSON."""
    for form in {key, quote(key, safe=""), json.dumps(key)[1:-1]} if key else ():
        text = text.replace(form, "********")
    return text


def is_error(status, data):
    """Tell whether an answer is an error: its status says so, or it holds an error's fields and nothing else."""
    if status >= 400:
        return True
    return isinstance(data, dict) and {"code", "message"} <= set(data) <= {"code", "message", "details", "issues"}


def code_of(status, data):
    """Return an answer's code, '' where it has none and its status tells none."""
    said = data.get("code") if isinstance(data, dict) else None
    return one_line(said, 60) if isinstance(said, str) and said else _CODES.get(status, "")


def described(status, data):
    """Return an error answer as one line: code, message, issues, details, and what can be done."""
    code = code_of(status, data)
    head = code if status in (0, 200) else f"{status} {code}".strip()
    parts = []
    if isinstance(data, dict):
        parts.append(str(data.get("message") or ""))
        parts.append("; ".join(_issues(data.get("issues"))))
        if data.get("details"):
            parts.append(json.dumps(data["details"], sort_keys=True, ensure_ascii=False))
    said = one_line("; ".join(part for part in parts if part)).rstrip(".") or "no reason given"
    cure = _CURES.get(code, "")
    return f"{head}: {said}." + (f" {cure}" if cure else "")


def _issues(issues):
    for issue in issues if isinstance(issues, list) else []:
        text = issue.get("message") if isinstance(issue, dict) else issue
        path = issue.get("path") if isinstance(issue, dict) else None
        where = ".".join(str(part) for part in path) + ": " if isinstance(path, list) and path else ""
        if text:
            yield f"{where}{text}"
