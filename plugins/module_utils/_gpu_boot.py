# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the next boot brings: Secure Boot, a restart that waits, the next kernel and its module. No Ansible import.

Secure Boot: the EFI variable SecureBoot of the UEFI specification, as efivarfs shows it: four bytes of attributes,
then one byte that is 1 where it is on. A restart that waits: /run/reboot-required and /run/reboot-required.pkgs,
which Ubuntu's and Debian's packages write.
"""

from __future__ import annotations

from ._gpu_modules import has_headers, is_signed, kernels, module_file, module_version, switched_off
from ._gpu_root import exists, names, read_bytes, read_text, running_kernel
from ._gpu_versions import version_key

_EFI = "/sys/firmware/efi"
_SECURE_BOOT = f"{_EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_WAITS = "/run/reboot-required"


def look(root="/", _timeout=None):
    """Return `secure_boot` (enabled, disabled or unknown), `switched_off`, and `reboot`, as gpu_info returns it.

    The next kernel is the newest on the disk, which is what a boot loader starts that was not told otherwise. Where the
    running kernel is not on the disk, as in a container, nothing is known of the next one, nor of any module.
    """
    running = running_kernel(root)
    here = kernels(root)
    is_here = running in here or bool(names(root, f"/lib/modules/{running}"))
    following = here[-1] if here and is_here else ""
    if following and version_key(following)[0] == version_key(running)[0]:
        following = running  # only its flavour differs, and which one is the default is not ours to guess
    return {
        "secure_boot": secure_boot(root),
        "switched_off": switched_off(root),
        "reboot": {
            "pending": exists(root, _WAITS),
            "packages": sorted(set(read_text(root, f"{_WAITS}.pkgs", 1 << 20).split())),
            "running_kernel": running,
            **_kernel(root, "running", running if is_here else ""),
            "next_kernel": following,
            **_kernel(root, "next", following),
        },
    }


def nothing_known():
    """Return a `reboot` of which nothing is known."""
    found = {"pending": False, "packages": [], "running_kernel": "", "next_kernel": ""}
    return {**found, **_kernel("", "running", ""), **_kernel("", "next", "")}


def secure_boot(root="/"):
    """Return `enabled`, `disabled` (a host without EFI has none) or `unknown`."""
    said = read_bytes(root, _SECURE_BOOT, 16)
    if len(said) == 5:
        return "enabled" if said[4] == 1 else "disabled"
    if exists(root, _EFI) or not names(root, "/sys/firmware"):
        return "unknown"  # containers hide it
    return "disabled"


def _kernel(root, which, kernel):
    path = module_file(root, kernel) if kernel else ""
    return {
        f"{which}_has_module": bool(path) if kernel else None,
        f"{which}_module_version": module_version(root, kernel, path) if path else "",
        f"{which}_module_signed": is_signed(path) if path else None,
        f"{which}_has_headers": has_headers(root, kernel) if kernel else None,
    }
