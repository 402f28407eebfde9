# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeping the packages of NVIDIA's driver at their version: what to do, and the record of it. Pure; no Ansible import.

A driver that is upgraded under a running one stops every CUDA program until the machine restarts. So its packages are
held (dpkg's selection `hold`, which apt-mark sets), and unattended-upgrades is told to leave them out, so that it does
not try what they hold back either. The record says which packages this held, so that only these are released:
{"held": [names]}. A package that was on hold before is never in it.
"""

from __future__ import annotations

import json
import re

from ._nvidia_driver_packages import is_driver

STATUS_FILE = "/var/lib/dpkg/status"
RECORD = "/var/lib/mlinabox/nvidia_check.json"
CONF = "/etc/apt/apt.conf.d/90mlinabox-nvidia-driver"
HEADER = "// Written by mlinabox.core.nvidia_check; the next run replaces it.\n"

_FIELD = re.compile(r"^(Package|Status|Version|Architecture): *(.*?) *$", re.MULTILINE)
_GONE = ("not-installed", "config-files")
#: Metapackages that bring the module for each new kernel (linux-modules-nvidia-535-generic), not those for one kernel.
_MODULES = re.compile(r"linux-(modules|objects)-nvidia-(?!.*-\d+\.\d+\.\d+-\d+-)")


def driver_packages(status):
    """Return {name: (version, whether it is held)} of the driver's packages that are installed.

    status: the text of dpkg's status file. A package of another architecture than dpkg's own is named as apt-mark
    wants it: libnvidia-gl-535:i386.
    """
    native, found = "", []
    for paragraph in status.split("\n\n"):
        if "nvidia" not in paragraph and "cuda" not in paragraph and "Package: dpkg\n" not in paragraph:
            continue  # nearly all of them, and a status file has megabytes
        fields = dict(_FIELD.findall(paragraph))
        name, words = fields.get("Package", ""), fields.get("Status", "").split()
        if name == "dpkg":
            native = fields.get("Architecture", "")
        if is_driver(name) and len(words) == 3 and words[2] not in _GONE:
            found.append((name, fields.get("Architecture", ""), fields.get("Version", ""), words[0] == "hold"))
    return {
        name if architecture in (native, "all", "") or not native else f"{name}:{architecture}": (version, held)
        for name, architecture, version, held in sorted(found)
    }


def plan(packages, record, conf, wanted):
    """Return what is to be done.

    packages: of driver_packages; record: of read_record; conf: the text of CONF, '' without one; wanted: whether the
    driver is to be held. Returns {"hold": [names], "release": [names], "record": text or '' for none, "conf": text or
    '' for none, "lines": [what would be done], "changed": bool}.
    """
    ours = [name for name in (record or {"held": []})["held"] if name in packages]
    wanted = wanted and bool(packages)
    hold = [name for name, (_version, held) in packages.items() if not held] if wanted else []
    release = [] if wanted else [name for name in ours if packages[name][1]]
    new_record = record_text(sorted({*ours, *hold})) if wanted else ""
    new_conf = conf_text(packages) if wanted else ""
    lines = [f"would hold {name}={packages[name][0]}" for name in hold]
    lines += [f"would release {name}={packages[name][0]}" for name in release]
    if new_conf != conf:
        lines.append(f"would {'write' if new_conf else 'remove'} {CONF}")
    if (record is None) != (new_record == "") or (record and record_text(record["held"]) != new_record):
        lines.append(f"would {'write' if new_record else 'remove'} {RECORD}")
    return {
        "hold": hold,
        "release": release,
        "record": new_record,
        "conf": new_conf,
        "lines": lines,
        "changed": bool(lines),
    }


def conf_text(packages):
    """Return the text of CONF; unattended-upgrades matches its regular expressions from the beginning of a name."""
    names = "".join(f'    "^{_escaped(name)}$";\n' for name in packages)
    return f"{HEADER}Unattended-Upgrade::Package-Blacklist {{\n{names}}};\n"


def _escaped(name):
    # re.escape escapes the hyphens of a name too, for no gain.
    return name.replace(".", r"\.").replace("+", r"\+")


def record_text(held):
    """Return the record's text."""
    return json.dumps({"held": held}, indent=2) + "\n"


def read_record(text):
    """Return the record of a text, None of an empty one. ValueError where it is not what this wrote."""
    if not text:
        return None
    try:
        held = json.loads(text)["held"]
        if not isinstance(held, list) or not all(isinstance(name, str) for name in held):
            raise ValueError("held is no list of names")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{RECORD} is damaged ({error}); remove it to forget what was put on hold") from error
    return {"held": held}


def notes(packages):
    """Return what a hold brings with it, one sentence each."""
    modules = [name for name in packages if _MODULES.match(name)]
    if not modules:
        return []
    return [
        f"{', '.join(modules)} is held, and brings the driver's module for each new kernel: hold the kernel's "
        "metapackages too (apt-mark hold), or release all of these before a kernel is upgraded."
    ]
