# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GPU code is read out of a wheel, and of a remote one only the parts that say it."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest
from locking import gpu_wheels
from locking.names import LockError
from locking.remote import RemoteFile

#: As torch 2.1.1 and 1.12.1 have it, between other texts.
TORCH_2 = b"hsC10Utils.h\0\0\0\0sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90\0sm_50\0rest"
TORCH_1 = b"mory_fraction\0sm_37 sm_50 sm_60 sm_70\0_CudaDeviceProper"
VERSION_2 = "__version__ = '2.1.1+cu121'\ndebug = False\ncuda = '12.1'\ngit_version = '4c55'\nhip = None\n"
VERSION_NEW = (
    "from typing import Optional\n__all__ = ['cuda']\ncuda: Optional[str] = '12.8'\nhip: Optional[str] = None\n"
)
#: As tensorflow 2.9.2 and 2.15.0 have it.
BUILD_INFO = (
    '"""Auto-generated module."""\nimport collections\n\n'
    "build_info = collections.OrderedDict([('cuda_compute_capabilities', ['sm_35', 'sm_50', 'sm_60', 'sm_70', 'sm_75', "
    "'compute_80']), ('cuda_version', '11.2'), ('cudnn_version', '8'), ('is_cuda_build', True)])\n"
)
BUILD_INFO_CPU = "import collections\nbuild_info = collections.OrderedDict([('is_cuda_build', False)])\n"


def fatbin(*codes):
    """A fat binary with (kind, architecture, version of the ISA) entries."""
    body = b"".join(
        struct.pack("<HHIQIIHHI8xQ", kind, 257, 64, 8, 8, 0, isa[1], isa[0], number, 0).ljust(64, b"\0") + bytes(8)
        for kind, number, isa in codes
    )
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def sass(*numbers):
    return [(2, number, (1, 7)) for number in numbers]


