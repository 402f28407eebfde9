"""Kernels and modules on the disk, Secure Boot, a restart that waits, the Fabric Manager, the library's files."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import (
    _gpu_boot,
    _gpu_fabric,
    _gpu_library,
    _gpu_modules,
)

OLD, NEW = "6.1.0-9-amd64", "6.1.0-18-amd64"
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def host(tmp_path, files=(), links=()):
    for name, text in dict(files).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for name, target in dict(links).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(target)
    return str(tmp_path)


def elf(modinfo, tail=b""):
    """The least of a kernel module: a header, two sections, .modinfo among them."""
    names = b"\0.modinfo\0.shstrtab\0"
    data = b"\0" * 16 + modinfo
    table = 64 + len(data) + len(names)
    head = b"\x7fELF\x02\x01\x01" + bytes(33) + struct.pack("<QIHHHHHH", table, 0, 64, 0, 0, 64, 3, 2)
    sections = bytes(64)
    for name, at, size in ((1, 64 + 16, len(modinfo)), (10, 64 + len(data), len(names))):
        sections += struct.pack("<IIQQQQ", name, 1, 0, 0, at, size) + bytes(24)
    return head + data + names + sections + tail


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("updates/dkms/nvidia.ko", True),
        ("updates/dkms/nvidia.ko.xz", True),
        ("updates/dkms/nvidia.ko.zst", True),
        ("updates/dkms/nvidia-current.ko", True),
        ("updates/dkms/nvidia-current-open.ko.xz", True),
        ("updates/dkms/nvidia-tesla-470.ko", True),
        ("kernel/drivers/video/nvidia.ko", True),
        ("kernel/nvidia-535/nvidia.ko", True),
        ("kernel/nvidia-535srv-open/nvidia.ko", True),
        ("weak-updates/nvidia/nvidia.ko", True),
        ("updates/dkms/nvidia-drm.ko", False),
        ("updates/dkms/nvidia-uvm.ko", False),
        ("kernel/drivers/video/nvidiafb.ko", False),
        ("kernel/drivers/gpu/drm/nouveau/nouveau.ko", False),
    ],
)
def test_where_a_module_lies(tmp_path, path, found):
    base = f"lib/modules/{NEW}"
    root = host(tmp_path, {f"{base}/{path}": "x", f"{base}/modules.dep": f"{path}: kernel/x.ko\ngone/nvidia.ko:\n"})
    assert _gpu_modules.module_file(root, NEW) == (f"{root}/{base}/{path}" if found else "")
    assert _gpu_modules.module_file(root, OLD) == ""


@pytest.mark.parametrize(
    ("name", "content", "version", "signed"),
    [
        ("nvidia.ko", elf(b"license=NVIDIA\0version=535.104.05\0vermagic=6.1\0"), "535.104.05", False),
        ("nvidia.ko", elf(b"version=535.54.03\0", b"key~Module signature appended~\n"), "535.54.03", True),
        ("nvidia.ko", elf(b"license=NVIDIA\0srcversion=533BB7E5866E52F63B9ACCB\0"), "", False),
        ("nvidia.ko", b"\x7fELF" + bytes(60) + b"\0version=470.1.2\0", "470.1.2", False),
        ("nvidia.ko", b"", "", None),
        ("nvidia.ko", b"short", "", None),
        ("nvidia.ko", b"\x7fELF\x02\x01\x01" + b"\xff" * 200, "", False),
        ("nvidia.ko.zst", elf(b"version=535.104.05\0"), "", None),
    ],
)
def test_what_a_module_says_of_itself(tmp_path, name, content, version, signed):
    path = tmp_path / name
    path.write_bytes(content)
    assert (_gpu_modules.file_version(str(path)), _gpu_modules.is_signed(str(path))) == (version, signed)


def test_what_dkms_built(tmp_path):
    root = host(
        tmp_path,
        {
            f"var/lib/dkms/nvidia/535.54.03/{NEW}/x86_64/module/nvidia.ko": "",
            f"var/lib/dkms/nvidia/535.104.05/{NEW}/x86_64/module/nvidia.ko": "",
            "var/lib/dkms/nvidia/550.54.15/source": "",
            f"var/lib/dkms/nvidia-fs/999.1/{NEW}/x": "",
            f"var/lib/dkms/zfs/999.2/{NEW}/x": "",
        },
    )
    assert _gpu_modules.module_version(root, NEW, "/x/nvidia.ko.xz") == "535.104.05"
    assert _gpu_modules.module_version(root, OLD, "/x/nvidia.ko.xz") == ""


@pytest.mark.parametrize(
    ("files", "links", "expected"),
    [
        ({}, {}, False),
        ({f"usr/src/linux-headers-{NEW}/Makefile": ""}, {}, True),
        ({"usr/src/h/Makefile": ""}, {f"lib/modules/{NEW}/build": "/usr/src/h"}, True),
        ({}, {f"lib/modules/{NEW}/build": "/usr/src/gone"}, False),
    ],
)
def test_headers(tmp_path, files, links, expected):
    assert _gpu_modules.has_headers(host(tmp_path, files, links), NEW) is expected


@pytest.mark.parametrize(
    ("path", "text", "off"),
    [
        ("etc/modprobe.d/x.conf", "blacklist nvidia\n", True),
        ("etc/modprobe.d/x.conf", "  blacklist   nvidia  # no\n", True),
        ("usr/lib/modprobe.d/x.conf", "alias nvidia off\n", True),
        ("run/modprobe.d/x.conf", "install nvidia /bin/false\n", True),
        ("etc/modprobe.d/x.conf", "install nvidia /usr/bin/true\n", True),
        ("proc/cmdline", "root=/dev/sda1 modprobe.blacklist=nouveau,nvidia quiet\n", True),
        ("proc/cmdline", "module_blacklist=nvidia\n", True),
        ("etc/modprobe.d/x.conf", "blacklist nouveau\nblacklist nvidiafb\nblacklist nvidia-drm\n", False),
        ("etc/modprobe.d/x.conf", "# blacklist nvidia\n", False),
        ("etc/modprobe.d/x.conf", "install nvidia modprobe -i nvidia-current $CMDLINE_OPTS\n", False),
        ("etc/modprobe.d/x.conf.bak", "blacklist nvidia\n", False),
        ("proc/cmdline", "modprobe.blacklist=nouveau,nvidiafb\n", False),
    ],
)
def test_what_keeps_the_module_out(tmp_path, path, text, off):
    assert _gpu_modules.switched_off(host(tmp_path, {path: text})) == (f"/{path}" if off else "")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({SECURE_BOOT: b"\x06\0\0\0\x01"}, "enabled"),
        ({SECURE_BOOT: b"\x06\0\0\0\0"}, "disabled"),
        ({SECURE_BOOT: b"\x06"}, "unknown"),
        ({"sys/firmware/efi/fw_vendor": "x"}, "unknown"),
        ({"sys/firmware/acpi/x": "x"}, "disabled"),
        ({"sys/x": "x"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_secure_boot(tmp_path, files, expected):
    assert _gpu_boot.secure_boot(host(tmp_path, files)) == expected


def kernel(release, module="", headers=True):
    files = {f"boot/vmlinuz-{release}": "", f"lib/modules/{release}/modules.order": ""}
    if module:
        files[f"lib/modules/{release}/updates/dkms/nvidia.ko"] = elf(f"version={module}\0".encode())
    if headers:
        files[f"usr/src/linux-headers-{release}/Makefile"] = ""
    return files


RUNNING = {"proc/sys/kernel/osrelease": OLD + "\n"}


def test_the_next_kernel(tmp_path):
    files = {**RUNNING, **kernel(OLD, "535.104.05"), **kernel(NEW, headers=False)}
    files.update({"run/reboot-required": "", "run/reboot-required.pkgs": "linux-base\nlinux-image\nlinux-base\n"})
    found = _gpu_boot.look(host(tmp_path, files))["reboot"]
    assert found == {
        "pending": True,
        "packages": ["linux-base", "linux-image"],
        "running_kernel": OLD,
        "running_has_module": True,
        "running_module_version": "535.104.05",
        "running_module_signed": False,
        "running_has_headers": True,
        "next_kernel": NEW,
        "next_has_module": False,
        "next_module_version": "",
        "next_module_signed": None,
        "next_has_headers": False,
    }
    assert _gpu_boot.nothing_known().keys() == found.keys()


@pytest.mark.parametrize(
    ("files", "following"),
    [
        ({**RUNNING, **kernel(OLD)}, OLD),
        # Another flavour of the same one is no newer.
        ({**RUNNING, **kernel(OLD), **kernel("6.1.0-9-cloud-amd64")}, OLD),
        ({**RUNNING, **kernel(OLD), "boot/vmlinuz-6.1.0-20-amd64.old": ""}, OLD),
        # A container has none, or those of its image.
        (RUNNING, ""),
        ({**RUNNING, **kernel(NEW)}, ""),
        # Without /boot, as where it is not mounted.
        ({**RUNNING, f"lib/modules/{OLD}/x": "", f"lib/modules/{NEW}/x": ""}, NEW),
        ({}, ""),
    ],
)
def test_which_kernel_is_next(tmp_path, files, following):
    found = _gpu_boot.look(host(tmp_path, files))["reboot"]
    assert found["next_kernel"] == following
    assert (found["next_has_module"] is None) is (following == "")


def systemctl(tmp_path, text):
    path = tmp_path / "usr/bin/systemctl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("program", "files", "status", "running", "state"),
    [
        ('[ "$*" = "is-active nvidia-fabricmanager.service" ] && echo active', {}, "ok", True, "active"),
        ("echo inactive; exit 3", {}, "ok", False, "inactive"),
        ("echo failed; exit 3", {}, "ok", False, "failed"),
        ("echo activating; exit 3", {}, "ok", False, "activating"),
        ("echo 'System has not been booted with systemd'; exit 1", {}, "failed", None, ""),
        ("sleep 60", {}, "timeout", None, ""),
        ("exit 1", {"proc/1/comm": "init\n", "proc/77/comm": "nv-fabricmanage\n"}, "failed", True, ""),
        ("", {"proc/1/comm": "init\n"}, "ok", False, ""),
        (None, {"proc/77/comm": "nv-fabricmanage\n"}, "ok", True, ""),
        (None, {}, "ok", None, ""),
    ],
)
def test_the_fabric_manager(tmp_path, program, files, status, running, state):
    if program is not None:
        systemctl(tmp_path, program)
    found = _gpu_fabric.look(host(tmp_path, files), 0.4)
    assert (found["status"], found["running"], found["state"], found["installed"]) == (status, running, state, False)


def test_an_installed_fabric_manager(tmp_path):
    assert _gpu_fabric.look(host(tmp_path, {"usr/bin/nv-fabricmanager": ""}), 1)["installed"]


LIBRARIES = "usr/lib/x86_64-linux-gnu"


@pytest.mark.parametrize(
    ("files", "links", "path", "version", "others"),
    [
        ({}, {}, "", "", []),
        (
            {f"{LIBRARIES}/libnvidia-ml.so.535.104.05": ""},
            {f"{LIBRARIES}/libnvidia-ml.so.1": "libnvidia-ml.so.535.104.05"},
            f"{LIBRARIES}/libnvidia-ml.so.535.104.05",
            "535.104.05",
            [],
        ),
        # Debian's alternatives are absolute links.
        (
            {f"{LIBRARIES}/nvidia/current/libnvidia-ml.so.535.261.03": ""},
            {
                f"{LIBRARIES}/libnvidia-ml.so.1": "/etc/alternatives/nvidia--libnvidia-ml.so.1",
                "etc/alternatives/nvidia--libnvidia-ml.so.1": f"/{LIBRARIES}/nvidia/current/libnvidia-ml.so.1",
                f"{LIBRARIES}/nvidia/current/libnvidia-ml.so.1": "libnvidia-ml.so.535.261.03",
            },
            f"{LIBRARIES}/nvidia/current/libnvidia-ml.so.535.261.03",
            "535.261.03",
            [],
        ),
        (
            {f"{LIBRARIES}/libnvidia-ml.so.{version}": "" for version in ("470.82.01", "535.54.03", "535.104.05")},
            {f"{LIBRARIES}/libnvidia-ml.so.1": "libnvidia-ml.so.535.54.03"},
            f"{LIBRARIES}/libnvidia-ml.so.535.54.03",
            "535.54.03",
            ["470.82.01", "535.104.05"],
        ),
        # The link leads nowhere, or is not there: nothing loads it.
        (
            {f"{LIBRARIES}/libnvidia-ml.so.535.104.05": ""},
            {f"{LIBRARIES}/libnvidia-ml.so.1": "libnvidia-ml.so.535.54.03"},
            "",
            "535.104.05",
            [],
        ),
        ({"usr/lib/wsl/lib/libnvidia-ml.so.1": ""}, {}, "usr/lib/wsl/lib/libnvidia-ml.so.1", "", []),
    ],
    ids=["none", "Ubuntu", "Debian", "several", "dangling", "WSL"],
)
def test_the_library(tmp_path, files, links, path, version, others):
    root = host(tmp_path, files, links)
    expected = {"path": f"{root}/{path}" if path else "", "version": version, "others": others}
    assert _gpu_library.look(root) == expected
