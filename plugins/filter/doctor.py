# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters over what the doctor found on each host. What they mean stands in the YAML file of each."""

from __future__ import annotations

from ..module_utils._doctor_table import fleet_row, fleet_table


def _found(host, hostvars):
    """What gpu_doctor returned on a host, in the variable `doctor`; a host that was never asked has an empty one."""
    return hostvars.get(host, {}).get("doctor") or {}


def doctor_fleet(hosts, hostvars):
    return fleet_table([fleet_row(host, _found(host, hostvars)) for host in hosts])


def doctor_verdict(host, hostvars):
    found = _found(host, hostvars)
    row = fleet_row(host, found)
    if row["status"] in ("UNREACHABLE", "FAILED"):
        return f"{row['status'].lower()}: {row['text']}"
    return (
        f"The layer {found['layer']} is broken; the host's table says how, and what to do." if found["broken"] else ""
    )


def doctor_questions(hosts, hostvars):
    questions = []
    for host in hosts:
        local = hostvars[host].get("ansible_connection") == "local"
        for cure in _found(host, hostvars).get("cures") or []:
            # The machine that this runs on is restarted by who sits at it.
            if not cure["safe"] and not (local and cure["name"] == "restart"):
                questions.append({"host": host, "name": cure["name"], "text": cure["text"]})
    return questions


def doctor_agreed(host, answers):
    return [
        answer["doctor_question"]["name"]
        for answer in answers
        if answer.get("doctor_question", {}).get("host") == host
        and str(answer.get("user_input", "")).strip().lower() in ("y", "yes")
    ]


class FilterModule:
    """The collection's filters."""

    def filters(self):
        return {
            "doctor_fleet": doctor_fleet,
            "doctor_verdict": doctor_verdict,
            "doctor_questions": doctor_questions,
            "doctor_agreed": doctor_agreed,
        }
