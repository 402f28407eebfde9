# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for NVIDIA's management library, asked by NVIDIA's own bindings: so it has the real interface."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _elf

pynvml = pytest.importorskip("pynvml")

LIBRARY = "usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"
DEBIAN = "usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1"
GIB = 2**30

#: Functions that not every driver has -> the branch of the CUDA release whose nvml.h was the first with it.
SINCE = {
    "nvmlDeviceGetMigMode": 450,
    "nvmlDeviceGetMaxMigDeviceCount": 450,
    "nvmlDeviceGetMigDeviceHandleByIndex": 450,
    "nvmlDeviceGetAttributes": 450,
    "nvmlDeviceGetRemappedRows": 450,
    "nvmlDeviceGetArchitecture": 450,
    "nvmlDeviceGetAttributes_v2": 455,
    "nvmlDeviceGetComputeRunningProcesses_v2": 455,
    "nvmlDeviceGetComputeRunningProcesses_v3": 510,
    "nvmlDeviceGetMemoryInfo_v2": 510,
    "nvmlDeviceGetGspFirmwareVersion": 515,
    "nvmlDeviceGetGpuFabricInfo": 525,
    "nvmlDeviceGetCurrentClocksEventReasons": 535,
    "nvmlDeviceGetGpuFabricInfoV": 550,
    "nvmlDeviceGetTemperatureV": 570,
}
#: Hosts with a driver of each generation.
GENERATIONS = {
    "gtx-1660-ti-r418": 418,
    "library-upgraded-under-r460": 460,
    "driver-out-of-two-archives": 470,
    "old-cudnn-on-ld-library-path": 510,
    "a4000-with-containers": 515,
    "systemd-cgroups-without-char-links": 525,
    "one-a100-r535": 535,
    "eight-h100-with-nvswitches-r550": 550,
    "hgx-without-fabricmanager": 570,
    "rtx5090-r610": 610,
}


@contextmanager
def asked(path):
    """pynvml over another library than the one it would find."""
    pynvml.nvmlLib = ctypes.CDLL(str(path))
    pynvml._nvmlGetFunctionPointer_cache.clear()
    try:
        yield pynvml
    finally:
        pynvml.nvmlLib = None
        pynvml._nvmlGetFunctionPointer_cache.clear()


@contextmanager
def opened(path):
    with asked(path) as nvml:
        # nvmlInit would look for the host's own library first.
        assert nvml.nvmlLib.nvmlInit_v2() == 0
        yield nvml
        assert nvml.nvmlLib.nvmlShutdown() == 0


def test_a_gpu(hosts):
    with opened(Path(hosts("one-a100-r535"), LIBRARY)) as nvml:
        assert nvml.nvmlSystemGetDriverVersion() == "535.183.06"
        assert nvml.nvmlSystemGetNVMLVersion() == "12.535.183.06"
        assert nvml.nvmlSystemGetCudaDriverVersion_v2() == 12020
        assert nvml.nvmlDeviceGetCount() == 1
        gpu = nvml.nvmlDeviceGetHandleByIndex(0)
        assert nvml.nvmlDeviceGetName(gpu) == "NVIDIA A100-SXM4-80GB"
        uuid = nvml.nvmlDeviceGetUUID(gpu)
        assert uuid.startswith("GPU-") and len(uuid) == 40
        for handle in (
            nvml.nvmlDeviceGetHandleByUUID(uuid),
            nvml.nvmlDeviceGetHandleByPciBusId("00000000:07:00.0"),
            nvml.nvmlDeviceGetHandleByPciBusId("0000:07:00.0"),
        ):
            assert nvml.nvmlDeviceGetUUID(handle) == uuid
        pci = nvml.nvmlDeviceGetPciInfo(gpu)
        assert (pci.busId, pci.busIdLegacy) == ("00000000:07:00.0", "0000:07:00.0")
        assert (pci.domain, pci.bus, pci.device, pci.pciDeviceId) == (0, 7, 0, 0x20B210DE)
        memory = nvml.nvmlDeviceGetMemoryInfo(gpu)
        assert (memory.total, memory.used, memory.free) == (80 * GIB, 4620 * 2**20, 80 * GIB - 4620 * 2**20)
        newer = nvml.nvmlDeviceGetMemoryInfo(gpu, version=nvml.nvmlMemory_v2)
        assert (newer.total, newer.reserved, newer.used) == (memory.total, 0, memory.used)
        assert nvml.nvmlDeviceGetCudaComputeCapability(gpu) == (8, 0)
        assert nvml.nvmlDeviceGetArchitecture(gpu) == nvml.NVML_DEVICE_ARCH_AMPERE
        assert nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU) == 31
        assert list(nvml.nvmlDeviceGetEccMode(gpu)) == [1, 1]
        assert nvml.nvmlDeviceGetTotalEccErrors(gpu, 0, 0) == 2
        assert nvml.nvmlDeviceGetTotalEccErrors(gpu, 1, 0) == 0
        assert nvml.nvmlDeviceGetRemappedRows(gpu) == (0, 0, 0, 0)
        assert list(nvml.nvmlDeviceGetMigMode(gpu)) == [0, 0]
        assert nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu) == nvml.nvmlClocksEventReasonNone
        assert nvml.nvmlDeviceGetGspFirmwareVersion(gpu) == b"535.183.06"
        rates = nvml.nvmlDeviceGetUtilizationRates(gpu)
        assert (rates.gpu, rates.memory) == (0, 0)
        assert nvml.nvmlDeviceGetPowerUsage(gpu) == 25000


