# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVML's functions by ctypes, each with what stands in for it in an older library. No Ansible import.

Layouts and constants: nvml.h 12.9.79 and 13.5.37, compiled and measured; both are the same in what is used here. A
function that a library lacks counts as NVML's own "Function Not Found". Runs in a child: a call may hang or crash.
"""

from __future__ import annotations

import ctypes
import re
from ctypes import byref, c_char, c_int, c_ubyte, c_uint, c_ulonglong, c_void_p

from ._gpu_errors import (
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    INSUFFICIENT_SIZE,
    NO_PERMISSION,
    NOTHING_TO_SAY,
    RESET_REQUIRED,
    SUCCESS,
    words,
)
from ._gpu_root import read_text
from ._gpu_throttle import names_of_bits

_MIB = 1024 * 1024
_NOT_AVAILABLE = 2**64 - 1  # NVML_VALUE_NOT_AVAILABLE
# Bounds on what a library that went wrong may tell.
_MOST_GPUS = 1024
_MOST_PARTS = 64
_MOST_PROCESSES = 4096
_PROFILE = re.compile(r"\bMIG (\S+)$")
FABRIC_STATES = {0: "", 1: "not started", 2: "in progress", 3: "completed"}


class Memory(ctypes.Structure):
    """nvmlMemory_t, 24 bytes."""

    _fields_ = [("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong)]


class Memory2(ctypes.Structure):
    """nvmlMemory_v2_t, 40 bytes, from R510 on."""

    VERSION = 0x02000028
    _fields_ = [
        ("version", c_uint),
        ("total", c_ulonglong),
        ("reserved", c_ulonglong),
        ("free", c_ulonglong),
        ("used", c_ulonglong),
    ]


class Pci(ctypes.Structure):
    """nvmlPciInfo_t of version 3, 68 bytes; the older versions are the same up to `subsystem`."""

    _fields_ = [
        ("legacy", c_char * 16),
        ("domain", c_uint),
        ("bus", c_uint),
        ("device", c_uint),
        ("pci_device", c_uint),
        ("subsystem", c_uint),
        ("text", c_char * 32),
    ]


class Temperature(ctypes.Structure):
    """nvmlTemperature_v1_t, 12 bytes."""

    VERSION = 0x0100000C
    _fields_ = [("version", c_uint), ("sensor", c_uint), ("degrees", c_int)]


class Attributes(ctypes.Structure):
    """nvmlDeviceAttributes_t, 40 bytes."""

    _fields_ = [
        ("multiprocessors", c_uint),
        ("engines", c_uint * 5),
        ("gpu_slices", c_uint),
        ("compute_slices", c_uint),
        ("memory_mib", c_ulonglong),
    ]


class Fabric(ctypes.Structure):
    """nvmlGpuFabricInfo_t, 28 bytes, R520 on."""

    _fields_ = [
        ("cluster", c_ubyte * 16),
        ("status", c_uint),
        ("clique", c_uint),
        ("state", c_ubyte),
    ]


class Fabric2(ctypes.Structure):
    """nvmlGpuFabricInfo_v2_t, 36 bytes, R550 on."""

    VERSION = 0x02000024
    _fields_ = [
        ("version", c_uint),
        ("cluster", c_ubyte * 16),
        ("status", c_uint),
        ("clique", c_uint),
        ("state", c_ubyte),
        ("health", c_uint),
    ]


class Library:
    """The loaded library. OSError where it cannot be loaded."""

    def __init__(self, path):
        self._library = ctypes.CDLL(path)

    def call(self, name, *arguments):
        """Return the code of a call."""
        try:
            function = getattr(self._library, name)
        except AttributeError:
            return FUNCTION_NOT_FOUND
        return function(*arguments)

    def first(self, functions, *arguments):
        """Return the code of the first of the functions that the library has."""
        for name in functions:
            code = self.call(name, *arguments)
            if code != FUNCTION_NOT_FOUND:
                return code
        return FUNCTION_NOT_FOUND

    def open(self):
        """Initialize it, and return the code."""
        return self.first(("nvmlInit_v2", "nvmlInit"))


class Gpu:
    """A GPU, or a part of one (MIG), by its handle. Once it says that it is lost it is not asked again."""

    def __init__(self, library, handle):
        self.library = library
        self.handle = handle
        self.gone = SUCCESS

    def ask(self, functions, *arguments):
        """Return the code of the first of the functions, names with commas, that the library has."""
        if self.gone:
            return self.gone
        code = self.library.first(functions.split(","), self.handle, *arguments)
        if code in (GPU_IS_LOST, RESET_REQUIRED):
            self.gone = code
        return code

    def text(self, function):
        """Return (code, text) of a function that fills a buffer."""
        buffer = ctypes.create_string_buffer(96)
        code = self.ask(function, buffer, c_uint(96))
        return code, _text(buffer) if code == SUCCESS else ""

    def number(self, functions, kind=c_uint):
        """Return the number that a function tells, None where it tells none."""
        value = kind()
        return value.value if self.ask(functions, byref(value)) == SUCCESS else None

    def pair(self, function, kind=c_uint):
        """Return the two numbers that a function tells, (None, None) where it tells none."""
        one, two = kind(), kind()
        return (one.value, two.value) if self.ask(function, byref(one), byref(two)) == SUCCESS else (None, None)


def driver_version(library):
    """Return the driver's version, or ''."""
    return _system_text(library, "nvmlSystemGetDriverVersion")


