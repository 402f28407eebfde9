# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether unattended-upgrades would upgrade the packages of NVIDIA's driver under a running one. No Ansible import.

It upgrades what is not held, matches none of Unattended-Upgrade::Package-Blacklist (regular expressions, matched from
the beginning of a name), and is from an archive in Allowed-Origins or Origins-Pattern.
"""

from __future__ import annotations

import re

_BLACKLIST = "Unattended-Upgrade::Package-Blacklist"
_ORIGINS = ("Unattended-Upgrade::Allowed-Origins", "Unattended-Upgrade::Origins-Pattern")


def unattended_upgrades(conf, packages, installed, distribution):
    """Return what unattended-upgrades does with the packages of the driver.

    conf: an AptConf; packages: those of _gpu_packages.look; installed: whether the package unattended-upgrades is;
    distribution: os-release's ID. enabled: whether it runs; excludes_driver: whether its blacklist has all of the
    driver's packages that are not held; packages: names of those that it would upgrade, once their archive has newer
    ones.
    """
    runs = installed and conf.value("APT::Periodic::Unattended-Upgrade") not in ("", "0")
    enabled = runs and conf.value("APT::Periodic::Enable") != "0"
    patterns = [pattern for pattern in map(_compiled, conf.elements(_BLACKLIST)) if pattern]
    left = [
        package
        for package in packages
        if not package["held"] and not any(pattern.match(package["name"]) for pattern in patterns)
    ]
    allowed = [entry for name in _ORIGINS for entry in conf.elements(name)]
    return {
        "enabled": enabled,
        "excludes_driver": bool(patterns) and not left,
        "packages": [one["name"] for one in left if enabled and _is_allowed(one["origin"], allowed, distribution)],
    }


def _is_allowed(made_by, allowed, distribution):
    """Tell whether packages of that origin are upgraded; where either is not known they may be."""
    if not allowed or not made_by:
        return True
    for entry in allowed:
        entry = entry.lower().replace("${distro_id}", distribution)
        match = re.search(r"(?:^|,)\s*(?:o|origin)=([^,]*)", entry) or re.match(r"([^:,=]*):", entry)
        if not match or match.group(1).strip() in (made_by.lower(), "*", ""):
            return True
    return False


def _compiled(pattern):
    try:
        return re.compile(pattern)
    except re.error:
        return None
