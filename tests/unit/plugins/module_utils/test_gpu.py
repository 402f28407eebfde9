"""The PCI bus and the kernel module, as files of a host."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_kernel, _gpu_pci

# Recorded: a proprietary module of 2022, open ones of 2025 and 2026.
VERSIONS = [
    (
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  515.76  Mon Sep 12 19:21:56 UTC 2022\n"
        "GCC version:  gcc version 7.5.0 (Ubuntu 7.5.0-3ubuntu1~18.04)\n",
        ("515.76", False),
    ),
    (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  "
        "(dvs-builder@U22-I3-B17-02-5)  Tue Sep 23 09:55:41 UTC 2025\n",
        ("580.95.05", True),
    ),
    (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  615.71.09  Release Build  (notroot@)  "
        "Sat Oct  3 18:52:37 UTC 2026\nGCC version:  Selected multilib: .;@m64\n",
        ("615.71.09", True),
    ),
    ("", ("", False)),
    ("NVRM version: something else\n", ("", False)),
]
A100 = {"vendor": "0x10de", "device": "0x20b2", "class": "0x030200"}
GEFORCE = {"vendor": "0x10de", "device": "0x21c4", "class": "0x030000"}
NVSWITCH = {"vendor": "0x10de", "device": "0x1af1", "class": "0x068000"}
AUDIO = {"vendor": "0x10de", "device": "0x1aeb", "class": "0x040300"}
MATROX = {"vendor": "0x102b", "device": "0x0534", "class": "0x030000"}


def bus(folder, devices):
    """Lay out `devices`, (files, driver) pairs, as sysfs does."""
    base = folder / "sys" / "bus" / "pci" / "devices"
    base.mkdir(parents=True)
    for number, (files, driver) in enumerate(devices):
        device = base / f"0000:{number:02x}:00.0"
        device.mkdir()
        for name, text in files.items():
            (device / name).write_text(text + "\n")
        if driver:
            (device / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
    return str(folder)


@pytest.mark.parametrize(("text", "expected"), VERSIONS)
def test_the_version_line(text, expected):
    assert _gpu_kernel.parse_version(text) == expected


def test_the_module(tmp_path):
    assert _gpu_kernel.find_module(str(tmp_path)) == {"loaded": False, "version": "", "open": False}
    folder = tmp_path / "proc" / "driver" / "nvidia"
    folder.mkdir(parents=True)
    (folder / "version").write_text(VERSIONS[1][0])
    assert _gpu_kernel.find_module(str(tmp_path)) == {"loaded": True, "version": "580.95.05", "open": True}


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([], []),
        ([(MATROX, "mgag200")], []),
        ([(NVSWITCH, "nvidia-nvswitch"), (AUDIO, "snd_hda_intel")], []),
        ([(MATROX, "mgag200"), (A100, "nvidia"), (A100, "nvidia")], [("0x20b2", "nvidia"), ("0x20b2", "nvidia")]),
        ([(GEFORCE, "nouveau")], [("0x21c4", "nouveau")]),
        ([(GEFORCE, "")], [("0x21c4", "")]),
        ([({}, "")], []),
    ],
)
def test_the_bus(tmp_path, devices, expected):
    found = _gpu_pci.look(bus(tmp_path, devices))["gpus"]
    assert [(gpu["device"], gpu["driver"]) for gpu in found] == expected


def test_parts_of_a_card_for_virtual_machines_are_none(tmp_path):
    root = bus(tmp_path, [(A100, "nvidia"), (A100, "nvidia")])
    (tmp_path / "sys/bus/pci/devices/0000:01:00.0/physfn").symlink_to("../0000:00:00.0")
    assert [gpu["address"] for gpu in _gpu_pci.look(root)["gpus"]] == ["0000:00:00.0"]


@pytest.mark.parametrize(("word", "expected"), [("Yes", True), ("No", False), ("", False)])
def test_an_excluded_gpu(tmp_path, word, expected):
    folder = tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0"
    folder.mkdir(parents=True)
    (folder / "information").write_text(f"Model: \t\t NVIDIA A100\nDevice Minor: \t 0\nGPU Excluded:\t {word}\n")
    assert _gpu_kernel.is_excluded(str(tmp_path), "0000:01:00.0") is expected
    assert not _gpu_kernel.is_excluded(str(tmp_path), "0000:02:00.0")


def test_a_host_without_a_bus(tmp_path):
    assert _gpu_pci.look(str(tmp_path / "none"))["gpus"] == []


@pytest.mark.parametrize(
    ("devices", "visible", "switches"),
    [
        ([], False, 0),
        ([(MATROX, "mgag200")], True, 0),
        ([(NVSWITCH, "nvidia-nvswitch")] * 6 + [(A100, "nvidia")] * 8, True, 6),
        # The network chip of a mainboard of 2008 has the same vendor and class.
        ([({"vendor": "0x10de", "device": "0x0373", "class": "0x068000"}, "forcedeth")], True, 0),
        ([({"vendor": "0x10de", "device": "what", "class": "0x068000"}, "")], True, 0),
    ],
)
def test_what_else_is_on_the_bus(tmp_path, devices, visible, switches):
    found = _gpu_pci.look(bus(tmp_path, devices))
    assert (found["visible"], found["nvswitches"]) == (visible, switches)


@pytest.mark.parametrize(
    ("files", "device_files", "reachable"),
    [
        ([], 0, False),
        (["dev/nvidia0", "dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia-caps", "dev/null"], 3, True),
        (["dev/nvidia0"], 1, False),
        (["dev/dxg"], 0, True),
        (["proc/driver/nvidia/version"], 0, True),
    ],
)
def test_asking_must_not_load_the_module(tmp_path, files, device_files, reachable):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(VERSIONS[0][0])
    found = _gpu_kernel.look(str(tmp_path))
    assert (len(found["device_files"]), found["reachable"]) == (device_files, reachable)
