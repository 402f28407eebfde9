# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an older installation left of sources, keys and pins in apt's configuration. No Ansible import."""

from __future__ import annotations

import re

from . import _nvidia_keys, _openpgp
from ._adoption_finding import MOVE, NOTHING, STRIP, UNKEY, Finding

_FOLDER = "/etc/apt/sources.list.d"
#: Files of this product's.
_OURS = "mlinabox-"

#: (code, what tells the archive, what it is called, why it is in the way or that it is not, whether it is)
_ARCHIVES = (
    (
        "deadsnakes-source",
        re.compile(r"deadsnakes"),
        "the deadsnakes archive",
        "it deletes releases that have reached their end, and then every `apt-get update` on the host fails",
        True,
    ),
    (
        "nvidia-source",
        _nvidia_keys.ARCHIVE,
        "NVIDIA's archive",
        "apt refuses to work at all when the same archive stands in two sources with different keys (Signed-By)",
        True,
    ),
    (
        "nvidia-local-source",
        _nvidia_keys.LOCAL_ARCHIVE,
        "a copy of NVIDIA's archive on this disk",
        "it offers what NVIDIA's archive offers, drivers too, in versions that nothing pins",
        True,
    ),
    (
        "nvidia-container-source",
        _nvidia_keys.CONTAINER_ARCHIVE,
        "NVIDIA's archive of the container toolkit",
        "apt refuses to work at all when the same archive stands in two sources with different keys (Signed-By)",
        True,
    ),
    (
        "nodesource-source",
        re.compile(r"nodesource"),
        "NodeSource's archive",
        "not in the way; it offers a Node.js other than the release's",
        False,
    ),
)


def find(host, archives=()):
    """Return the findings in apt's configuration of a host.

    archives: further addresses that are taken for NVIDIA's archive of CUDA, such as a mirror's.
    """
    return [*_sources(host, archives), *_keys(host), *_pins(host)]


def _tells(code, pattern, text, archives):
    """Whether a line or stanza names an archive."""
    if pattern.search(text) or code != "nvidia-source":
        return bool(pattern.search(text))
    return any(_plain(address).rstrip("/") in _plain(text) for address in archives if address)


def _plain(text):
    """The text with the two spellings of a file's address made one."""
    return re.sub(r"\bfile:/+", "file:/", text)


def _sources(host, archives):
    """Sources in the one-line form (`deb ...`) and in deb822 files that are not this product's."""
    findings = []
    names = [name for name in host.names(_FOLDER) if not name.startswith(_OURS)]
    lists = [f"{_FOLDER}/{name}" for name in names if name.endswith(".list")]
    for path in [*lists, "/etc/apt/sources.list"]:
        active = [line for line in host.text(path).splitlines() if line.strip().startswith("deb")]
        findings += _in_file(path, active, archives, "a one-line source", path != "/etc/apt/sources.list", STRIP)
    for path in [f"{_FOLDER}/{name}" for name in names if name.endswith(".sources")]:
        active = [stanza for stanza in _stanzas(host.text(path)) if not re.search(r"(?mi)^Enabled: *no\b", stanza)]
        # Lines that two stanzas share cannot be told apart: only a whole file is moved.
        findings += _in_file(path, active, archives, "a source", True, NOTHING)
    return findings


def _in_file(path, active, archives, form, may_go, else_action):
    """The findings of one file. `active`: its entries; one with nothing else in it goes as a whole, if it may."""
    findings = []
    for code, pattern, archive, why, in_the_way in _ARCHIVES:
        entries = [entry for entry in active if _tells(code, pattern, entry, archives)]
        if not entries:
            continue
        whole = may_go and len(entries) == len(active)
        action = MOVE if whole else else_action
        cure = f"mv {path} away" if whole else f"comment the line out in {path}"
        if not whole and action == NOTHING:
            cure = f"write `Enabled: no` into its stanza of {path}"
        findings.append(
            Finding(
                code,
                path,
                f"{archive} as {form}: {_shown(entries[0])}",
                why,
                cure,
                in_the_way,
                action if in_the_way else NOTHING,
                [path],
                entries if action == STRIP else [],
            )
        )
    return findings


def _stanzas(text):
    """The paragraphs of a deb822 file or of preferences, without comments."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return [stanza.strip("\n") for stanza in re.split(r"\n\s*\n", lines) if stanza.strip()]


def _shown(entry):
    """One line that tells which entry it is."""
    match = re.search(r"(?mi)^URIs: *(\S.*)$", entry)
    return match.group(1).strip() if match else entry.strip().splitlines()[0]


def _keys(host):
    """NVIDIA's keys in the keyrings that may sign any archive's packages: apt-key's, and the folder beside it."""
    names = [name for name in host.names("/etc/apt/trusted.gpg.d") if name.endswith((".gpg", ".asc"))]
    findings = []
    for path in ["/etc/apt/trusted.gpg", *(f"/etc/apt/trusted.gpg.d/{name}" for name in names)]:
        keys = _openpgp.readable_fingerprints(host.read(path))
        vendors = [key for key in keys if key in _nvidia_keys.FINGERPRINTS.values()]
        if not vendors:
            continue
        alone = len(vendors) == len(keys)
        deletions = "; ".join(f"apt-key del {key[-8:]}" for key in vendors)
        findings.append(
            Finding(
                "apt-key",
                path,
                f"{path} holds NVIDIA's key {', '.join(key[-8:].lower() for key in vendors)}"
                + ("" if alone else f" and {len(keys) - len(vendors)} others"),
                "whoever has a key of this keyring can sign packages of every archive, the distribution's too",
                f"mv {path} away" if alone else deletions,
                True,
                MOVE if alone else UNKEY,
                [path],
                keys=[] if alone else vendors,
            )
        )
    return findings


def _pins(host):
    """Preferences for all of NVIDIA's archive, such as the package cuda-keyring brings."""
    names = [name for name in host.names("/etc/apt/preferences.d") if not name.startswith(_OURS)]
    findings = []
    for path in [*(f"/etc/apt/preferences.d/{name}" for name in names), "/etc/apt/preferences"]:
        stanzas = _stanzas(host.text(path))
        about = [stanza for stanza in stanzas if _nvidia_keys.PIN.search(stanza)]
        if not about:
            continue
        whole = len(about) == len(stanzas)
        findings.append(
            Finding(
                "nvidia-pin",
                path,
                f"{path} gives NVIDIA's archive a priority of its own",
                "with it, apt may replace the host's driver by the one of NVIDIA's archive",
                f"mv {path} away" if whole else f"take NVIDIA's stanzas out of {path}",
                True,
                MOVE if whole else NOTHING,
                [path],
            )
        )
    return findings
