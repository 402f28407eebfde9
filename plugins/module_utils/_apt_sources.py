# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""apt's sources, read from their files: sources.list(5), the one-line form and deb822. No Ansible import."""

from __future__ import annotations

import re

_FILE, _FOLDER = "/etc/apt/sources.list", "/etc/apt/sources.list.d"
_ONE_LINE = re.compile(r"^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)")
_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*((?:.*)(?:\n[ \t].*)*)", re.MULTILINE)


def read(host):
    """Return the entries of all sources of a host (_adoption_host.Host), one for each address and suite.

    An entry: `file`, `type` (deb, deb-src), `uri`, `suite`, `components` (list), `signed_by` (a path, or the key's own
    text as it stands there, or '').
    """
    found = [{"file": _FILE, **entry} for entry in parse_list(host.text(_FILE))]
    for name in host.names(_FOLDER):
        path = f"{_FOLDER}/{name}"
        parse = parse_list if name.endswith(".list") else parse_deb822 if name.endswith(".sources") else None
        if parse:
            found += [{"file": path, **entry} for entry in parse(host.text(path))]
    return found


def parse_list(text):
    """Return the entries of a file in the one-line form."""
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line)
        if match:
            options = dict(word.partition("=")[::2] for word in (match[2] or "").split())
            found.append(_entry(match[1], match[3], match[4], match[5].split(), options.get("signed-by", "")))
    return found


def parse_deb822(text):
    """Return the entries of a deb822 file, without those that are switched off."""
    found = []
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = {name.lower(): value.rstrip() for name, value in _FIELD.findall(stanza)}
        if fields.get("enabled", "yes").strip().lower() in ("no", "false", "0"):
            continue
        for kind in fields.get("types", "").split():
            for uri in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    components = fields.get("components", "").split()
                    found.append(_entry(kind, uri, suite, components, fields.get("signed-by", "")))
    return found


def with_components(entries, codename, wanted):
    """Return (content, lacking) of the distribution's own archive with the components `wanted`.

    content: the deb822 text of a source for just these, read with the same key; lacking: those of them that the host
    does not have yet. ValueError where the host has no entry for `main` of the release `codename`.
    """
    own = [
        entry
        for entry in entries
        if entry["type"] == "deb" and "main" in entry["components"] and not re.search(r"[-/]", entry["suite"])
    ]
    own = [entry for entry in own if entry["suite"] == codename] or own
    if not own:
        raise ValueError(f"apt's sources have no archive with the component main of {codename}")
    archive = own[0]
    there = {
        component
        for entry in entries
        if entry["type"] == "deb" and (entry["uri"].rstrip("/"), entry["suite"]) == _place(archive)
        for component in entry["components"]
    }
    lines = ["Types: deb", f"URIs: {archive['uri']}", f"Suites: {archive['suite']}", f"Components: {' '.join(wanted)}"]
    # The same as the host's own entry: apt refuses one archive with two keys.
    lines += [f"Signed-By: {archive['signed_by']}"] if archive["signed_by"] else []
    return "\n".join([*lines, ""]), [component for component in wanted if component not in there]


def _place(entry):
    return entry["uri"].rstrip("/"), entry["suite"]


def _entry(kind, uri, suite, components, signed_by):
    return {"type": kind, "uri": uri, "suite": suite, "components": components, "signed_by": signed_by}
