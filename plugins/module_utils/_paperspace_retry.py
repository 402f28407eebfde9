# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a request to Paperspace's API is made again, and after how long. Pure; no Ansible import.

The API's limits are not published. 429 is a refusal before anything was done (RFC 6585, 4), so any request may follow
it; `Retry-After` is seconds or a date (RFC 9110, 10.2.3).
"""

from __future__ import annotations

import calendar
import random
from email.utils import parsedate

#: Statuses after which another try may go well, besides all from 500 on.
_PASSING = (408, 425, 429)


class Retries:
    """How often, and how long between."""

    def __init__(self, attempts=6, first=0.5, longest=20.0, patience=180.0, chance=random.random):
        """attempts: in all; first, longest: seconds of the pauses without jitter, which double.

        patience: the longest Retry-After in seconds that is waited for; chance: gives a number from 0 to 1.
        """
        self.attempts, self.first, self.longest, self.patience = attempts, first, longest, patience
        self._chance = chance

    def pause(self, attempt, after=None):
        """Return the seconds to wait after failure number `attempt` (from 0), or None where it is not worth it.

        after: what the answer asked for. Half of a pause is by chance, so that many callers do not come back together.
        """
        if attempt + 1 >= self.attempts:
            return None
        own = min(self.longest, self.first * 2**attempt) * (0.5 + self._chance() / 2)
        if after is None:
            return own
        if after > self.patience:
            return None
        # Never sooner than was asked for.
        return after + self._chance() * min(own, 1.0)


def is_passing(status):
    """Tell whether another try may be answered better than with this status."""
    return status in _PASSING or status >= 500


def leaves_open(status):
    """Tell whether a change may have been made although its answer has this status."""
    return is_passing(status) and status not in (425, 429)


def retry_after(text, now):
    """Return the seconds from `now` (since 1970) that a Retry-After (str or None) asks for, None where it asks none."""
    text = (text or "").strip()
    if text.isdigit():
        return float(text)
    parsed = parsedate(text) if text else None
    if not parsed:
        return None
    try:
        return max(0.0, calendar.timegm(parsed) - now)
    except (OverflowError, ValueError):
        return None