def test_processes(hosts):
    with opened(Path(hosts("rtx5090-r610"), LIBRARY)) as nvml:
        gpu = nvml.nvmlDeviceGetHandleByIndex(0)
        for ask in (nvml.nvmlDeviceGetComputeRunningProcesses_v3, nvml.nvmlDeviceGetComputeRunningProcesses_v2):
            told = [(process.pid, process.usedGpuMemory, process.gpuInstanceId) for process in ask(gpu)]
            assert told == [(2210, 120 * 2**20, 0xFFFFFFFF), (8801, 890 * 2**20, 0xFFFFFFFF)]
        assert nvml.nvmlSystemGetProcessName(8801) == "python"
        with pytest.raises(nvml.NVMLError_NotFound):
            nvml.nvmlSystemGetProcessName(1)
        assert nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu) == 0x64


def test_instances_of_mig(hosts):
    with opened(Path(hosts("a100-cut-into-instances"), DEBIAN)) as nvml:
        gpu = nvml.nvmlDeviceGetHandleByIndex(0)
        assert list(nvml.nvmlDeviceGetMigMode(gpu)) == [1, 1]
        assert nvml.nvmlDeviceGetMaxMigDeviceCount(gpu) == 7
        parts = [nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, number) for number in range(4)]
        assert len({nvml.nvmlDeviceGetUUID(part) for part in parts}) == 4
        for number, part in enumerate(parts):
            assert nvml.nvmlDeviceIsMigDeviceHandle(part)
            assert nvml.nvmlDeviceGetUUID(part).startswith("MIG-")
            assert nvml.nvmlDeviceGetName(part) == "NVIDIA A100-SXM4-80GB MIG 1g.20gb"
            assert nvml.nvmlDeviceGetMemoryInfo(part).total == 19968 * 2**20
            assert nvml.nvmlDeviceGetGpuInstanceId(part) == 3 + number
            assert nvml.nvmlDeviceGetComputeInstanceId(part) == 0
            has = nvml.nvmlDeviceGetAttributes_v2(part)
            assert (has.gpuInstanceSliceCount, has.computeInstanceSliceCount, has.memorySizeMB) == (1, 1, 19968)
            whole = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)
            assert nvml.nvmlDeviceGetUUID(whole) == nvml.nvmlDeviceGetUUID(gpu)
        with pytest.raises(nvml.NVMLError_NotFound):
            nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, 4)
        other = nvml.nvmlDeviceGetHandleByIndex(1)
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetMigDeviceHandleByIndex(other, 0)


def test_the_fabric_of_nvswitches(hosts):
    with opened(Path(hosts("eight-h100-with-nvswitches-r550"), LIBRARY)) as nvml:
        assert nvml.nvmlDeviceGetCount() == 8
        for number in range(8):
            gpu = nvml.nvmlDeviceGetHandleByIndex(number)
            old, new = nvml.c_nvmlGpuFabricInfo_t(), nvml.c_nvmlGpuFabricInfoV_t()
            nvml.nvmlDeviceGetGpuFabricInfo(gpu, ctypes.byref(old))
            nvml.nvmlDeviceGetGpuFabricInfoV(gpu, ctypes.byref(new))
            assert old.state == new.state == nvml.NVML_GPU_FABRIC_STATE_COMPLETED
            assert old.status == new.status == nvml.NVML_SUCCESS


