# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for PyTorch: it says what the real one said on a host like this (words.json), and computes a little.

Only what asks whether a GPU works is here: torch.cuda, tensors of few operations, one convolution.
"""

from __future__ import annotations

import builtins
import json
import os
import sys

from . import matrices

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "words.json"), encoding="utf-8") as _stream:
    _words = json.load(_stream)
_said = []
__version__ = _words["version"]
float32 = "float32"


def _speak():
    """What the real one prints when a GPU is first looked for."""
    if not _said:
        _said.append(True)
        sys.stderr.write(_words["stderr"])


def _raise(text):
    """Raise an error that is told as `Kind: words`."""
    kind, _colon, words = text.partition(": ")
    raise getattr(builtins, kind)(words)


def _use(device):
    if str(device).startswith("cuda"):
        cuda.init()
        if _words["work"]:
            _raise(_words["work"])


class device:
    """cpu, cuda, cuda:N."""

    def __init__(self, kind, index=None):
        self.type, _colon, number = str(kind).partition(":")
        self.index = int(number) if number else index

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"


class Tensor:
    """Nested lists on a device."""

    def __init__(self, data, where="cpu"):
        _use(where)
        self.data = data
        self.device = device(where)

    @property
    def shape(self):
        """The lengths of its dimensions."""
        return matrices.shape(self.data)

    @property
    def is_cuda(self):
        """Whether it lies on a GPU."""
        return self.device.type == "cuda"

    def __matmul__(self, other):
        return Tensor(matrices.product(self.data, other.data), self.device)

    def reshape(self, *lengths):
        """The same numbers in another shape."""
        return Tensor(
            matrices.reshaped(self.data, lengths[0] if isinstance(lengths[0], tuple) else lengths), self.device
        )

    view = reshape

    def to(self, where):
        """The same on another device."""
        return Tensor(self.data, where)

    def cuda(self):
        """The same on the GPU."""
        return self.to("cuda")

    def cpu(self):
        """The same on the CPU."""
        return self.to("cpu")

    def tolist(self):
        """Its numbers."""
        return self.data

    def item(self):
        """Its one number."""
        return matrices.flat(self.data)[0]

    def sum(self):
        """The sum of its numbers."""
        return Tensor(sum(matrices.flat(self.data)), self.device)


def tensor(data, device="cpu", dtype=None):
    """A tensor of nested lists."""
    return Tensor(data, device)


def full(size, value, device="cpu", dtype=None):
    """A tensor of one number."""
    count = 1
    for length in size:
        count *= length
    return Tensor(matrices.reshaped([float(value)] * count, size), device)


def ones(*size, device="cpu", dtype=None):
    """A tensor of ones."""
    return full(size[0] if isinstance(size[0], (tuple, list)) else size, 1, device)


def zeros(*size, device="cpu", dtype=None):
    """A tensor of zeros."""
    return full(size[0] if isinstance(size[0], (tuple, list)) else size, 0, device)


def matmul(one, other):
    """The product of two matrices."""
    return one @ other


mm = matmul


class cuda:
    """torch.cuda."""

    @staticmethod
    def is_available():
        """Whether there is a GPU, as this build sees it."""
        _speak()
        return _words["available"]

    @staticmethod
    def init():
        """What the first use of a GPU does."""
        _speak()
        if not _words["available"]:
            _raise(_words["work"] or "RuntimeError: No CUDA GPUs are available")

    @staticmethod
    def device_count():
        """How many GPUs it uses."""
        return len(_words["gpus"]) if _words["available"] else 0

    @staticmethod
    def get_device_name(number=0):
        """The GPU's name."""
        return _words["gpus"][device("cuda", number).index if not str(number).isdigit() else int(number)]["name"]

    @staticmethod
    def get_device_capability(number=0):
        """The GPU's compute capability."""
        return tuple(int(part) for part in _words["gpus"][number]["capability"].split("."))

    @staticmethod
    def get_arch_list():
        """What this build holds code for."""
        return [f"sm_{architecture.replace('.', '')}" for architecture in _words["architectures"]]

    @staticmethod
    def synchronize(where=None):
        """Wait for the GPU."""
        cuda.init()


class version:
    """torch.version."""

    cuda = _words["cuda"] or None
    hip = None


class backends:
    """torch.backends."""

    class cudnn:
        """torch.backends.cudnn."""

        @staticmethod
        def version():
            """The version of the cuDNN that was found."""
            if _words["cudnn_error"]:
                _raise(_words["cudnn_error"])
            return _words["cudnn"] or None

        @staticmethod
        def is_available():
            """Whether there is one."""
            return bool(_words["cudnn"])


class nn:
    """torch.nn."""

    class functional:
        """torch.nn.functional."""

        @staticmethod
        def conv2d(picture, kernel):
            """One picture, one kernel, one channel; on a GPU with cuDNN."""
            if picture.is_cuda:
                backends.cudnn.version()
            return Tensor([[matrices.convolution(picture.data[0][0], kernel.data[0][0])]], picture.device)