def nvml_version(library):
    """Return the library's own version, such as '12.535.104.05' or, up to R510, '11.470.82.01'; or ''."""
    return _system_text(library, "nvmlSystemGetNVMLVersion")


def cuda_version(library):
    """Return the newest CUDA release that the driver supports, such as '12.4', or ''."""
    number = c_int()
    for name in ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"):
        # The first asks libcuda, which may lack, the other knows by itself.
        if library.call(name, byref(number)) == SUCCESS and number.value > 0:
            return f"{number.value // 1000}.{number.value % 1000 // 10}"
    return ""


def count(library):
    """Return (code, number of GPUs)."""
    number = c_uint()
    code = library.first(("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"), byref(number))
    return code, min(number.value, _MOST_GPUS)


def read_gpu(library, index, root="/"):
    """Return what the library says of the GPU with an index.

    code: that of the call for its handle, or of what said that it is lost, or of the first thing without which it is of
    no use; error: its words, or ''; lost: whether it is; address ('' where it was not told), uuid, name, memory (MiB),
    compute_capability, mig, ecc, temperature (degrees Celsius), throttle, processes, fabric: as gpu_info returns them.
    """
    found = {
        "index": index,
        "code": SUCCESS,
        "error": "",
        "lost": False,
        "address": "",
        "uuid": "",
        "name": "",
        "memory": None,
        "compute_capability": "",
        "mig": {"enabled": None, "pending": None, "instances": []},
        "ecc": {"enabled": None, "pending": None, "corrected": None, "uncorrected": None, "repair": ""},
        "temperature": None,
        "throttle": [],
        "processes": [],
        "fabric": "",
    }
    handle = c_void_p()
    functions = ("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
    code = library.first(functions, c_uint(index), byref(handle))
    if code == SUCCESS:
        gpu = Gpu(library, handle)
        code = _read(gpu, found, root)
    found["code"] = code
    found["error"] = "" if code == SUCCESS else words(code)
    found["lost"] = code == GPU_IS_LOST
    return found


def _read(gpu, found, root):
    """Fill in what a GPU says, and return the code that condemns it, or SUCCESS."""
    pci = Pci()
    codes = [gpu.ask("nvmlDeviceGetPciInfo_v3,nvmlDeviceGetPciInfo_v2,nvmlDeviceGetPciInfo", byref(pci))]
    if codes[0] == SUCCESS:
        found["address"] = f"{pci.domain:04x}:{pci.bus:02x}:{pci.device:02x}.0"
    code, found["uuid"] = gpu.text("nvmlDeviceGetUUID")
    codes.append(code)
    found["name"] = gpu.text("nvmlDeviceGetName")[1]
    major, minor = gpu.pair("nvmlDeviceGetCudaComputeCapability", c_int)
    found["compute_capability"] = "" if major is None else f"{major}.{minor}"
    code, found["memory"] = _memory(gpu)
    # Without the permission for it a part of a GPU shows no memory of the whole, and is well.
    codes.append(SUCCESS if code == NO_PERMISSION else code)
    found["mig"] = _mig(gpu)
    found["ecc"] = _ecc(gpu)
    found["temperature"] = _temperature(gpu)
    reasons = "nvmlDeviceGetCurrentClocksEventReasons,nvmlDeviceGetCurrentClocksThrottleReasons"
    found["throttle"] = names_of_bits(gpu.number(reasons, c_ulonglong) or 0)
    found["processes"] = _processes(gpu, root)
    found["fabric"] = _fabric(gpu)
    return gpu.gone or next((code for code in codes if code != SUCCESS and code not in NOTHING_TO_SAY), SUCCESS)


def _memory(gpu):
    """Return (code, total in MiB or None)."""
    new = Memory2(version=Memory2.VERSION)
    if gpu.ask("nvmlDeviceGetMemoryInfo_v2", byref(new)) == SUCCESS:
        return SUCCESS, new.total // _MIB
    old = Memory()
    code = gpu.ask("nvmlDeviceGetMemoryInfo", byref(old))
    return code, old.total // _MIB if code == SUCCESS else None


def _mig(gpu):
    now, pending = gpu.pair("nvmlDeviceGetMigMode")
    found = {"enabled": _switch(now), "pending": _switch(pending), "instances": []}
    if not now:
        return found
    for index in range(min(gpu.number("nvmlDeviceGetMaxMigDeviceCount") or 0, _MOST_PARTS)):
        handle = c_void_p()
        if gpu.ask("nvmlDeviceGetMigDeviceHandleByIndex", c_uint(index), byref(handle)) == SUCCESS:
            part = Gpu(gpu.library, handle)
            memory = _memory(part)[1]
            found["instances"].append({"uuid": part.text("nvmlDeviceGetUUID")[1], "profile": "", "memory": memory})
            found["instances"][-1]["profile"] = _profile(part)
    return found


def _profile(part):
    """Return the profile of a MIG instance, such as 1g.10gb, which is at the end of its name, or ''."""
    match = _PROFILE.search(part.text("nvmlDeviceGetName")[1])
    if match:
        return match.group(1)
    has = Attributes()
    if part.ask("nvmlDeviceGetAttributes_v2,nvmlDeviceGetAttributes", byref(has)) != SUCCESS:
        return ""
    share = "" if has.compute_slices == has.gpu_slices else f"{has.compute_slices}c."
    return f"{share}{has.gpu_slices}g.{(has.memory_mib + 1023) // 1024}gb"


def _ecc(gpu):
    now, pending = gpu.pair("nvmlDeviceGetEccMode", c_int)
    found = {"enabled": _switch(now), "pending": _switch(pending), "corrected": None, "uncorrected": None}
    for kind, key in enumerate(("corrected", "uncorrected")):
        number = c_ulonglong()
        # The second 0: since the driver was loaded, not ever.
        if gpu.ask("nvmlDeviceGetTotalEccErrors", c_int(kind), c_int(0), byref(number)) == SUCCESS:
            found[key] = number.value
    corrected, uncorrected, waiting, failure = c_uint(), c_uint(), c_uint(), c_uint()
    code = gpu.ask("nvmlDeviceGetRemappedRows", byref(corrected), byref(uncorrected), byref(waiting), byref(failure))
    if code != SUCCESS:
        # Before Ampere memory is retired by pages.
        waiting = c_uint(gpu.number("nvmlDeviceGetRetiredPagesPendingStatus") or 0)
    found["repair"] = "failed" if failure.value else "pending" if waiting.value else ""
    return found


def _temperature(gpu):
    """Return degrees Celsius, or None."""
    degrees = c_uint()
    if gpu.ask("nvmlDeviceGetTemperature", c_int(0), byref(degrees)) == SUCCESS:
        return degrees.value
    new = Temperature(version=Temperature.VERSION)
    return new.degrees if gpu.ask("nvmlDeviceGetTemperatureV", byref(new)) == SUCCESS else None


def _processes(gpu, root):
    """Return the processes that compute on a GPU.

    How large an entry is differs: 16 bytes in the first function, 24 in the others, and 32 in those of some drivers of
    R535, of the same name (XuehaiPan/nvitop pull 79; pull 226 saw 16 in the newest function). So the buffer is filled
    before, and the end of what was written tells the size.
    """
    function = "nvmlDeviceGetComputeRunningProcesses_v3,nvmlDeviceGetComputeRunningProcesses_v2,"
    function += "nvmlDeviceGetComputeRunningProcesses"
    room = 128
    while room <= _MOST_PROCESSES:
        number = c_uint(room)
        buffer = ctypes.create_string_buffer(b"\xa5" * (room + 1) * 32, (room + 1) * 32)
        code = gpu.ask(function, byref(number), buffer)
        if code == SUCCESS and number.value <= room:
            return [_process(gpu.library, entry, root) for entry in _entries(buffer.raw, number.value)]
        if code != INSUFFICIENT_SIZE:
            return []
        room = max(room * 2, number.value + 8)
    return []


def _entries(raw, number):
    """Return the entries, 16 bytes of each, out of a buffer that was full of 0xa5."""
    size = next((size for size in (16, 24) if raw[number * size :][:8] == b"\xa5" * 8), 32)
    if raw[number * 32 :][:8] != b"\xa5" * 8:
        size = 24  # all of it was written over: what the newer functions promise
    return [raw[start : start + 16] for start in range(0, number * size, size)]


def _process(library, entry, root):
    pid = int.from_bytes(entry[:4], "little")
    used = int.from_bytes(entry[8:16], "little")
    buffer = ctypes.create_string_buffer(1024)
    code = library.call("nvmlSystemGetProcessName", c_uint(pid), buffer, c_uint(1024))
    name = _text(buffer) if code == SUCCESS else read_text(root, f"/proc/{pid}/comm", 64).strip()
    return {"pid": pid, "name": name, "memory": None if used == _NOT_AVAILABLE else used // _MIB}


def _fabric(gpu):
    """Return how far a GPU's registration with its fabric is, '' where it has none."""
    for info, function in (
        (Fabric2(version=Fabric2.VERSION), "nvmlDeviceGetGpuFabricInfoV"),
        (Fabric(), "nvmlDeviceGetGpuFabricInfo"),
    ):
        if gpu.ask(function, byref(info)) == SUCCESS:
            if info.state == 3 and info.status != SUCCESS:
                return f"failed: {words(info.status)}"
            return FABRIC_STATES.get(info.state, f"state {info.state}")
    return ""


def _switch(number):
    return None if number is None else bool(number)


def _text(buffer):
    return buffer.value.decode("utf-8", "replace").strip()


def _system_text(library, function):
    buffer = ctypes.create_string_buffer(80)
    return _text(buffer) if library.call(function, buffer, c_uint(80)) == SUCCESS else ""