@pytest.mark.parametrize(
    ("host", "error"),
    [
        ("library-upgraded-under-r460", "LibRmVersionMismatch"),
        ("nouveau-has-the-card", "DriverNotLoaded"),
        ("container-after-daemon-reload", "Unknown"),
        ("container-without-cgroup-rules", "OperatingSystem"),
    ],
)
def test_what_cannot_be_opened(hosts, host, error):
    with asked(Path(hosts(host), LIBRARY)) as nvml:
        with pytest.raises(getattr(nvml, f"NVMLError_{error}")):
            nvml._nvmlCheckReturn(nvml.nvmlLib.nvmlInit_v2())
        with pytest.raises(nvml.NVMLError_Uninitialized):
            nvml.nvmlDeviceGetCount()


def test_a_lost_gpu_among_others(hosts):
    with opened(Path(hosts("gpu-fell-off-the-bus"), LIBRARY)) as nvml:
        assert nvml.nvmlDeviceGetCount() == 4
        with pytest.raises(nvml.NVMLError_GpuIsLost, match="GPU is lost"):
            nvml.nvmlDeviceGetHandleByIndex(1)
        assert nvml.nvmlDeviceGetTemperature(nvml.nvmlDeviceGetHandleByIndex(2), 0) == 43


def test_no_gpu_at_all(hosts):
    with opened(Path(hosts("adapter-does-not-initialize"), LIBRARY)) as nvml:
        assert nvml.nvmlDeviceGetCount() == 0
        with pytest.raises(nvml.NVMLError_InvalidArgument):
            nvml.nvmlDeviceGetHandleByIndex(0)


def test_what_a_gpu_does_not_have(hosts):
    with opened(Path(hosts("gtx-1660-ti-r418"), LIBRARY)) as nvml:
        gpu = nvml.nvmlDeviceGetHandleByIndex(0)
        assert nvml.nvmlSystemGetNVMLVersion() == "11.418.43"
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetEccMode(gpu)
        with pytest.raises(nvml.NVMLError_FunctionNotFound):
            nvml.nvmlDeviceGetMigMode(gpu)


@pytest.mark.parametrize("host", GENERATIONS)
def test_a_generation_has_the_functions_of_its_time(hosts, host):
    library = ctypes.CDLL(str(Path(hosts(host), LIBRARY)))
    has = {name for name in SINCE if hasattr(library, name)}
    assert has == {name for name, since in SINCE.items() if since <= GENERATIONS[host]}
    # Those that were always there.
    assert library.nvmlErrorString and library.nvmlDeviceGetPciInfo_v3


@pytest.mark.parametrize(("version", "size"), [("Memory_v2", 40), ("GpuFabricInfo_v2", 36), ("GpuFabricInfo_v3", 40)])
def test_a_structure_of_another_version_is_refused(hosts, version, size):
    function = "nvmlDeviceGetMemoryInfo_v2" if "Memory" in version else "nvmlDeviceGetGpuFabricInfoV"
    with opened(Path(hosts("eight-h100-with-nvswitches-r550"), LIBRARY)) as nvml:
        gpu = nvml.nvmlDeviceGetHandleByIndex(0)
        room = (ctypes.c_uint * 16)()
        number = int(version[-1])
        for told, code in ((number << 24 | size, 0), (number << 24 | size + 8, 25), (9 << 24 | size, 25)):
            room[0] = told
            assert getattr(nvml.nvmlLib, function)(gpu, room) == code


def test_the_library_needs_no_other(hosts):
    found = _elf.read_library(str(Path(hosts("one-a100-r535"), LIBRARY)))
    assert (found["soname"], found["needed"]) == ("libnvidia-ml.so.1", [])


def child(path, calls):
    code = f"import ctypes, sys\nlibrary = ctypes.CDLL({str(path)!r})\nprint('loaded', flush=True)\n{calls}"
    return subprocess.Popen([sys.executable, "-Ic", code], stdout=subprocess.PIPE, text=True)


def test_a_call_that_hangs(hosts):
    process = child(Path(hosts("everything-hangs"), LIBRARY), "library.nvmlInit_v2()")
    assert process.stdout.readline() == "loaded\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.kill()
    process.wait()


def test_a_call_that_crashes(hosts):
    calls = "assert library.nvmlInit_v2() == 0\nlibrary.nvmlDeviceGetCount_v2(ctypes.byref(ctypes.c_uint()))"
    process = child(Path(hosts("library-that-crashes"), LIBRARY), calls)
    assert process.wait(10) == -signal.SIGABRT
    process.stdout.close()
