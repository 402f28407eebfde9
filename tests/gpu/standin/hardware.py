# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PCI bus, loaded kernel modules, NVIDIA's corner of /proc, the device files, and the firmware's settings."""

from __future__ import annotations

import uuid

NVIDIA = "10de"
_EFI = "8be4df61-93ca-11d2-aa0d-00e098032b8c"


def gpus(scenario):
    """Yield (address, dict) for each GPU, in the order of the bus: a row of the scenario's may stand for several."""
    rows = [(address, row) for row in scenario.get("gpus", ()) for address in row["at"]]
    yield from sorted(rows, key=lambda pair: pair[0])


def gpu_uuid(address, part=None):
    """The UUID that a stand-in GPU, or a MIG instance of it, has: always the same for an address."""
    name = address if part is None else f"{address}/{part}"
    return f"{'GPU' if part is None else 'MIG'}-{uuid.uuid5(uuid.NAMESPACE_OID, name)}"


def put(tree, scenario):
    """gpus, switches, pci, modules, devices, secure_boot; see ../README.md."""
    minor = 0
    modules = scenario.get("modules", {})
    for address, gpu in gpus(scenario):
        row = {"vendor": NVIDIA, "class": "030200", "driver": "nvidia", **gpu}
        _put_function(tree, address, row)
        if row["driver"] == "nvidia" and "nvidia" in modules:
            _put_information(tree, address, row, minor)
            minor += 1
    switches = scenario.get("switches", {"at": ()})
    for address in switches["at"]:
        _put_function(tree, address, {"vendor": NVIDIA, "class": "068000", "driver": "nvidia-nvswitch", **switches})
    for row in scenario.get("pci", ()):
        _put_function(tree, row["at"], {"vendor": NVIDIA, **row})
    if not tree.exists("/sys/bus/pci/devices"):
        tree.folder("/sys/bus/pci/devices")
    _put_modules(tree, modules)
    if "nvidia" in modules:
        _put_devices(tree, minor, len(switches["at"]), scenario.get("devices", {}))
    if "secure_boot" in scenario:
        # Four bytes of attributes, then the value (Documentation/filesystems/efivarfs.rst).
        value = b"\x06\0\0\0" + bytes([bool(scenario["secure_boot"])])
        tree.write(f"/sys/firmware/efi/efivars/SecureBoot-{_EFI}", value)
        tree.write(f"/sys/firmware/efi/efivars/SetupMode-{_EFI}", b"\x06\0\0\0\0")


def _put_function(tree, address, row):
    folder = f"/sys/devices/pci{address[:7]}/{address}"
    values = {"vendor": f"0x{row['vendor']}", "device": f"0x{row['device']}", "class": f"0x{row['class']}"}
    values.update({"subsystem_vendor": "0x10de", "subsystem_device": "0x0000", "revision": "0xa1", "enable": "1"})
    values.update({"numa_node": "-1", "irq": "16", "modalias": f"pci:v0000{row['vendor'].upper()}"})
    for name, value in values.items():
        tree.write(f"{folder}/{name}", f"{value}\n")
    tree.link(f"/sys/bus/pci/devices/{address}", f"../../../devices/pci{address[:7]}/{address}")
    driver = row["driver"]
    if driver:
        tree.folder(f"/sys/bus/pci/drivers/{driver}")
        tree.link(f"{folder}/driver", f"../../../bus/pci/drivers/{driver}")
        tree.link(f"/sys/bus/pci/drivers/{driver}/{address}", f"../../../../devices/pci{address[:7]}/{address}")


def _put_information(tree, address, gpu, minor):
    """As kernel-open/nvidia/nv-procfs.c prints it; `GPU Firmware` came with R515."""
    rows = [
        ("Model", gpu["name"]),
        ("IRQ", "16"),
        ("GPU UUID", gpu_uuid(address)),
        ("Video BIOS", "94.02.5c.00.04"),
        ("Bus Type", "PCIe"),
        ("DMA Size", "47 bits"),
        ("DMA Mask", "0x7fffffffffff"),
        ("Bus Location", address),
        ("Device Minor", str(minor)),
    ]
    if "firmware" in gpu:
        rows.append(("GPU Firmware", gpu["firmware"]))
    rows.append(("GPU Excluded", "No"))
    text = "".join(f"{key}: \t {value}\n" for key, value in rows)
    tree.write(f"/proc/driver/nvidia/gpus/{address}/information", text)


def _put_modules(tree, modules):
    lines = []
    for name, version in modules.items():
        lines.append(f"{name} 61440 0 - Live 0x0000000000000000{' (POE)' if name.startswith('nvidia') else ''}\n")
        tree.write(f"/sys/module/{name}/refcnt", "0\n")
        tree.write(f"/sys/module/{name}/initstate", "live\n")
        if version:
            tree.write(f"/sys/module/{name}/version", f"{version}\n")
    tree.write("/proc/modules", "".join(lines))


def _put_devices(tree, gpus, switches, devices):
    """Files of these names and rights stand for the device files, which only root can make and nothing could answer.

    devices: `mode` (octal, str), `char_links` (whether /dev/char leads to them).
    """
    mode = int(devices.get("mode", "0666"), 8)
    majors = {1: "mem", 195: "nvidia-frontend", 507: "nvidia-uvm", **({508: "nvidia-nvswitch"} if switches else {})}
    listed = "".join(f"{number:3} {name}\n" for number, name in majors.items())
    tree.write("/proc/devices", f"Character devices:\n{listed}\nBlock devices:\n259 blkext\n")
    files = {f"nvidia{number}": (195, number) for number in range(gpus)}
    files.update({"nvidiactl": (195, 255), "nvidia-modeset": (195, 254)})
    files.update({"nvidia-uvm": (507, 0), "nvidia-uvm-tools": (507, 1)})
    files.update({f"nvidia-nvswitch{number}": (508, number) for number in range(switches)})
    for name, (major, minor) in files.items():
        tree.write(f"/dev/{name}", "", mode)
        if devices.get("char_links", True):
            tree.link(f"/dev/char/{major}:{minor}", f"../{name}")
