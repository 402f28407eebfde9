# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernels on the disk, and NVIDIA's kernel module for each as a file. No Ansible import, and it never raises.

Where the module lies: DKMS puts it into updates/dkms (Debian under the name nvidia-current.ko), the .run installer into
kernel/drivers/video, Ubuntu's packages linux-modules-nvidia-* into kernel/nvidia-<branch>. It may be compressed.
"""

from __future__ import annotations

import os
import re
import struct

from ._gpu_root import exists, names, read_text, resolve
from ._gpu_versions import version_key

_FOLDERS = (
    "updates/dkms",
    "updates",
    "extra",
    "kernel/drivers/video",
    "kernel/drivers/video/nvidia",
    "kernel/drivers/char",
)
_FILE = re.compile(r"nvidia(?:-current(?:-open)?|-(?:tesla|legacy)[\w-]*)?\.ko(?:\.(?:xz|zst|gz))?")
_VERSION = re.compile(rb"(?:^|\0)version=(\d[\d.]*)\0")
_MOST_READ = 1024 * 1024  # bytes of a part of a module; all of it has up to 100 MB
_SIGNED = b"~Module signature appended~\n"  # include/linux/module_signature.h
_SWITCHES = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
_OFF = re.compile(
    r"^\s*(?:blacklist\s+nvidia|alias\s+nvidia\s+off|install\s+nvidia\s+(?:/usr)?/bin/(?:false|true))\s*(?:#.*)?$",
    re.MULTILINE,
)
_OFF_AT_BOOT = re.compile(r"(?:module_blacklist|modprobe\.blacklist)=(?:\S*,)?nvidia(?:,|\s|$)")


def kernels(root="/"):
    """Return the releases of the kernels that the host can boot, oldest first: those in /boot, else /lib/modules."""
    images = [name[len("vmlinuz-") :] for name in names(root, "/boot") if name.startswith("vmlinuz-")]
    found = images or [name for name in names(root, "/lib/modules") if re.match(r"\d", name)]
    return sorted((name for name in found if not name.endswith(".old")), key=version_key)


def module_file(root, kernel):
    """Return where on this machine the host's module for a kernel lies, '' where it has none."""
    base = f"/lib/modules/{kernel}"
    folders = [*_FOLDERS, *(f"kernel/{name}" for name in names(root, f"{base}/kernel") if name.startswith("nvidia"))]
    for folder in folders:
        for name in names(root, f"{base}/{folder}"):
            if _FILE.fullmatch(name):
                return resolve(root, f"{base}/{folder}/{name}")
    for line in read_text(root, f"{base}/modules.dep").splitlines():
        path = line.partition(":")[0]
        if _FILE.fullmatch(os.path.basename(path)) and exists(root, f"{base}/{path}"):
            return resolve(root, f"{base}/{path}")
    return ""


def is_signed(path):
    """Tell whether a module's file has a signature at its end; None of a compressed one, or one that cannot be read."""
    if not path.endswith(".ko"):
        return None
    try:
        with open(path, "rb") as stream:
            stream.seek(-len(_SIGNED), os.SEEK_END)
            return stream.read() == _SIGNED
    except OSError:
        return None


def has_headers(root, kernel):
    """Tell whether what a module is built with is there for a kernel."""
    return exists(root, f"/lib/modules/{kernel}/build") or exists(root, f"/usr/src/linux-headers-{kernel}")


def module_version(root, kernel, path):
    """Return the version of the driver that a kernel's module is of: what its file says, else what DKMS built, or ''.

    path: of module_file(). A compressed file is not read.
    """
    return file_version(path) or (_built_version(root, kernel) if path else "")


def file_version(path):
    """Return the version in a module's file, '' where it cannot be read: section .modinfo, modinfo(8)."""
    try:
        with open(path, "rb") as stream:
            match = path.endswith(".ko") and _VERSION.search(_modinfo(stream))
    except (OSError, ValueError, struct.error):
        return ""
    return match.group(1).decode() if match else ""


def _modinfo(stream):
    """Return the section's bytes (elf(5), 64-bit), or the file's first where it has no sections."""
    head = stream.read(64)
    table, size, number, names_at = struct.unpack_from("<Q", head, 40)[0], *struct.unpack_from("<HHH", head, 58)
    if not table or size < 64 or names_at >= number:
        return head + stream.read(_MOST_READ)
    sections = []
    for place in range(number):
        stream.seek(table + place * size)
        name, _kind, _flags, _address, at, length = struct.unpack_from("<IIQQQQ", stream.read(40))
        sections.append((name, at, min(length, _MOST_READ)))
    stream.seek(sections[names_at][1])
    texts = stream.read(sections[names_at][2])
    for name, at, length in sections:
        if texts[name:].startswith(b".modinfo\0"):
            stream.seek(at)
            return stream.read(length)
    return b""


def _built_version(root, kernel):
    found = []
    for name in names(root, "/var/lib/dkms"):
        if name.startswith("nvidia") and name != "nvidia-fs":
            found += [
                version
                for version in names(root, f"/var/lib/dkms/{name}")
                if exists(root, f"/var/lib/dkms/{name}/{version}/{kernel}")
            ]
    return max((version for version in found if re.match(r"\d", version)), key=version_key, default="")


def switched_off(root="/"):
    """Return what keeps the module from being loaded: a file of modprobe.d(5), /proc/cmdline, or ''."""
    for folder in _SWITCHES:
        for name in names(root, folder):
            if name.endswith(".conf") and _OFF.search(read_text(root, f"{folder}/{name}", 1 << 20)):
                return f"{folder}/{name}"
    return "/proc/cmdline" if _OFF_AT_BOOT.search(read_text(root, "/proc/cmdline", 65536)) else ""
