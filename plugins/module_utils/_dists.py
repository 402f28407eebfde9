# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is installed in an environment, read from the file system alone (PyPA, "Recording installed projects")."""

from __future__ import annotations

import csv
import os

from ._pins import normalize

_SUFFIX = ".dist-info"


def site_packages(generation):
    """Return the environment's site-packages directory. Raises ValueError where there is none."""
    lib = os.path.join(generation, "lib")
    try:
        found = sorted(name for name in os.listdir(lib) if name.startswith("python3."))
    except OSError as error:
        raise ValueError(f"{generation} is not an environment: {error}") from error
    for name in found:
        path = os.path.join(lib, name, "site-packages")
        if os.path.isdir(path):
            return path
    raise ValueError(f"{generation} is not an environment: no site-packages in {lib}")


def dist_infos(site):
    """Return {normalized name: (version, directory)} of the distributions in site-packages.

    A directory's name is `<name>-<version>.dist-info`, both parts escaped (no other `-`), so no file is read.
    """
    found = {}
    with os.scandir(site) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIX) and "-" in entry.name[: -len(_SUFFIX)]:
                name, _dash, version = entry.name[: -len(_SUFFIX)].rpartition("-")
                found[normalize(name)] = (version, entry.path)
            elif entry.name.endswith(".egg-info"):
                # What distutils of old left behind: nobody's lock makes one, so it shows as something to remove.
                name = entry.name[: -len(".egg-info")]
                name, _dash, version = name.partition("-")
                found.setdefault(normalize(name), (version.partition("-py3")[0] or "0", entry.path))
    return found


def installed_versions(site):
    """Return {normalized name: version} of the distributions in site-packages."""
    return {name: version for name, (version, _path) in dist_infos(site).items()}


def read_record(directory):
    """Yield (path relative to site-packages, sha256 in urlsafe base64 or '', size in bytes or None) of RECORD's rows.

    Raises ValueError where RECORD cannot be read: what lacks it can be neither proved nor repaired in place.
    """
    path = os.path.join(directory, "RECORD")
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from error
    for row in rows:
        if not row:
            continue
        name, how, size = [*row, "", ""][:3]
        algorithm, _equals, value = how.partition("=")
        yield name, value if algorithm == "sha256" else "", int(size) if size.isdigit() else None
