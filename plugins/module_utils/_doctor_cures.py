# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cures that `./box doctor --fix` carries out only when a person agrees: they interrupt what runs, or remove something.

Those that are safe stand with the codes (_gpu_codes); each cure of either kind is a task file of its name.
"""

from __future__ import annotations

RESTART, NO_NOUVEAU, NO_SNAP, ONE_TOOLKIT = (
    "restart",
    "blacklist-nouveau",
    "remove-docker-snap",
    "upgrade-container-toolkit",
)

#: Name -> what a person is asked.
QUESTIONS = {
    RESTART: "Restart the machine now? All that runs on it ends.",
    NO_NOUVEAU: "Keep nouveau from being loaded and make the initramfs anew? It takes effect at the next restart.",
    NO_SNAP: "Remove snap's Docker with its containers and images?",
    ONE_TOOLKIT: "Upgrade the packages of NVIDIA's container toolkit to one version?",
}

#: Code of a finding -> name of the cure.
ASKED = {
    "gpu-vanished": RESTART,
    "nouveau-bound": NO_NOUVEAU,
    "driver-library-mismatch": RESTART,
    "access-lost": RESTART,
    "driver-hangs": RESTART,
    "gpu-lost": RESTART,
    "gpu-needs-reset": RESTART,
    "gpu-hangs": RESTART,
    "memory-repair-pending": RESTART,
    "ecc-change-pending": RESTART,
    "mig-change-pending": RESTART,
    "driver-reboot-pending": RESTART,
    "docker-is-snap": NO_SNAP,
    "container-toolkit-mixed": ONE_TOOLKIT,
}
