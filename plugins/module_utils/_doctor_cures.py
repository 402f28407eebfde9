# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `./box doctor --fix` does about a finding: by itself what is safe, the rest when a person agrees.

Each cure is a task file of its name in playbooks/tasks/doctor. Which finding has which safe cure stands with the codes
(_gpu_codes).
"""

from __future__ import annotations

RESTART, NO_NOUVEAU = "restart", "blacklist-nouveau"
NO_SNAP, ONE_TOOLKIT = "remove-docker-snap", "upgrade-container-toolkit"

#: Safe: name -> what it does. It interrupts nothing that runs, and can be taken back.
SAFE = {
    "load-module": "load NVIDIA's kernel module",
    "make-device-files": "make the GPUs' device files",
    "start-fabricmanager": "start nvidia-fabricmanager, now and at each start",
    "start-persistenced": "start nvidia-persistenced",
    "lead-toolkit-link": "lead the links of /usr/local/cuda to a toolkit that is there",
    "run-ldconfig": "renew the dynamic linker's cache",
    "move-cudnn-aside": "move what is no cuDNN to /var/lib/mlinabox/doctor/aside, and renew the dynamic linker's cache",
    "configure-docker": "put NVIDIA's runtime into Docker's daemon.json and have Docker read it again",
    "link-device-files": "link the GPUs' device files in /dev/char, now and by a udev rule",
    "refresh-cdi": "make the specifications of CDI anew",
    "hold-driver": "hold the driver's packages",
}

#: Asked: name -> the question. It interrupts what runs, or removes something.
ASKED = {
    RESTART: "Restart the machine now? All that runs on it ends.",
    NO_NOUVEAU: "Keep nouveau from being loaded and make the initramfs anew? It takes effect at the next restart.",
    NO_SNAP: "Remove snap's Docker with its containers and images?",
    ONE_TOOLKIT: "Upgrade the packages of NVIDIA's container toolkit to one version?",
}

#: Code of a finding -> name of the cure that is asked about.
ASKED_FOR = {
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


def cures(findings):
    """Return what can be done about findings, each once, in their order: dicts with `name`, `safe` and `text`."""
    found = {}
    for one in findings:
        if one["fix"]:
            found.setdefault(one["fix"], {"name": one["fix"], "safe": True, "text": SAFE[one["fix"]]})
        asked = ASKED_FOR.get(one["code"])
        # Whether a restart helps, the finding's own cure knows: an old module would be loaded again.
        if asked and (asked != RESTART or "restart" in one["cure"].lower()):
            text = f"{one['text']} {ASKED[asked]}"
            found.setdefault(asked, {"name": asked, "safe": False, "text": text})
    # What is restarted comes last: nothing that is done after it would be.
    return sorted(found.values(), key=lambda cure: (not cure["safe"], cure["name"] == RESTART))
