# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys that NVIDIA signs its archives with, and where their sources are told by. No Ansible import."""

from __future__ import annotations

import re

#: Name of the key -> fingerprint. From the vendor's announcement of the change on 2022-04-27 (7fa2af80 until then, and
#: revoked in its role since), and from NVIDIA/cuda-repo-management #34 and #39: 8793F200 for Debian 13.
FINGERPRINTS = {
    "7fa2af80": "AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80",
    "3bf863cc": "EB693B3035CD5710E231E123A4B469963BF863CC",
    "8793F200": "02182E60104FCDC26EAE1B8597A5D4CB8793F200",
}

#: A line or field of apt's that names the archive of CUDA, or the one for machine learning that was beside it.
ARCHIVE = re.compile(r"developer\.download\.nvidia\.(com|cn)")
#: An archive that one of NVIDIA's local installers (`cuda-repo-...-local`) put on the host's own disk.
LOCAL_ARCHIVE = re.compile(r"file:/+var/(cuda-repo|cudnn-local-repo)")
#: The archive of the container toolkit.
CONTAINER_ARCHIVE = re.compile(r"nvidia\.github\.io")
#: A stanza of apt's preferences that is about the archive of CUDA: by its label, its origin, its host, or, as NVIDIA's
#: own file of pins has it, about nsight.
PIN = re.compile(
    r"^Pin:.*(\bl=NVIDIA CUDA|\bo=NVIDIA\b|nvidia\.(com|cn))|^Package: *nsight-", re.MULTILINE | re.IGNORECASE
)
