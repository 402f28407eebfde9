# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg and apt know: the status file, the lists of archives, keyrings."""

from __future__ import annotations

from . import openpgp

_STATES = {
    "ii": "install ok installed",
    "hi": "hold ok installed",
    "rc": "deinstall ok config-files",
    "iU": "install ok unpacked",
    "iF": "install ok half-configured",
}
SYSTEMS = {
    "ubuntu2004": ("ubuntu", "Ubuntu", "20.04", "focal", "2.31-0ubuntu9.16"),
    "ubuntu2204": ("ubuntu", "Ubuntu", "22.04", "jammy", "2.35-0ubuntu3.8"),
    "ubuntu2404": ("ubuntu", "Ubuntu", "24.04", "noble", "2.39-0ubuntu8.3"),
    "debian11": ("debian", "Debian GNU/Linux", "11", "bullseye", "2.31-13+deb11u11"),
    "debian12": ("debian", "Debian GNU/Linux", "12", "bookworm", "2.36-9+deb12u9"),
    "debian13": ("debian", "Debian GNU/Linux", "13", "trixie", "2.41-12"),
}


def put(tree, scenario):
    """os, packages (lines as of `dpkg -l`: state, name, version), archives, keys."""
    system, title, version, codename, libc = SYSTEMS[scenario["os"]]
    lines = [f'NAME="{title}"', f'VERSION_ID="{version}"', f"VERSION_CODENAME={codename}", f"ID={system}"]
    lines += ["ID_LIKE=debian", f"UBUNTU_CODENAME={codename}"] if system == "ubuntu" else []
    tree.write("/usr/lib/os-release", "\n".join([*lines, f'PRETTY_NAME="{title} {version}"', ""]))
    tree.link("/etc/os-release", "../usr/lib/os-release")
    rows = [f"ii libc6 {libc}", "ii dpkg 1.21.22", *scenario.get("packages", ())]
    tree.write("/var/lib/dpkg/status", "\n".join(_stanza(*row.split()) for row in rows))
    tree.folder("/var/lib/dpkg/info")
    for archive in scenario.get("archives", ()):
        _put_archive(tree, archive)
    for path, keys in scenario.get("keys", {}).items():
        tree.write(path, openpgp.keyring(keys))


def _stanza(state, name, version):
    text = f"Package: {name}\nStatus: {_STATES[state]}\nPriority: optional\nSection: misc\n"
    text += "Maintainer: nobody <nobody@example.org>\nArchitecture: amd64\n"
    text += f"Version: {version}\n"
    # Of what was removed the version of its configuration files stays.
    text += f"Config-Version: {version}\n" if state == "rc" else ""
    return f"{text}Description: {name}\n"


def _put_archive(tree, archive):
    """The lists as apt keeps them: the address with _ for /, and %5f for _; a flat repository has no suite."""
    name = f"{archive['host']}_{archive['path'].replace('_', '%5f').replace('/', '_')}"
    suite = archive.get("suite")
    release = f"{name}_dists_{suite}_" if suite else f"{name}_"
    listed = f"{release}main_binary-amd64_Packages" if suite else f"{release}Packages"
    text = f"Origin: {archive['origin']}\nLabel: {archive['label']}\nSuite: {suite or ''}\nArchitectures: amd64\n"
    tree.write(f"/var/lib/apt/lists/{release}InRelease", text)
    stanzas = []
    for row in archive["packages"]:
        package, version = row.split()
        stanzas.append(f"Package: {package}\nVersion: {version}\nArchitecture: amd64\nFilename: ./{package}.deb\n")
    tree.write(f"/var/lib/apt/lists/{listed}", "\n".join(stanzas))
