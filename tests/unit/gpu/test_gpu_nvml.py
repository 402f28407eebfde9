# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVML asked by ctypes, over the stand-in library of each driver generation: what it says, what we return.

No real library of R435, R525, R580, R590, R595 or R610 was recorded; the stand-in has the functions that nvml.h of
their time declares.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_look, _gpu_nvml
from ansible_collections.mlinabox.core.plugins.modules import gpu_info

GENERATIONS = {
    418: ("418.43", 10010),
    435: ("435.21", 10010),
    450: ("450.80.02", 11000),
    470: ("470.256.02", 11040),
    515: ("515.105.01", 11070),
    525: ("525.125.06", 12000),
    535: ("535.104.05", 12020),
    550: ("550.90.07", 12040),
    570: ("570.148.08", 12080),
    580: ("580.65.06", 13000),
    590: ("590.48.01", 13010),
    595: ("595.58.03", 13020),
    610: ("610.43.02", 13030),
}
NOT_RECORDED = (435, 525, 580, 590, 595, 610)
IDS = [f"R{one}{', not recorded' if one in NOT_RECORDED else ''}" for one in GENERATIONS]
A100 = {
    "device": "20b2",
    "class": "030200",
    "name": "NVIDIA A100-SXM4-80GB",
    "memory": 81920,
    "capability": "8.0",
    "temperature": 31,
    "throttle": 0x41,
    "ecc": {"corrected": 7, "uncorrected": 1},
    "processes": [{"pid": 4711, "memory": 1024, "name": "python3"}, {"pid": 12, "memory": 5, "name": "a"}],
}
WELL = {**A100, "throttle": 0, "ecc": {}}
PARTS = {
    "current": 1,
    "pending": 1,
    "instances": [
        {"profile": "3g.40gb", "gpu_instance": 2, "compute_instance": 0, "memory": 40192, "used": 5},
        {"profile": "1g.10gb", "gpu_instance": 9, "compute_instance": 0, "memory": 9728, "used": 5},
    ],
}


@pytest.fixture
def make(tmp_path):
    """Make a host: its driver, its GPUs, what NVML is told besides; returns its root."""
    materialize = pytest.importorskip("materialize")
    libraries = pytest.importorskip("standin.libraries")
    if not libraries.compiler():
        pytest.skip("no C compiler is here")

    def making(driver="535.104.05", gpus=(A100,), nvml=None, **more):
        rows = [dict(copy.deepcopy(gpu), at=[f"0000:{number + 1:02x}:00.0"]) for number, gpu in enumerate(gpus)]
        cuda = dict(GENERATIONS.values()).get(driver, 12020)
        scenario = {
            "source": ["made up"],
            "os": "ubuntu2204",
            "kernel": "5.15.0-91-generic",
            "modules": {"nvidia": driver},
            "gpus": rows,
            "nvml": {"library": driver, "cuda": cuda, **(nvml or {})},
            "files": {
                "/proc/driver/nvidia/version": f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Sat\n",
                **more.pop("files", {}),
            },
            **more,
        }
        return materialize.materialize(scenario, str(tmp_path / "host"))

    return making


@pytest.mark.parametrize("generation", GENERATIONS, ids=IDS)
def test_each_generation(make, generation):
    driver, cuda = GENERATIONS[generation]
    gpu = {**A100, "mig": PARTS, "rows": {"failed": 1}}
    root = make(driver, [gpu, {**A100, "fabric": {"state": 3, "status": 0}}])
    found = _gpu_nvml.look(root)
    assert (found["status"], found["detail"], found["code"], found["count"]) == ("ok", "", 0, 2)
    assert (found["driver"], found["cuda"]) == (driver, f"{cuda // 1000}.{cuda % 1000 // 10}")
    assert found["nvml"].endswith(f".{driver}")
    first, second = found["gpus"]
    has_mig = generation >= 450
    assert first.pop("uuid").startswith("GPU-")
    parts = first["mig"].pop("instances")
    assert all(part.pop("uuid").startswith("MIG-") for part in parts)
    assert parts == (
        [{"profile": "3g.40gb", "memory": 40192}, {"profile": "1g.10gb", "memory": 9728}] if has_mig else []
    )
    assert first == {
        "index": 0,
        "code": 0,
        "error": "",
        "lost": False,
        "address": "0000:01:00.0",
        "name": A100["name"],
        "memory": 81920,
        "compute_capability": "8.0",
        "mig": {"enabled": True if has_mig else None, "pending": True if has_mig else None},
        "ecc": {
            "enabled": True,
            "pending": True,
            "corrected": 7,
            "uncorrected": 1,
            "repair": "failed" if has_mig else "",
        },
        "temperature": 31,
        "throttle": ["gpu_idle", "hw_thermal_slowdown"],
        "processes": A100["processes"],
        "fabric": "",
    }
    assert (second["index"], second["address"]) == (1, "0000:02:00.0")
    assert second["fabric"] == ("completed" if generation >= 525 else "")


