# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waits for what Paperspace does in its own time: events and states. No Ansible import.

A change answers with an event; `/machine-events/{id}` says how it stands: new, in progress, done, error, cancelled.
"""

from __future__ import annotations

import random
import time

from ._paperspace_errors import ApiError, EventError, PaperspaceError, one_line


class Waiting:
    """One run's patience: all that it waits for has one time limit together."""

    def __init__(self, api, timeout, interval, clock=time.monotonic, sleep=time.sleep, chance=random.random):
        """api: Api; timeout: seconds in all; interval: seconds between two looks."""
        self._api, self.timeout, self._interval = api, timeout, interval
        self._clock, self._sleep, self._chance = clock, sleep, chance
        self._deadline = clock() + timeout

    def until(self, look, what):
        """Look until there is something. PaperspaceError when the time is up.

        look: gives (what was waited for or None, how things stand); what: begins the sentence, as `machine x (id)`.
        An API that is out of order for a while is waited for like anything else.
        """
        while True:
            try:
                found, stands = look()
            except ApiError as error:
                if not error.passing:
                    raise
                found, stands = None, str(error)
            if found is not None:
                return found
            left = self._deadline - self._clock()
            if left <= 0:
                raise PaperspaceError(f"{what} {stands}, after {self.timeout:g} s (wait_timeout). It may yet go on.")
            # Many runs that began together do not all ask at once.
            self._sleep(min(left, self._interval * (0.75 + self._chance() / 2)))

    def event(self, event, what):
        """Wait for the end of an event (dict or None). EventError, with the event's words, where it fails."""
        if not event or not isinstance(event.get("id"), str):
            return
        current = [event]

        def look():
            state = current[0].get("state")
            if state == "done":
                return True, ""
            if state in ("error", "cancelled"):
                raise EventError(f"{what}: {said(current[0])}")
            try:
                current[0] = self._api.get("machine-events", event["id"]) or {}
            except ApiError as error:
                if not error.missing:
                    raise
                # Events need not be kept for ever; what it was about is looked at next.
                return True, ""
            done = current[0].get("state") == "done" or None
            return done, f"is not done: {current[0].get('name') or 'its event'} is {current[0].get('state')}"

        self.until(look, what)


def said(event):
    """Return how an event failed, one sentence."""
    words = one_line(event.get("error") or "").rstrip(".") or "Paperspace gives no reason"
    how = "was cancelled" if event.get("state") == "cancelled" else "failed"
    return f"{event.get('name') or 'the event'} {how}: {words} (event {event.get('id')})."
