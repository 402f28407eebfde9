# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the doctor found, as the tables that people read. Pure."""

from __future__ import annotations

import textwrap

from ._gpu_targets import listed

WIDTH = 118
_HEAD = "Task failed: "  # Ansible's, before every reason
_WORDS = {"ok": "ok", "warning": "warning", "broken": "BROKEN", "skipped": "-"}


def host_table(layers):
    """Return the table of one host as lines: a row a layer, what is found there, and the cure below it.

    layers: of _doctor.Doctor.examine. Layers that were not looked at share a row.
    """
    rows = []
    for layer in layers:
        same = rows and layer["status"] == "skipped" == rows[-1]["status"] and layer["text"] == rows[-1]["text"]
        if same:
            rows[-1]["names"].append(layer["layer"])
            continue
        rows.append({**layer, "names": [layer["layer"]]})
    first = max(len("layer"), *(len(row["names"][0]) for row in rows)) if rows else len("layer")
    second = max(len(word) for word in [*_WORDS.values(), "status"])
    lines = _lines("layer", "status", "what was found, and what to do", first, second)
    lines.append(f"{'-' * first}  {'-' * second}  {'-' * 30}")
    for row in rows:
        text = row["text"]
        if len(row["names"]) > 1:
            text = f"{text} Likewise {listed(row['names'][1:])}."
        lines += _lines(row["names"][0], _WORDS[row["status"]], text, first, second)
        if row["cure"]:
            lines += _lines("", "", f"-> {row['cure']}", first, second)
    return lines


def _lines(one, two, three, first, second):
    """A row whose last column goes on below itself."""
    parts = textwrap.wrap(three, max(30, WIDTH - first - second - 4), break_long_words=False, break_on_hyphens=False)
    head = f"{one:<{first}}  {two:<{second}}  "
    return [((head if number == 0 else " " * len(head)) + part).rstrip() for number, part in enumerate(parts or [""])]


def fleet_table(hosts):
    """Return the table of all hosts as lines: [{"host", "kind", "driver", "gpus", "layer", "status", "text"}]."""
    heads = ("host", "status", "layer", "GPUs", "driver", "what")
    rows = [
        (
            host["host"],
            _WORDS.get(host["status"], host["status"]),
            host["layer"] or "-",
            str(host["gpus"]) if host["gpus"] is not None else "-",
            host["driver"] or "-",
            host["text"],
        )
        for host in hosts
    ]
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(5)]
    lines = []
    for row in [heads, tuple("-" * width for width in [*widths, 4]), *rows]:
        head = "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths))
        parts = textwrap.wrap(row[5], max(40, WIDTH - len(head)), break_long_words=False, break_on_hyphens=False)
        for number, part in enumerate(parts or [""]):
            lines.append(((head if number == 0 else " " * len(head)) + part).rstrip())
    return lines


def fleet_row(name, result):
    """Return a host's row of fleet_table. result: what gpu_doctor returned there, or why it returned nothing.

    result: a dict with the module's keys; or with `unreachable` or `failed` true and `msg`.
    """
    empty = {"host": name, "gpus": None, "driver": "", "layer": ""}
    if result.get("unreachable"):
        return {**empty, "status": "UNREACHABLE", "text": _one_line(result.get("msg"))}
    if result.get("failed") or "layers" not in result:
        return {**empty, "status": "FAILED", "text": _one_line(result.get("msg")) or "The doctor did not answer."}
    rows = result["layers"]
    worst = next((row for status in ("broken", "warning") for row in rows if row["status"] == status), None)
    info = result["info"]
    return {
        "host": name,
        "gpus": len(info["gpus"]),
        "driver": info["driver"]["version"],
        "status": worst["status"] if worst else "ok",
        "layer": worst["layer"] if worst else "",
        "text": worst["text"] if worst else ("no GPU" if info["kind"] == "cpu" else "every layer is as it should be"),
    }


def _one_line(text):
    text = " ".join(str(text or "").split())
    return text[len(_HEAD) :] if text.startswith(_HEAD) else text
