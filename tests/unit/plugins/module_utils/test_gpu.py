"""GPUs on a stand-in for a host, and what a host is by them."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_kernel, _gpu_pci, _gpu_state

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
    found = _gpu_pci.find_gpus(bus(tmp_path, devices))
    assert [(gpu["device"], gpu["driver"]) for gpu in found] == expected


def test_a_host_without_a_bus(tmp_path):
    assert _gpu_pci.find_gpus(str(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("drivers", "loaded", "kind", "layer", "said"),
    [
        ([], False, "cpu", "", "no NVIDIA GPU"),
        ([], True, "gpu", "", "though the PCI bus shows no GPU"),
        (["nvidia"], True, "gpu", "", "One NVIDIA GPU is"),
        (["nvidia"] * 8, True, "gpu", "", "8 NVIDIA GPUs are"),
        (["nvidia", "vfio-pci"], True, "gpu", "", "2 NVIDIA GPUs are"),
        ([""], False, "broken", "kernel module", "not loaded"),
        (["nvidia"], False, "broken", "kernel module", "not loaded"),
        (["nvidia", ""], True, "broken", "driver binding", "does not drive 0000:01:00.0"),
        (["nouveau"], False, "broken", "driver binding", "nouveau"),
        (["vfio-pci"], False, "broken", "driver binding", "vfio-pci"),
    ],
)
def test_what_a_host_is(drivers, loaded, kind, layer, said):
    gpus = [{"address": f"0000:{number:02x}:00.0", "driver": driver} for number, driver in enumerate(drivers)]
    verdict = _gpu_state.judge(gpus, {"loaded": loaded, "version": "515.65.01" if loaded else "", "open": False})
    assert (verdict["kind"], verdict["layer"]) == (kind, layer)
    assert said in verdict["reason"]
    assert bool(verdict["cure"]) is (kind == "broken")
    assert verdict["reason"].count(". ") == 0