@pytest.mark.parametrize("driver", ["470.256.02", "535.54.03", "535.104.05", "580.65.06"])
@pytest.mark.parametrize("entry", [16, 24, 32])
def test_processes_of_entries_of_any_size(make, driver, entry):
    """Drivers of R535 had entries of 32 bytes in a function that has 24, and others have 16 in it."""
    processes = [
        [{"pid": 100 + one, "memory": one, "name": f"p{one}"} for one in range(n)] for n in (0, 1, 2, 3, 4, 5, 130)
    ]
    root = make(driver, [{**A100, "processes": some} for some in processes], {"process_entry": entry})
    assert [gpu["processes"] for gpu in _gpu_nvml.look(root)["gpus"]] == processes


CODES = {
    4: "Insufficient Permissions",
    9: "Driver Not Loaded",
    10: "Timeout",
    12: "NVML Shared Library Not Found",
    15: "GPU is lost",
    17: "GPU access blocked by the operating system",
    18: "Driver/library version mismatch",
    27: "The system is not ready for the request",
    999: "Unknown Error",
    777: "NVML's code 777",
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_of_the_whole(make, code):
    function = "nvmlInit_v2" if code % 2 else "nvmlDeviceGetCount_v2"
    found = _gpu_nvml.look(make(nvml={"returns": {function: code}}))
    assert (found["status"], found["code"], found["detail"], found["gpus"]) == ("failed", code, CODES[code], [])
    assert found["nvml"] == "12.535.104.05" or function == "nvmlInit_v2"


@pytest.mark.parametrize(
    ("returns", "code", "lost", "kept"),
    [
        ({"nvmlDeviceGetHandleByIndex_v2": 15}, 15, True, {"name": "", "memory": None}),
        ({"nvmlDeviceGetHandleByIndex_v2": 999}, 999, False, {"name": ""}),
        ({"nvmlDeviceGetTemperature": 15}, 15, True, {"name": A100["name"], "memory": 81920, "temperature": None}),
        ({"nvmlDeviceGetMemoryInfo_v2": 16}, 16, False, {"name": A100["name"], "memory": None}),
        ({"nvmlDeviceGetMemoryInfo_v2": 3}, 0, False, {"memory": 81920}),
        ({"nvmlDeviceGetMemoryInfo_v2": 25}, 0, False, {"memory": 81920}),
        ({"nvmlDeviceGetMemoryInfo_v2": 999, "nvmlDeviceGetMemoryInfo": 999}, 999, False, {"memory": None}),
        ({"nvmlDeviceGetMemoryInfo_v2": 4, "nvmlDeviceGetMemoryInfo": 4}, 0, False, {"memory": None}),
        ({"nvmlDeviceGetUUID": 4}, 4, False, {"uuid": ""}),
        ({"nvmlDeviceGetUUID": 3}, 0, False, {"uuid": ""}),
        ({"nvmlDeviceGetPciInfo_v3": 999}, 999, False, {"address": ""}),
        ({"nvmlDeviceGetName": 999}, 0, False, {"name": "", "memory": 81920}),
        ({"nvmlDeviceGetTemperature": 26}, 0, False, {"temperature": 31}),
        ({"nvmlDeviceGetTemperature": 999, "nvmlDeviceGetTemperatureV": 999}, 0, False, {"temperature": None}),
        ({"nvmlDeviceGetComputeRunningProcesses_v3": 4}, 0, False, {"processes": []}),
        ({"nvmlSystemGetProcessName": 6}, 0, False, {}),
        ({"nvmlDeviceGetCudaComputeCapability": 999}, 0, False, {"compute_capability": ""}),
        ({"nvmlDeviceGetCurrentClocksEventReasons": 3}, 0, False, {"throttle": []}),
        ({"nvmlDeviceGetEccMode": 3, "nvmlDeviceGetTotalEccErrors": 3, "nvmlDeviceGetRemappedRows": 3}, 0, False, {}),
        ({"nvmlDeviceGetMigMode": 999}, 0, False, {}),
        ({"all": 15}, 15, True, {}),
    ],
    ids=lambda value: ", ".join(f"{name} {code}" for name, code in value.items()) if isinstance(value, dict) else None,
)
def test_a_gpu_that_fails_fails_alone(make, returns, code, lost, kept):
    """Any call may fail with any code; the next GPU is read all the same."""
    found = _gpu_nvml.look(make("570.148.08", [{**A100, "returns": returns}, A100]))
    assert (found["status"], found["code"], found["count"]) == ("ok", 0, 2)
    first, second = found["gpus"]
    assert (first["code"], first["lost"], bool(first["error"])) == (code, lost, bool(code))
    assert {key: first[key] for key in kept} == kept
    assert (second["code"], second["address"], second["memory"]) == (0, "0000:02:00.0", 81920)


def test_a_hang_in_one_gpu_keeps_the_others(make):
    gpus = [WELL, {**WELL, "returns": {"nvmlDeviceGetTemperature": "hang"}}, WELL]
    root = make(gpus=gpus, programs={"nvidia-smi": {"hang": True}})
    started = time.monotonic()
    found = _gpu_look.look(root, 0.6)
    assert time.monotonic() - started < 2
    assert found["sources"]["nvml"]["detail"] == "NVML did not answer within 0.6 s, asked about GPU 1"
    assert [(gpu["code"], gpu["error"], gpu["memory"]) for gpu in found["gpus"]] == [
        (0, "", 81920),
        (None, "no answer about it", None),
        (None, "", None),
    ]
    assert (found["kind"], found["layer"]) == ("broken", "gpu")
    assert [one["code"] for one in found["findings"]] == ["gpu-hangs"]


def test_a_crash_in_one_gpu_is_met_by_the_second_source(make):
    root = make(gpus=[WELL, {**WELL, "returns": {"nvmlDeviceGetEccMode": "crash"}}])
    found = _gpu_look.look(root, 3)
    assert found["sources"]["nvml"]["status"] == "failed"
    assert "asked about GPU 1" in found["sources"]["nvml"]["detail"]
    assert [(gpu["code"], gpu["memory"]) for gpu in found["gpus"]] == [(0, 81920), (0, 81920)]
    assert [one["code"] for one in found["findings"]] == ["nvml-unanswered"]


def test_a_library_that_is_none(make):
    root = make(programs={"nvidia-smi": {"exit": 12, "stdout": "couldn't find libnvidia-ml.so library"}})
    (library,) = Path(root).rglob("libnvidia-ml.so.535.104.05")
    library.write_bytes(b"no ELF")
    found = _gpu_look.look(root, 3)
    assert found["sources"]["nvml"]["status"] == "failed"
    assert "file too short" in found["sources"]["nvml"]["detail"]
    assert [one["code"] for one in found["findings"]] == ["library-unusable"]


@pytest.mark.parametrize("everything", [False, True])
def test_all_sources_hang(make, everything):
    """Bounded, and said: NVML, nvidia-smi and systemd."""
    root = make(
        gpus=[A100] * 2,
        nvml={"hangs": ["nvmlInit_v2"]},
        programs={"nvidia-smi": {"hang": True}, "/usr/bin/systemctl": {"hang": True}},
        switches={"at": ["0000:81:00.0"], "device": "1af1"},
        packages=["ii nvidia-fabricmanager-535 535.104.05-1"],
    )
    started = time.monotonic()
    found = _gpu_look.look(root, 0.6, everything)
    assert time.monotonic() - started < 0.6 * 1.5 + 1
    assert {name: found["sources"][name]["status"] for name in ("nvml", "smi", "fabric")} == {
        "nvml": "timeout",
        "smi": "timeout",
        "fabric": "timeout",
    }
    assert [one["code"] for one in found["findings"]] == ["driver-hangs"]
    assert len(found["gpus"]) == 2


def test_a_slow_nvml_is_waited_for_and_nvidia_smi_is_not(make):
    """It answers after nvidia-smi was asked besides, which hangs."""
    root = make(programs={"nvidia-smi": {"hang": True}})
    started = time.monotonic()
    original = _gpu_nvml._ask

    def slow(*arguments):
        time.sleep(0.8)
        original(*arguments)

    _gpu_nvml._ask = slow
    try:
        found = _gpu_look.look(root, 2)
    finally:
        _gpu_nvml._ask = original
    assert time.monotonic() - started < 2
    assert (found["sources"]["nvml"]["status"], found["sources"]["smi"]["status"]) == ("ok", "skipped")
    assert found["sources"]["smi"]["detail"] == "NVML answered"


@pytest.mark.parametrize(
    ("everything", "status"), [(False, ("ok", "skipped")), (True, ("ok", "ok"))], ids=["what is needed", "all"]
)
def test_which_sources_are_asked(make, everything, status):
    found = _gpu_look.look(make(), 5, everything)
    assert (found["sources"]["nvml"]["status"], found["sources"]["smi"]["status"]) == status
    assert found["kind"] == "gpu"


def test_the_module_is_not_loaded_by_asking(make):
    """NVIDIA's programs and its library load the kernel module where it is not loaded."""
    root = make(modules={}, files={"/proc/driver/nvidia/version": ""}, programs={"nvidia-smi": {"hang": True}})
    for path in Path(root, "dev").glob("nvidia*"):
        path.unlink()
    started = time.monotonic()
    found = _gpu_look.look(root, 3)
    assert time.monotonic() - started < 1
    assert {found["sources"][name]["status"] for name in ("nvml", "smi")} == {"skipped"}
    assert "would load it" in found["sources"]["nvml"]["detail"]
    assert found["layer"] == "kernel module"


@pytest.mark.parametrize("name", ["pci", "kernel", "library", "packages", "boot"])
def test_a_source_that_fails_fails_alone(make, monkeypatch, name):
    def raising(*_arguments):
        raise OverflowError("what")

    monkeypatch.setattr(getattr(_gpu_look, f"_gpu_{name}"), "look", raising)
    found = _gpu_look.look(make(), 3)
    if name in found["sources"]:
        assert (found["sources"][name]["status"], found["sources"][name]["detail"]) == ("failed", "OverflowError: what")
    documented(found)


def documented(found):
    """Everything that is returned is documented, and everything documented is returned."""
    returned = yaml.safe_load(gpu_info.RETURN)
    assert found.keys() == returned.keys()
    assert found["driver"].keys() == returned["driver"]["contains"].keys() == returned["driver"]["sample"].keys()
    for gpu in [*found["gpus"], *returned["gpus"]["sample"]]:
        assert gpu.keys() == returned["gpus"]["contains"].keys()
    for key in ("fabric", "reboot", "unattended_upgrades"):
        assert found[key].keys() == returned[key]["sample"].keys()
    for source in found["sources"].values():
        assert source.keys() == returned["sources"]["sample"]["nvml"].keys()
    for one in found["findings"]:
        assert one.keys() == returned["findings"]["sample"][0].keys()


def test_what_is_returned_is_documented(make):
    documented(_gpu_look.look(make(gpus=[{**A100, "returns": {"all": 15}}]), 5))


def test_a_host_without_anything(tmp_path):
    found = _gpu_look.look(str(tmp_path))
    assert (found["kind"], found["findings"]) == ("cpu", [])
    documented(found)


@pytest.mark.skipif(
    not Path("/proc/driver/nvidia/version").exists(), reason="no NVIDIA driver is loaded here: not tried on a real GPU"
)
def test_a_real_gpu():
    found = _gpu_look.look("/", 30, True)
    documented(found)
    assert found["driver"]["loaded"] and found["driver"]["version"]
    assert found["sources"]["nvml"]["status"] == "ok", found["sources"]
    for gpu in found["gpus"]:
        assert gpu["code"] == 0 and gpu["uuid"].startswith("GPU-") and gpu["memory"] > 1000
        assert 1 <= int(gpu["compute_capability"].split(".")[0]) < 20
