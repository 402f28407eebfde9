# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for TensorFlow: it says what the real one said on a host like this (words.json), and computes a little.

Only what asks whether a GPU works is here: the list of devices, a product of matrices, one convolution.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager

from . import matrices

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "words.json"), encoding="utf-8") as _stream:
    _words = json.load(_stream)
__version__ = _words["version"]
_where = ["CPU:0"]
# The real one writes its log to stderr, much of it on import.
sys.stderr.write(_words["stderr"])


class _Array:
    def __init__(self, data):
        self.data = data

    def tolist(self):
        """Its numbers."""
        return self.data


class Tensor:
    """Nested lists on the device of the moment."""

    def __init__(self, data):
        self.data = data
        self.device = f"/job:localhost/replica:0/task:0/device:{_where[-1]}"

    @property
    def shape(self):
        """The lengths of its dimensions."""
        return matrices.shape(self.data)

    def numpy(self):
        """Its numbers, as an array."""
        return _Array(self.data)


class PhysicalDevice:
    """A device that it found."""

    def __init__(self, name, kind):
        self.name = name
        self.device_type = kind


def constant(value, dtype=None):
    """A tensor of nested lists."""
    return Tensor(value)


def reshape(value, lengths):
    """The same numbers in another shape."""
    return Tensor(matrices.reshaped(value.data, lengths))


def matmul(one, other):
    """The product of two matrices."""
    return Tensor(matrices.product(getattr(one, "data", one), getattr(other, "data", other)))


@contextmanager
def device(name):
    """What is made in the block is made on this device; one that is not there is an error (no soft placement)."""
    kind, _colon, number = name.rpartition("/")[2].replace("device:", "").partition(":")
    if kind == "GPU" and int(number or 0) >= _words["gpus"]:
        raise RuntimeError(f"Could not satisfy device specification '{name}'. All available devices [CPU:0].")
    _where.append(f"{kind}:{number or 0}")
    try:
        yield
    finally:
        _where.pop()


class config:
    """tf.config."""

    @staticmethod
    def list_physical_devices(kind=None):
        """The devices of a kind."""
        found = [PhysicalDevice("/physical_device:CPU:0", "CPU")]
        found += [PhysicalDevice(f"/physical_device:GPU:{number}", "GPU") for number in range(_words["gpus"])]
        return [one for one in found if kind in (None, one.device_type)]

    list_logical_devices = list_physical_devices

    @staticmethod
    def set_soft_device_placement(on):
        """Nothing is placed elsewhere here."""


class test:
    """tf.test."""

    @staticmethod
    def is_built_with_cuda():
        """Whether this build has code for GPUs."""
        return bool(_words["cuda"])


class sysconfig:
    """tf.sysconfig."""

    @staticmethod
    def get_build_info():
        """How it was built."""
        return {"cuda_version": _words["cuda"], "cudnn_version": _words["cudnn"], "is_cuda_build": bool(_words["cuda"])}


class nn:
    """tf.nn."""

    @staticmethod
    def conv2d(picture, kernel, strides, padding):
        """One picture, one kernel, one channel, channels last."""
        flat = [[cell[0] for cell in row] for row in picture.data[0]]
        small = [[cell[0][0] for cell in row] for row in kernel.data]
        result = matrices.convolution(flat, small)
        return Tensor([[[[value] for value in row] for row in result]])
