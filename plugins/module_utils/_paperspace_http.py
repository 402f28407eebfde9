# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What carries the requests of `_paperspace_api.py`: Ansible's own HTTP client, with its proxies and certificates.

One of the files here that import Ansible; modules and the inventory plugin share it, so it lies where both reach it.
"""

from __future__ import annotations

import errno
import functools
import http.client
import socket
import ssl
import time
import urllib.error

from ansible.module_utils.urls import ConnectionError as AnsibleConnectionError
from ansible.module_utils.urls import Request, make_context

from ._paperspace_api import Answer, Broken

#: Bytes of an answer; 120 machines are some 200 kB.
LARGEST = 32 << 20
_CHUNK = 1 << 16
#: The connection never came about, so nothing was sent.
_NOT_SENT = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)


def send(method, url, headers, body, timeout):
    """Carry one request. Returns an Answer, whatever its status; raises Broken where no whole one came.

    headers: dict; body: bytes or None; timeout: seconds for all of it. Redirects are not followed: the key would go
    along.
    """
    began = time.monotonic()
    try:
        try:
            response = Request().open(
                method,
                url,
                data=body,
                headers=headers,
                timeout=timeout,
                follow_redirects="none",
                # A login for the host in ~/.netrc would take the key's place.
                use_netrc=False,
                context=_context(),
            )
        except urllib.error.HTTPError as error:
            response = error
        with response:
            text = _read(response, began + timeout)
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.getcode(), names, text)
    except urllib.error.URLError as error:
        raise _broken(error.reason, timeout) from None
    except (OSError, http.client.HTTPException, AnsibleConnectionError) as error:
        raise _broken(error, timeout) from None


@functools.lru_cache(maxsize=1)
def _context():
    """How certificates are judged, once: to read the authorities takes longer than a request."""
    return make_context()


def _read(response, deadline):
    """Return the body. The client's own timeout is for each byte; a server that drips would hold us for ever."""
    parts, size = [], 0
    while True:
        part = response.read1(_CHUNK)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            raise Broken(f"the answer is larger than {LARGEST >> 20} MiB", passing=False)
        if time.monotonic() > deadline:
            raise socket.timeout
    length = response.headers.get("content-length")
    if length and length.isdigit() and size < int(length):
        raise Broken(f"the answer ended after {size} of {length} bytes")
    return b"".join(parts)


def _broken(reason, timeout):
    if isinstance(reason, socket.timeout):
        return Broken(f"no whole answer within {timeout:g} s")
    if isinstance(reason, ssl.SSLCertVerificationError):
        said = getattr(reason, "verify_message", "") or reason
        text = f"its certificate is not trusted ({said}); for an authority of your own, set SSL_CERT_FILE"
        return Broken(text, sent=False, passing=False)
    if isinstance(reason, socket.gaierror):
        return Broken(f"its host's name is not known ({reason.strerror})", False, reason.errno != socket.EAI_NONAME)
    if isinstance(reason, http.client.IncompleteRead):
        return Broken(f"the answer ended after {len(reason.partial)} bytes")
    if isinstance(reason, (OSError, http.client.HTTPException)):
        text = (isinstance(reason, OSError) and reason.strerror) or str(reason) or type(reason).__name__
        return Broken(f"the connection broke ({text})", sent=getattr(reason, "errno", None) not in _NOT_SENT)
    # Ansible's own, a proxy that refuses for one.
    return Broken(str(reason), sent=False, passing=False)
