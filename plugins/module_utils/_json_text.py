# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON files that people edit: read with the place of what is wrong, written in their manner. No Ansible import.

RFC 8259. What programs read differently from each other is an error here, since writing the file again would decide
it: a key that stands twice in one object, and the numbers that JSON has no words for.
"""

from __future__ import annotations

import json
import math
import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|-?(?:NaN|Infinity)\b|[^\s{}\[\]:,"]+')
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
# A list that stands in one line and has something in it.
_LINE_LIST = re.compile(r"\[[^\n\]{}]*[^\s\]{}][^\n\]{}]*\]")
_CONSTANTS = ("NaN", "Infinity", "-Infinity")
_SOME_INDENT = "    "


def parse(text):
    """Return the object that the file's text holds, {} for a text of nothing but white space.

    ValueError starts with the place, 'line 3, column 5: ', and says what is wrong there.
    """
    if not text.strip():
        return {}
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(_at(text, error.pos) + _reason(text, error)) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        # A whole number of thousands of digits, which newer Pythons refuse.
        raise ValueError(f"{error}") from error
    _check(text)
    if not isinstance(data, dict):
        raise ValueError(_at(text, len(text) - len(text.lstrip())) + "it holds no object; it must begin with {")
    return data


def style(text):
    """Return how a text is laid out: (indentation, whether short lists stand in one line)."""
    match = _INDENT.search(text)
    return (match.group(1) if match else _SOME_INDENT, bool(_LINE_LIST.search(text)))


def render(data, how=(_SOME_INDENT, True)):
    """Return the text of an object, laid out as style() says, with a line break at its end."""
    return _rendered(data, "", *how) + "\n"


def same(one, other):
    """Tell whether two values are one JSON value: the order of keys is nothing, and 1 is neither true nor 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _at(text, position):
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - (text.rfind(chr(10), 0, position))}: "


def _reason(text, error):
    """Say what is wrong: the two things that people write most are named, the rest is as Python says it."""
    rest, before = text[error.pos :].lstrip(), text[: error.pos].rstrip()
    if rest.startswith(("//", "/*", "#")):
        return "JSON has no comments"
    if (rest.startswith(("}", "]")) and before.endswith(",")) or re.match(r",\s*[}\]]", rest):
        return "a comma stands after the last entry"
    if error.msg == "Extra data":
        return "something stands behind the end of the object"
    # "Expecting ',' delimiter" and the like
    return error.msg[:1].lower() + error.msg[1:]


def _check(text):
    """Raise ValueError for a key that stands twice in an object, or a number that JSON does not have."""
    keys, last = [], ("", 0)
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in ("{", "["):
            keys.append(set() if token == "{" else None)
        elif token in ("}", "]"):
            keys.pop()
        elif token == ":":
            key = json.loads(last[0])
            if key in keys[-1]:
                raise ValueError(_at(text, last[1]) + f"{last[0]} stands twice in one object")
            keys[-1].add(key)
        elif token in _CONSTANTS or _overflows(token):
            raise ValueError(_at(text, match.start()) + f"{token} is no number of JSON's")
        last = (token, match.start())


def _overflows(token):
    """Tell whether a number is larger than a float: written again, it would be Infinity."""
    return token[0] in "-0123456789" and any(mark in token for mark in ".eE") and math.isinf(float(token))


def _rendered(value, margin, indent, line_lists):
    inner = margin + indent
    if isinstance(value, dict) and value:
        rows = [f"{_plain(key)}: {_rendered(one, inner, indent, line_lists)}" for key, one in value.items()]
        return "{\n" + ",\n".join(inner + row for row in rows) + "\n" + margin + "}"
    if isinstance(value, list) and value:
        short = line_lists and not any(isinstance(one, (dict, list)) for one in value)
        rows = [_rendered(one, inner, indent, line_lists) for one in value]
        if short:
            return "[" + ", ".join(rows) + "]"
        return "[\n" + ",\n".join(inner + row for row in rows) + "\n" + margin + "]"
    return _plain(value)


def _plain(value):
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # Half of a surrogate pair, which UTF-8 has no bytes for.
        return json.dumps(value)
    return text
