# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed kernels: /boot, /lib/modules and their headers, and modules with what modinfo reads out of them."""

from __future__ import annotations

import lzma
import struct

_SIGNED = b"~Module signature appended~\n"


def put(tree, scenario):
    """kernels: {release: {headers: bool, modules: {path below lib/modules: {version, license, signer}}}}."""
    running = scenario["kernel"]
    tree.write("/proc/sys/kernel/osrelease", f"{running}\n")
    tree.write("/proc/version", f"Linux version {running} (buildd@host) (gcc) #1 SMP PREEMPT_DYNAMIC\n")
    kernels = scenario.get("kernels", {})
    for release, kernel in kernels.items():
        _put_kernel(tree, release, kernel or {})
    if kernels:
        tree.write("/proc/cmdline", f"BOOT_IMAGE=/boot/vmlinuz-{running} root=/dev/vda1 ro\n")
        _put_links(tree, scenario["os"], sorted(kernels, key=_numbers))


def _put_kernel(tree, release, kernel):
    for name in ("vmlinuz", "initrd.img", "config", "System.map"):
        tree.write(f"/boot/{name}-{release}", f"{name} of {release}\n", 0o600 if name == "System.map" else 0o644)
    folder = f"/lib/modules/{release}"
    modules = kernel.get("modules", {})
    tree.write(f"{folder}/modules.dep", "".join(f"{path}:\n" for path in modules))
    tree.write(f"{folder}/modules.builtin", "")
    for path, module in modules.items():
        tree.write(f"{folder}/{path}", _packed(path, _module(path, release, module)))
    if kernel.get("headers", True):
        tree.link(f"{folder}/build", f"/usr/src/linux-headers-{release}")
        tree.write(f"/usr/src/linux-headers-{release}/Makefile", f"# Headers of {release}\n")
        tree.write(f"/usr/src/linux-headers-{release}/include/config/kernel.release", f"{release}\n")


def _put_links(tree, system, releases):
    """Ubuntu's links stand in /boot, Debian's in /; both lead to the newest kernel, which boots next."""
    folder, into = ("/boot", "") if system.startswith("ubuntu") else ("", "boot/")
    for name in ("vmlinuz", "initrd.img"):
        tree.link(f"{folder}/{name}", f"{into}{name}-{releases[-1]}")
        if len(releases) > 1:
            tree.link(f"{folder}/{name}.old", f"{into}{name}-{releases[-2]}")
    entries = "".join(
        f"menuentry 'Linux {release}' {{\n\tlinux\t/boot/vmlinuz-{release} root=/dev/vda1 ro\n}}\n"
        for release in reversed(releases)
    )
    tree.write("/boot/grub/grub.cfg", f'set default="0"\n{entries}', 0o600)


def _module(path, release, module):
    """The section .modinfo is what counts: strings of key=value, each ended by a zero byte."""
    name = path.rsplit("/", 1)[-1].split(".")[0].replace("-", "_")
    info = {
        "version": module.get("version", ""),
        "license": module.get("license", "NVIDIA"),
        "name": name,
        "vermagic": f"{release} SMP mod_unload modversions ",
    }
    data = b"\x7fELF\x02\x01\x01" + bytes(57)
    data += b"".join(f"{key}={value}".encode() + b"\0" for key, value in info.items() if value)
    return data + (_signature(module["signer"]) if module.get("signer") else b"")


def _signature(signer):
    """struct module_signature (include/linux/module_signature.h), of the kind that names its signer in the open."""
    name, key, signature = signer.encode(), bytes(range(20)), bytes(256)
    tail = struct.pack(">BBBBB3xI", 0, 4, 1, len(name), len(key), len(signature))
    return name + key + signature + tail + _SIGNED


def _packed(path, data):
    if path.endswith(".xz"):
        return lzma.compress(data, check=lzma.CHECK_CRC32)
    if path.endswith(".zst"):
        # RFC 8878: one frame whose one block is as it is.
        head = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
        return head + (len(data) << 3 | 1).to_bytes(3, "little") + data
    return data


def _numbers(release):
    """A sorting key: runs of digits as numbers."""
    parts, digits = [], ""
    for character in f"{release}.":
        if character.isdigit():
            digits += character
        elif digits:
            parts.append(int(digits))
            digits = ""
    return parts
