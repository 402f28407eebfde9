# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of drivers, of their packages and of kernels: which is newer, and which driver a package is of."""

from __future__ import annotations

import re

_PACKAGE = re.compile(r"(?:\d+:)?(\d{3,}(?:\.\d+)+)")


def version_key(text):
    """Return a key that sorts 535.104.05 after 535.54.03, and kernel 6.1.0-18-amd64 after 6.1.0-9-amd64."""
    return [int(number) for number in re.findall(r"\d+", text)], text


def driver_version(package_version):
    """Return the driver's version in a package's: 1:535.104.05-0ubuntu1 is of 535.104.05; '' where none is in it."""
    match = _PACKAGE.match(package_version)
    return match.group(1) if match else ""


def branch(version):
    """Return a driver's branch: 535.104.05 is of 535."""
    return version.split(".")[0]
