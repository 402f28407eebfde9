"""Bad days of the API: what is done to which requests, and how often."""

from __future__ import annotations

import re
import threading

#: What can be done. The first ones answer; the last ones do not, or not with what they should.
KINDS = (
    *("429", "500", "502", "503", "401", "403", "echo", "redirect", "error200"),
    *("slow", "drip", "truncate", "half", "garbage", "reset", "hangup", "same_page", "circle", "endless"),
)


class Fault:
    """One kind of trouble for the next `times` requests that it is for."""

    def __init__(self, kind, times=1, method="", path="", carried_out=False, seconds=1.0, retry_after=""):
        """kind: of KINDS; method: '' for any; path: a pattern somewhere in the path.

        carried_out: whether the request is carried out all the same; seconds: of `slow`, and between two bytes of
        `drip`; retry_after: a header.
        """
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are: {', '.join(KINDS)}")
        self.kind, self.times, self.method, self.path = kind, times, method, re.compile(path)
        self.carried_out, self.seconds, self.retry_after = carried_out, seconds, str(retry_after)

    def meets(self, method, path):
        return self.times > 0 and self.method in ("", method) and bool(self.path.search(path))


class Faults:
    """Those that are to come, in order."""

    def __init__(self):
        self._lock, self._faults = threading.Lock(), []

    def add(self, *faults):
        with self._lock:
            self._faults.extend(faults)

    def clear(self):
        with self._lock:
            self._faults.clear()

    def take(self, method, path):
        """Return the first fault that is for a request, and count it; None where there is none."""
        with self._lock:
            for fault in self._faults:
                if fault.meets(method, path):
                    fault.times -= 1
                    return fault
        return None
