# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packages are NVIDIA's driver, by their names. No Ansible import.

From the package lists of Debian 11 to 13 (non-free), Ubuntu 20.04 to 24.04 and NVIDIA's repositories. Not the driver
are the toolkit's packages that resemble it: cuda-driver-dev-X-Y (a library to link with), libnvidia-ml-dev (a header),
the container toolkit's libnvidia-container1, Debian's nvidia-cuda-toolkit and nvidia-profiler.
"""

from __future__ import annotations

import re

#: Over whole names.
PATTERNS = (
    r"cuda-drivers(-.*)?",
    r"nvidia-open(-.*)?",
    r"nvidia-(tesla-)?(\d+-)?(driver|headless|dkms|kernel|open-kernel|firmware|utils|compute-utils|fabricmanager|imex"
    r"|alternative|smi|modprobe|persistenced|settings|vdpau-driver|cuda-mps|xconfig|support)(-.*)?",
    r"nvidia-(egl|vulkan|legacy|libopencl1|opencl-icd|suspend|detect|installer).*",
    r"libnvidia-(?!container)(?!.*-dev$).*",
    r"(libcuda1|libnvcuvid1|libnvoptix1|libxnvctrl0|libnvsdm|libnvidia-nscq)(-.*)?",
    r"lib(egl|gl|gl1|gles|glx)\d*-nvidia.*",
    r"firmware-nvidia-.*",
    r"xserver-xorg-video-nvidia.*",
    r"linux-(modules|objects|signatures)-nvidia-.*",
)
#: What Debian's own toolkit cannot be installed without where there is no driver: libraries, and what they need. They
#: bring no kernel module and no display driver.
LIBRARIES = (
    *("libcuda1", "libnvidia-ml1", "libnvidia-ptxjitcompiler1", "libnvidia-pkcs11", "libnvidia-pkcs11-openssl3"),
    *("nvidia-alternative", "nvidia-legacy-check", "nvidia-support", "nvidia-installer-cleanup"),
)
_DRIVER = re.compile("|".join(f"(?:{pattern})" for pattern in PATTERNS))


def refused(allowed=()):
    """Return regular expressions over whole names, of the driver's packages but for `allowed`."""
    names = "|".join(re.escape(name) for name in allowed)
    return [f"(?!(?:{names})$)(?:{pattern})" if names else pattern for pattern in PATTERNS]


def is_driver(name):
    """Tell whether the package `name` belongs to NVIDIA's driver."""
    return bool(_DRIVER.fullmatch(name))