def wheel(**members):
    """A wheel with members, in whose names `__` is a slash and `_dot_` a dot."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return zipfile.ZipFile(data)


def read(distribution, torch_cuda="", **members):
    held = gpu_wheels.read(distribution, wheel(**members), torch_cuda)
    return held and (" ".join(held.architectures), held.cuda, held.read)


LIBRARY = "torch__lib__libtorch_python_dot_so"


@pytest.mark.parametrize(
    ("version", "library", "expected"),
    [
        (VERSION_2, TORCH_2, ("5.0 6.0 7.0 7.5 8.0 8.6 9.0", "12.1", "torch/lib/libtorch_python.so")),
        (
            VERSION_2.replace("12.1'", "10.2'"),
            TORCH_1,
            ("3.7 5.0 6.0 7.0", "10.2", "torch/lib/libtorch_python.so"),
        ),
        (
            VERSION_NEW,
            b"\0sm_75 sm_90a sm_120 compute_120\0",
            ("7.5 9.0a 12.0 12.0+PTX", "12.8", "torch/lib/libtorch_python.so"),
        ),
        # Without CUDA.
        ("__version__ = '2.1.1+cpu'\ncuda = None\n", b"", None),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.0'\n", b"", None),
    ],
)
def test_torch(version, library, expected):
    assert read("torch", torch__version_dot_py=version, **{LIBRARY: library}) == expected


def test_a_torch_that_has_changed_is_not_taken_for_one_without_code():
    with pytest.raises(LockError, match="has no list of architectures"):
        read("torch", torch__version_dot_py=VERSION_2, **{LIBRARY: b"nothing"})
    with pytest.raises(LockError, match=r"it has no torch/lib/libtorch_python\.so"):
        read("torch", torch__version_dot_py=VERSION_2)


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (
            BUILD_INFO,
            ("3.5 5.0 6.0 7.0 7.5 8.0 8.0+PTX", "11.2", "tensorflow/python/platform/build_info.py"),
        ),
        (
            "build_info = dict([('cuda_compute_capabilities', ['8.6', 'sm_120']), ('cuda_version', '12.5'),\n"
            "                   ('is_cuda_build', True)])",
            ("8.6 8.6+PTX 12.0", "12.5", "tensorflow/python/platform/build_info.py"),
        ),
        (BUILD_INFO_CPU, None),
    ],
)
def test_tensorflow(info, expected):
    assert read("tensorflow", tensorflow__python__platform__build_info_dot_py=info) == expected


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        (
            "xgboost",
            {"xgboost__lib__libxgboost_dot_so": fatbin(*sass(60, 80), (1, 80, (7, 8))) * 40},
            ("6.0 8.0 8.0+PTX", "11.8", "xgboost/lib/libxgboost.so, its first 16 fat binaries"),
        ),
        (
            "torchvision",
            {
                "torchvision___C_dot_so": fatbin(*sass(50, 90), (1, 50, (8, 1))) * 3,
                "torchvision__version_dot_py": "__version__ = '0.16.1+cu118'\n",
                "torchvision__image_dot_so": fatbin(*sass(30)),
            },
            ("5.0 5.0+PTX 9.0", "11.8", "torchvision/_C.so, all its fat binaries"),
        ),
        (
            "torchaudio",
            {"torchaudio__lib__libtorchaudio_dot_so": fatbin(*sass(35))},
            ("3.5", "", "torchaudio/lib/libtorchaudio.so, all its fat binaries"),
        ),
        (
            "cupy-cuda12x",
            {"cupy__random___generator_api_dot_cpython-311_dot_so": fatbin(*sass(50), (1, 90, (8, 2)))},
            ("5.0 9.0+PTX", "12.2", "cupy/random/_generator_api.cpython-311.so, all its fat binaries"),
        ),
        ("xgboost", {"xgboost__lib__libxgboost_dot_so": b"a build for processors"}, None),
        ("xgboost", {}, None),
    ],
)
def test_libraries(name, members, expected):
    assert read(name, **members) == expected


def test_bitsandbytes_takes_the_libraries_that_are_made_for_torch():
    members = {
        "bitsandbytes__libbitsandbytes_cuda121_dot_so": fatbin(*sass(75, 90)),
        "bitsandbytes__libbitsandbytes_cuda121_nocublaslt_dot_so": fatbin(*sass(50, 75)),
        "bitsandbytes__libbitsandbytes_cuda118_dot_so": fatbin(*sass(35)),
    }
    assert read("bitsandbytes", "12.1", **members)[:2] == ("5.0 7.5 9.0", "12.1")
    assert read("bitsandbytes", "11.8", **members)[:2] == ("3.5", "11.8")
    assert read("bitsandbytes", "12.4", **members) is None
    assert read("bitsandbytes", "", **members) is None


@pytest.mark.parametrize(
    ("name", "known"),
    [("torch", True), ("cupy-cuda12x", True), ("cupy-cuda102", True), ("numpy", False), ("torchmetrics", False)],
)
def test_what_is_known(name, known):
    assert gpu_wheels.reads(name) is known


@pytest.mark.parametrize(
    ("isa", "cuda"), [((6, 5), "10.2"), ((7, 0), "11.0"), ((8, 2), "12.2"), ((8, 7), "12.8"), ((9, 1), "13.1")]
)
def test_which_release_brought_a_version_of_ptx(isa, cuda):
    assert gpu_wheels.ptx_release(isa) == cuda


class Counted:
    """A file's bytes, served in parts that are noted."""

    def __init__(self, data):
        self.data = data
        self.asked = []

    def part(self, start, end):
        self.asked.append((start, end))
        return self.data[start:end]

    def open(self):
        return io.BufferedReader(RemoteFile(self.part, len(self.data)), 1 << 16)


def test_of_a_remote_wheel_only_the_parts_are_fetched_that_are_asked():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("torch/lib/libtorch_cuda.so", bytes(20_000_000))
        archive.writestr("torch/version.py", VERSION_2)
        archive.writestr("torch/lib/libtorch_python.so", bytes(3_000_000) + TORCH_2)
    file = Counted(data.getvalue())
    with zipfile.ZipFile(file.open()) as archive:
        assert gpu_wheels.read("torch", archive, "").cuda == "12.1"
    fetched = sum(min(end, len(file.data)) - start for start, end in file.asked)
    assert fetched < 5_000_000
    # What is read on and on comes in ever larger parts.
    assert len(file.asked) < 20


def test_a_remote_file_is_as_any_other():
    file = Counted(bytes(range(256)) * 4000)
    with file.open() as stream:
        assert stream.read(3) == b"\0\1\2"
        stream.seek(-2, io.SEEK_END)
        assert stream.read(10) == b"\xfe\xff"
        assert stream.read(1) == b""
        stream.seek(256 * 100 + 7)
        assert (stream.read(2), stream.tell()) == (b"\7\x08", 256 * 100 + 9)


def test_an_index_that_serves_less_is_no_end_of_the_file():
    with pytest.raises(LockError, match="less of a file than it has"):
        io.BufferedReader(RemoteFile(lambda _start, _end: b"", 10)).read(5)
