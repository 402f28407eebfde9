# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of daemon.json's text, and of the record of what in it is ours. No Ansible import; writes nothing.

The record is {"ours": {"original", "written"} or null, "before": {...} or null}. `original` is the file's text without
us (null: there was no file), `written` the text as we left it. While no engine has taken a change on, `before` has the
file's `text` and `ours` before that change, the text `after` it, and that `since` which an engine works: a change that
an engine refuses is put back as a whole, and one that a broken-off run left is seen by the next. `last` are text and
ours before the last writing of several.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from . import _daemon_json
from ._json_text import parse, render, same, style


@dataclass
class Plan:
    """What is to be: the file's text (None: no file), the record (None: none), and what is to be said of it."""

    text: str | None
    record: dict | None
    #: Whether the file, or that something in it is ours, is other than before.
    changed: bool = False
    #: What of ours stays because somebody changed it since, as 'runtimes.nvidia.path'.
    left: list = field(default_factory=list)

    @property
    def needed(self):
        """What a running engine needs to work by this file: of _daemon_json's NOTHING, RELOAD and RESTART."""
        if not self.record or not self.record["before"]:
            return _daemon_json.NOTHING
        return _daemon_json.needed(_data(self.record["before"]["since"]), _data(self.text))


def read_record(text):
    """Return the record that a file's text holds. ValueError when it is not one that record_text() wrote."""
    try:
        record = json.loads(text)
        ours, before = record["ours"], record["before"]
        for part, keys in ((ours, ("original", "written")), (before, ("since", "text", "ours", "after", "last"))):
            if part is not None and not all(key in dict(part) for key in keys):
                raise ValueError("a key lacks")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError("it is damaged") from error
    return record


def record_text(record):
    """Return the text of the record's file."""
    return json.dumps(record, indent=1) + "\n"


def present(text, record, settings, suggestions=()):
    """Return the Plan by which the file says `settings`, and `suggestions` where it says nothing of theirs.

    text: the file's, None where there is none; record: None where there is none. ValueError when the text is not what
    the engine could read; its message begins with the place.
    """
    current = _data(text)
    ours = _ours(text, record)
    base, left = _base(text, ours)
    wanted = _daemon_json.merged(
        _daemon_json.with_suggestions(_data(base), suggestions, settings or {}), settings or {}
    )
    if same(wanted, _data(base)):
        return _changed(text, record, base, None, left)
    if text is not None and same(wanted, current):
        new = text
    else:
        new = render(wanted, style(base if base and base.strip() else text or ""))
    return _changed(text, record, new, {"original": base, "written": new}, left)


def absent(text, record):
    """Return the Plan by which nothing of ours is in the file. ValueError as present()."""
    base, left = _base(text, _ours(text, record))
    return _changed(text, record, base, None, left)


def settled(text, record):
    """Return the Plan after an engine has taken the file on: what was before is forgotten."""
    ours = record["ours"] if record else None
    return Plan(text, {"ours": ours, "before": None} if ours else None)


def reverted(text, record):
    """Return the Plan that puts the file back as it was before the change that no engine has taken on.

    ValueError when somebody has changed the file since.
    """
    before = record["before"] if record else None
    if not before or text == before["text"]:
        return Plan(text, record)
    if text != before["after"]:
        raise ValueError("somebody has changed it since")
    ours = before["ours"]
    return Plan(before["text"], {"ours": ours, "before": None} if ours else None, True)


def _data(text):
    return parse(text) if text is not None else {}


def _ours(text, record):
    """Return what of the record is true of this text: a run may have died between writing the record and the file."""
    if not record:
        return None
    last = record["before"]["last"] if record["before"] else None
    return last["ours"] if last and text == last["text"] else record["ours"]


def _base(text, ours):
    """Return (text, left): the file's text without what is ours."""
    if not ours:
        return text, []
    if text == ours["written"]:
        return ours["original"], []
    if text is None:
        # Somebody removed it, and what was others' with it.
        return None, []
    current = parse(text)
    data, left = _daemon_json.taken_back(_data(ours["original"]), _data(ours["written"]), current)
    if same(data, current):
        return text, left
    if not data and ours["original"] is None:
        return None, left
    return render(data, style(text)), left


def _changed(text, record, new, ours, left):
    old_ours = _ours(text, record)
    before = record["before"] if record else None
    since = before["since"] if before else text
    if new == text:
        before = None if new == since else before
    elif before and text == before["after"] and new != since:
        before = {**before, "after": new, "last": {"text": text, "ours": old_ours}}
    else:
        # When the way leads back to what was before, an engine may or may not have taken on what is there now.
        last = {"text": text, "ours": old_ours}
        before = {"since": text if new == since else since, **last, "after": new, "last": last}
    keep = {"ours": ours, "before": before} if ours or before else None
    return Plan(new, keep, new != text or (ours is None) != (old_ours is None), left)
