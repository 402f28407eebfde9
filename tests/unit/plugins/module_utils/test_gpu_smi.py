"""nvidia-smi's answers and failures of all driver generations: what it says, what is read.

The XML is synthetic unless a test's name says that it was recorded; recordings are read from the folder that
MLINABOX_SAMPLES names. A generation that nobody recorded says `not recorded` in its test's name.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_smi, _gpu_smi_failure, _gpu_smi_xml
from ansible_collections.mlinabox.core.tests.unit.plugins.module_utils.gpu_synthetic import (
    GENERATIONS,
    LISTING,
    NOT_RECORDED,
    OLD_LISTING,
    document,
)

SAMPLES = os.environ.get("MLINABOX_SAMPLES", "")
recorded = pytest.mark.skipif(not SAMPLES, reason="MLINABOX_SAMPLES names no folder with recordings")

GENERATION_IDS = [f"R{one}, synthetic{', not recorded' if one in NOT_RECORDED else ''}" for one in GENERATIONS]
COMMUNICATE = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA "
    "driver is installed and running.\n\n"
)
NO_LIBRARY = (
    "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the NVIDIA Display Driver "
    "is properly installed and present in your system.\nPlease also try adding directory that contains "
    "libnvidia-ml.so to your system PATH.\n"
)
LOST = "GPU is lost.  Reboot the system to recover this GPU\n"
HANDLE = "Unable to determine the device handle for GPU"


@pytest.mark.parametrize("generation", GENERATIONS, ids=GENERATION_IDS)
def test_each_generation(generation):
    found = _gpu_smi_xml.parse(document(generation))
    assert (found["driver"], found["cuda"], found["count"]) == (*GENERATIONS[generation], 1)
    (gpu,) = found["gpus"]
    switch = False if generation > 435 else None
    assert gpu == {
        "index": None,
        "code": 0,
        "error": "",
        "lost": False,
        "address": "0000:06:00.0",
        "uuid": "GPU-00000000-0000-0000-0000-000000000001",
        "name": "NVIDIA A100-SXM4-40GB",
        "memory": 40960,
        "compute_capability": "",
        "mig": {"enabled": switch, "pending": switch, "instances": []},
        "ecc": {"enabled": True, "pending": False, "corrected": 3, "uncorrected": 1, "repair": ""},
        "temperature": 33,
        "throttle": ["sw_power_cap"],
        "processes": [],
        "fabric": "",
    }


@pytest.mark.parametrize(
    ("head", "driver", "cuda"),
    [
        ("<driver_version>570.1.2</driver_version><cuda_version>Not Found</cuda_version>", "570.1.2", ""),
        ("<driver_version>418.43</driver_version>", "418.43", ""),
        (
            "<driver_version>610.57.04 [Deprecated; will be removed in CUDA 14.0. Use KMD Version instead]"
            "</driver_version><kmd_version>610.57.04</kmd_version><cuda_version>13.3 [Deprecated; will be removed in "
            "CUDA 14.0. Use CUDA UMD Version instead]</cuda_version><cuda_umd_version>13.3</cuda_umd_version>",
            "610.57.04",
            "13.3",
        ),
        ("<kmd_version>615.71.09</kmd_version><cuda_umd_version>13.4</cuda_umd_version>", "615.71.09", "13.4"),
        ("<timestamp>x</timestamp>", "", ""),
    ],
    ids=["CUDA not found", "no CUDA", "R610, both names, not recorded", "R615, new names, not recorded", "none"],
)
def test_the_versions(head, driver, cuda):
    found = _gpu_smi_xml.parse(document(610, head=head))
    assert (found["driver"], found["cuda"], len(found["gpus"])) == (driver, cuda, 1)


PROCESS = (
    "<process_info><pid>{}</pid><type>{}</type><process_name>{}</process_name><used_memory>{}</used_memory>"
    "</process_info>"
)


@pytest.mark.parametrize(
    ("wanted", "key", "expected"),
    [
        ({"bus_id": "0000:0A:00.0"}, "address", "0000:0a:00.0"),
        ({"bus_id": "00010002:FF:1F.7"}, "address", "10002:ff:1f.7"),
        ({"memory": "N/A"}, "memory", None),
        ({"memory": "[Insufficient Permissions]"}, "memory", None),
        ({"temperature": "GPU is lost"}, "lost", True),
        ({"temperature": "GPU is lost"}, "error", "GPU is lost"),
        ({"temperature": "[GPU is lost]"}, "code", 15),
        ({"memory": "GPU requires reset"}, "code", 16),
        ({"temperature": "Unknown Error"}, "code", 999),
        ({"temperature": "ERR!"}, "code", 999),
        ({"temperature": "N/A"}, "code", 0),
        ({"throttle": "hw_thermal_slowdown"}, "throttle", ["hw_thermal_slowdown"]),
        ({"fabric": "Completed"}, "fabric", "completed"),
        ({"fabric": "In Progress"}, "fabric", "in progress"),
        (
            {"mig": ["19968 MiB", "4864 MiB"]},
            "mig",
            {
                "enabled": True,
                "pending": True,
                "instances": [
                    {"uuid": "", "profile": "", "memory": 19968},
                    {"uuid": "", "profile": "", "memory": 4864},
                ],
            },
        ),
        ({"mig": []}, "mig", {"enabled": True, "pending": True, "instances": []}),
        (
            {"volta": True, "remap_failure": "Yes"},
            "ecc",
            {"enabled": True, "pending": False, "corrected": 3, "uncorrected": 1, "repair": "failed"},
        ),
        (
            {
                "processes": PROCESS.format(7, "C", "python3", "1024 MiB")
                + PROCESS.format(8, "G", "/usr/lib/xorg/Xorg", "22 MiB")
                + PROCESS.format(9, "M+C", "-", "N/A")
            },
            "processes",
            [{"pid": 7, "name": "python3", "memory": 1024}, {"pid": 9, "name": "-", "memory": None}],
        ),
        # A process may call itself anything.
        (
            {"processes": PROCESS.format(7, "C", "a <b> & \x01", "5 MiB")},
            "processes",
            [{"pid": 7, "name": "", "memory": 5}],
        ),
    ],
)
def test_a_gpu(wanted, key, expected):
    assert _gpu_smi_xml.parse(document(570, **wanted))["gpus"][0][key] == expected


@pytest.mark.parametrize("text", ["", COMMUNICATE, "<html></html>", "<nvidia_smi"])
def test_what_is_no_xml(text):
    assert _gpu_smi_xml.parse(text) is None


def test_a_gpu_that_was_cut_off_is_left_out_and_the_others_are_read():
    whole = document(535)
    gpu = whole[whole.index("\t<gpu") : whole.index("</gpu>") + 6]
    second = gpu.replace("06:00.0", "07:00.0").replace("<fan_speed>", "<fan_speed>&")
    third = gpu.replace("06:00.0", "08:00.0")
    text = whole.replace(gpu, gpu + second + third + gpu[: len(gpu) // 2])
    found = _gpu_smi_xml.parse(text[: text.rindex("<gpu")])
    assert [one["address"] for one in found["gpus"]] == ["0000:06:00.0", "0000:08:00.0"]


# (what it is, exit status, what is said, NVML's code that it comes from, what is named: index, address, code)
FAILURES = [
    ("recorded R470 R535 R550: driver not loaded", 9, COMMUNICATE, 9, []),
    ("recorded R470 R535 R550: no library", 12, NO_LIBRARY, 12, []),
    ("R470, a call stubbed: mismatch", 255, "Failed to initialize NVML: Driver/library version mismatch\n", 18, []),
    (
        "R535 R550, a call stubbed: mismatch",
        18,
        "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.163\n",
        18,
        [],
    ),
    ("a call of the real library stubbed: unknown error", 255, "Failed to initialize NVML: Unknown Error\n", 999, []),
    (
        "a call of the real library stubbed: permissions",
        4,
        "Failed to initialize NVML: Insufficient Permissions\n",
        4,
        [],
    ),
    (
        "a call of the real library stubbed: blocked",
        17,
        "Failed to initialize NVML: GPU access blocked by the operating system\n",
        17,
        [],
    ),
    ("a call of the real library stubbed: no GPU", 6, "No devices were found\n", 28, []),
    ("a call of the real library stubbed: no GPU, by -L", 0, "No devices found.\n", 28, []),
    ("a call of the real library stubbed: lost", 15, f"{HANDLE} 0: {LOST}", 15, [(0, "", 15)]),
    ("a call of the real library stubbed: handle", 255, f"{HANDLE} 0: Unknown Error\n", 999, [(0, "", 999)]),
    ("R470 and before", 15, f"{HANDLE} 0000:0B:00.0: {LOST}", 15, [(None, "0000:0b:00.0", 15)]),
    ("R535", 255, f"{HANDLE}0000:CB:00.0: Unknown Error\n", 999, [(None, "0000:cb:00.0", 999)]),
    ("R610, not recorded as XML", 255, f"{HANDLE}1: 0000:34:00.0: Unknown Error\n", 999, [(1, "0000:34:00.0", 999)]),
    (
        "before R400",
        15,
        f"Unable to determine the device handle for gpu 0000:02:00.0: {LOST}",
        15,
        [(None, "0000:02:00.0", 15)],
    ),
    ("no words", 255, f"{HANDLE}1", 999, [(1, "", 999)]),
    (
        "two of them",
        255,
        f"{HANDLE}0000:CB:00.0: Unknown Error\n{HANDLE}0000:CC:00.0: GPU requires reset\n",
        999,
        [(None, "0000:cb:00.0", 999), (None, "0000:cc:00.0", 16)],
    ),
    ("a code without words", 13, "", 13, []),
    ("power", 8, "", 8, []),
    ("interrupts", 11, "", 11, []),
    ("not found", 6, "", 28, []),
    ("a query that is none", 2, "Invalid combination of input arguments.\n", 2, []),
    ("a shell's", 127, "sh: 1: nvidia-smi: not found\n", 999, []),
    ("all well", 0, "", None, []),
]


@pytest.mark.parametrize(
    ("status", "text", "code", "named"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_a_failure(status, text, code, named):
    found = _gpu_smi_failure.classify(status, text)
    assert found["code"] == code
    assert [(gpu["index"], gpu["address"], gpu["code"]) for gpu in found["gpus"]] == named
    assert bool(found["detail"]) is (code is not None)
    assert "\n" not in found["detail"]
    assert found["nvml"] == ("550.163" if "550.163" in text else "")


def program(tmp_path, text, status=0, listing=""):
    """A stand-in for nvidia-smi below a root, which says a text and ends with a status."""
    folder = tmp_path / "usr" / "bin"
    folder.mkdir(parents=True)
    (tmp_path / "text").write_text(text)
    (tmp_path / "listing").write_text(listing)
    (folder / "nvidia-smi").write_text(
        f'#!/bin/sh\n[ "$1" = -L ] && exec cat {tmp_path}/listing\n[ "$*" = "-q -x" ] || exit 2\n'
        f"cat {tmp_path}/text\nexit {status}\n"
    )
    (folder / "nvidia-smi").chmod(0o755)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (0, document(535), ("ok", 0, "", [(0, 0)])),
        (9, COMMUNICATE, ("failed", 9, COMMUNICATE.strip(), [])),
        (15, f"{HANDLE} 0: {LOST}", ("failed", 15, f"{HANDLE} 0: {LOST}".strip(), [(0, 15)])),
        # It names one and goes on with the others.
        (
            255,
            f"{HANDLE}0: 0000:05:00.0: Unknown Error\n" + document(610),
            ("ok", 0, f"{HANDLE}0: 0000:05:00.0: Unknown Error", [(0, 999), (1, 0)]),
        ),
        (
            255,
            f"{HANDLE}0000:05:00.0: Unknown Error\n" + document(550),
            ("ok", 0, f"{HANDLE}0000:05:00.0: Unknown Error", [(0, 999), (1, 0)]),
        ),
        (0, "what\n", ("failed", None, "nvidia-smi says no XML", [])),
        (0, "", ("failed", None, "nvidia-smi says no XML", [])),
    ],
    ids=["well", "not loaded", "lost", "one of two by index, R610", "one of two by address", "no XML", "nothing"],
)
def test_the_program(tmp_path, status, text, expected):
    found = _gpu_smi.look(program(tmp_path, text, status))
    gpus = [(gpu["index"], gpu["code"]) for gpu in found["gpus"]]
    assert (found["status"], found["code"], found["detail"], gpus) == expected


def test_a_corrupted_inforom_is_said_of_its_gpu(tmp_path):
    text = document(535) + "WARNING: infoROM is corrupted at gpu 0000:06:00.0\n"
    found = _gpu_smi.look(program(tmp_path, text, 14))
    assert (found["status"], found["corrupted"], len(found["gpus"])) == ("ok", ["0000:06:00.0"], 1)


def test_no_program(tmp_path):
    found = _gpu_smi.look(str(tmp_path))
    assert (found["status"], found["detail"], found["gpus"]) == ("absent", "there is no nvidia-smi", [])


def test_a_program_that_hangs(tmp_path):
    root = program(tmp_path, "")
    (tmp_path / "usr/bin/nvidia-smi").write_text("#!/bin/sh\nsleep 60\n")
    found = _gpu_smi.look(root, 0.3)
    assert (found["status"], found["code"]) == ("timeout", None)


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (
            LISTING,
            [
                ("3g.20gb", "MIG-11111111-0000-0000-0000-000000000000"),
                ("1g.5gb", "MIG-22222222-0000-0000-0000-000000000000"),
            ],
        ),
        (
            OLD_LISTING,
            [
                ("3g.20gb", "MIG-GPU-00000000-0000-0000-0000-000000000001/2/0"),
                ("1g.5gb", "MIG-GPU-00000000-0000-0000-0000-000000000001/9/0"),
            ],
        ),
        ("GPU 0: x (UUID: GPU-other)\n", [("", ""), ("", "")]),
        ("", [("", ""), ("", "")]),
    ],
)
def test_instances_are_named_by_the_list(tmp_path, listing, expected):
    root = program(tmp_path, document(535, mig=["19968 MiB", "4864 MiB"]), listing=listing)
    parts = _gpu_smi.look(root)["gpus"][0]["mig"]["instances"]
    assert [(part["profile"], part["uuid"]) for part in parts] == expected
    assert [part["memory"] for part in parts] == [19968, 4864]


RECORDINGS = {
    "qx-418.43-gtx1660ti-telegraf.xml": ("418.43", "10.1", "Graphics Device", 5912, 0, ""),
    "qx-515.105.01-a10g-telegraf.xml": ("515.105.01", "11.7", "NVIDIA A10G", 23028, 0, ""),
    "qx-535.54.03-a100x4-mig-telegraf.xml": ("535.54.03", "12.2", "NVIDIA A100-SXM4-80GB", 81920, 4, ""),
    "qx-570.148.08-a100-nvidia.xml": ("570.148.08", "12.8", "NVIDIA A100-SXM4-40GB", 40960, 0, ""),
}


@recorded
@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording(name):
    found = _gpu_smi_xml.parse((Path(SAMPLES) / name).read_text(encoding="utf-8"))
    (gpu,) = found["gpus"]
    parts = len(gpu["mig"]["instances"])
    assert (found["driver"], found["cuda"], gpu["name"], gpu["memory"], parts, gpu["error"]) == RECORDINGS[name]
    assert re.fullmatch(r"0000:[0-9a-f]{2}:[0-9a-f]{2}\.0", gpu["address"])
    assert gpu["uuid"].startswith("GPU-")
    assert 10 < gpu["temperature"] < 90
    assert gpu["processes"] == []


@recorded
def test_a_recording_of_a_mock_of_nvidias_with_a_lost_gpu():
    """Real nvidia-smi 580.65.06 over NVIDIA's mock of NVML: not recorded on hardware."""
    name = "qx-580.65.06-gb200-gpu-lost-MOCK-nvidia.xml"
    found = _gpu_smi_xml.parse((Path(SAMPLES) / name).read_text(encoding="utf-8"))
    well, lost = found["gpus"]
    assert (well["lost"], well["fabric"], well["ecc"]["repair"], well["ecc"]["uncorrected"]) == (
        False,
        "completed",
        "failed",
        5,
    )
    assert (lost["lost"], lost["code"], lost["error"], lost["memory"]) == (True, 15, "GPU is lost", None)
    assert (lost["address"], lost["temperature"], lost["fabric"]) == ("0000:0b:00.0", None, "")


@recorded
def test_recorded_failures():
    """Each block of the transcript: a line with the command, the exit status in brackets, lines of stdout."""
    text = (Path(SAMPLES) / "failures-debian-binaries.txt").read_text(encoding="utf-8")
    blocks = re.findall(r"^### .*\n\[exit (\d+)\]\n((?:stdout\|.*\n?)+)", text, re.MULTILINE)
    assert len(blocks) >= 15
    for status, lines in blocks:
        said = "".join(line[len("stdout| ") :] + "\n" for line in lines.splitlines())
        assert _gpu_smi_failure.classify(int(status), said)["code"] == {"9": 9, "12": 12}[status]
