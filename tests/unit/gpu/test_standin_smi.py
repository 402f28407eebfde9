# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for nvidia-smi: its ends, its texts, and its XML held against recordings of real ones where they are."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

#: Recordings of real hosts lie beside the checkout, where they are at all.
RECORDINGS = Path(__file__).resolve().parents[4] / "shared" / "samples"

FAILED = "Failed to initialize NVML: "
NO_DRIVER = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest "
NO_DRIVER += "NVIDIA driver is installed and running.\n"


def smi(root, *arguments):
    command = [f"{root}/usr/bin/nvidia-smi", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize(
    ("host", "arguments", "code", "text"),
    [
        ("nouveau-has-the-card", [], 9, NO_DRIVER + "\n"),
        ("nouveau-has-the-card", ["--version"], 9, NO_DRIVER + "\n"),
        ("management-library-gone", [], 12, "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system."),
        ("library-upgraded-under-r460", ["-q", "-x"], 255, f"{FAILED}Driver/library version mismatch\n"),
        ("driver-upgraded-and-not-restarted", [], 18, f"{FAILED}Driver/library version mismatch\nNVML library version"),
        ("container-after-daemon-reload", [], 255, f"{FAILED}Unknown Error\n"),
        ("device-files-for-one-group", [], 4, f"{FAILED}Insufficient Permissions\n"),
        ("container-without-cgroup-rules", [], 17, f"{FAILED}GPU access blocked by the operating system\n"),
        ("adapter-does-not-initialize", [], 6, "No devices were found\n"),
        ("adapter-does-not-initialize", ["-L"], 0, "No devices found.\n"),
        ("gpu-fell-off-the-bus", [], 15, "Unable to determine the device handle for GPU 0000:0B:00.0: GPU is lost."),
        ("one-a100-r535", ["--nonsense"], 2, "Invalid combination of input arguments."),
        (
            "one-a100-r535",
            ["--query-gpu=nonsense", "--format=csv"],
            2,
            'Field "nonsense" is not a valid field to query.',
        ),
        ("one-a100-r535", ["--query-gpu=name"], 2, '"--format=" switch is missing.'),
        ("old-cudnn-on-ld-library-path", ["--query-gpu=compute_cap", "--format=csv,noheader"], 0, "7.0\n"),
        (
            "r470-under-cuda-12",
            ["--query-gpu=compute_cap", "--format=csv"],
            2,
            'Field "compute_cap" is not a valid field',
        ),
        (
            "rtx5090-r610",
            ["--query-gpu=kmd_version,driver_version", "--format=csv,noheader"],
            0,
            "610.43.02, 610.43.02\n",
        ),
    ],
)
def test_ends_and_words(hosts, host, arguments, code, text):
    run = smi(hosts(host), *arguments)
    assert (run.returncode, run.stderr) == (code, "")
    assert run.stdout.startswith(text)


def test_fields(hosts):
    root = hosts("a100-cut-into-instances")
    query = "--query-gpu=index,name,memory.total,utilization.gpu,mig.mode.current"
    assert smi(root, query, "--format=csv").stdout == (
        "index, name, memory.total [MiB], utilization.gpu [%], mig.mode.current\n"
        "0, NVIDIA A100-SXM4-80GB, 81920 MiB, [N/A], Enabled\n"
        "1, NVIDIA A100-SXM4-80GB, 81920 MiB, 0 %, Disabled\n"
    )
    assert smi(root, query, "--format=csv,noheader,nounits").stdout == (
        "0, NVIDIA A100-SXM4-80GB, 81920, [N/A], Enabled\n1, NVIDIA A100-SXM4-80GB, 81920, 0, Disabled\n"
    )


def test_list(hosts):
    lines = smi(hosts("a100-cut-into-instances"), "-L").stdout.splitlines()
    assert [line[:30] for line in lines[:2]] == ["GPU 0: NVIDIA A100-SXM4-80GB (", "  MIG 1g.20gb    Device  0: (U"]
    assert len(lines) == 6
    assert len({line.rpartition("UUID: ")[2] for line in lines}) == 6


@pytest.mark.parametrize(
    ("host", "driver", "cuda"),
    [
        ("gtx-1660-ti-r418", "Driver Version: 418.43", "CUDA Version: 10.1"),
        ("eight-h100-with-nvswitches-r550", "Driver Version: 550.90.07", "CUDA Version: 12.4"),
        ("rtx5090-r610", "KMD Version: 610.43.02", "CUDA UMD Version: 13.3"),
    ],
)
def test_table(hosts, host, driver, cuda):
    lines = smi(hosts(host)).stdout.splitlines()
    assert driver in lines[2] and cuda in lines[2]
    assert len({len(line) for line in lines[1:]}) == 1


def tags(element, prefix=""):
    """The paths of all elements."""
    for child in element:
        path = f"{prefix}/{child.tag}"
        yield path
        yield from tags(child, path)


@pytest.mark.parametrize(
    ("host", "dtd", "reasons", "power"),
    [
        ("gtx-1660-ti-r418", "", "clocks_throttle_reasons", "power_readings/power_draw"),
        ("a4000-with-containers", "v11", "clocks_throttle_reasons", "power_readings/power_draw"),
        ("systemd-cgroups-without-char-links", "v12", "clocks_throttle_reasons", "power_readings/power_draw"),
        ("a100-cut-into-instances", "v12", "clocks_event_reasons", "gpu_power_readings/power_draw"),
        ("hgx-without-fabricmanager", "v12", "clocks_event_reasons", "gpu_power_readings/instant_power_draw"),
        ("rtx5090-r610", "v13", "clocks_event_reasons", "gpu_power_readings/instant_power_draw"),
    ],
)
def test_xml_is_of_its_generation(hosts, host, dtd, reasons, power):
    text = smi(hosts(host), "-q", "-x").stdout
    assert (f'"nvsmi_device_{dtd}.dtd"' in text) if dtd else ("DOCTYPE" not in text)
    root = ElementTree.fromstring(text)
    gpus = root.findall("gpu")
    assert root.findtext("attached_gpus") == str(len(gpus))
    for gpu in gpus:
        assert gpu.findtext(power) == "25.00 W"
        assert gpu.find(reasons) is not None
        assert gpu.findtext("uuid").startswith("GPU-")
        assert (gpu.find("mig_mode") is not None) == (host != "gtx-1660-ti-r418")


@pytest.mark.parametrize(
    ("host", "recording"),
    [
        ("gtx-1660-ti-r418", "qx-418.43-gtx1660ti-telegraf.xml"),
        ("a4000-with-containers", "qx-515.105.01-a10g-telegraf.xml"),
        ("a100-cut-into-instances", "qx-535.54.03-a100x4-mig-telegraf.xml"),
        ("hgx-without-fabricmanager", "qx-570.148.08-a100-nvidia.xml"),
        ("rtx5090-r610", "qx-580.65.06-gb200-gpu-lost-MOCK-nvidia.xml"),
    ],
)
def test_xml_has_no_element_that_a_recording_lacks(hosts, host, recording):
    path = RECORDINGS / recording
    if not path.is_file():
        pytest.skip(f"no recording {recording} is here")
    real = set(tags(ElementTree.parse(path).getroot()))
    ours = set(tags(ElementTree.fromstring(smi(hosts(host), "-q", "-x").stdout)))
    # In a recording of an idle machine nobody is at work; one with MIG has no remapped rows.
    known = ("/gpu/processes/", "/gpu/mig_devices/", "/gpu/remapped_rows/")
    assert {tag for tag in ours - real if not tag.startswith(known)} == set()
