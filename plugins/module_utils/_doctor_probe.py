# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run by an environment's own Python: one framework multiplies matrices on each GPU that it sees, and on the CPU.

What came of it is one line of JSON on stderr after MARK; the framework's own words stand before it. The numbers are
small and whole, so that a product is exact in every precision that a GPU may choose (TF32 has 11 significant bits).
torch and TensorFlow convolve besides, which is what they need cuDNN for. Nothing here is this collection's: the
environment has only its own packages.
"""

from __future__ import annotations

import json
import sys

MARK = "mlinabox-doctor: "
SIZE = 64


def numbers(rows, columns, step):
    """A matrix of numbers from 0 to 7."""
    return [[float((row * step + column * 3) % 8) for column in range(columns)] for row in range(rows)]


def product(one, other):
    """The product of two matrices, by the book."""
    columns = list(zip(*other))
    return [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in one]


def convolution(picture, kernel):
    """What neural networks call a convolution, without a margin."""
    size, inner = len(kernel), len(picture) - len(kernel) + 1
    places = [(i, j) for i in range(size) for j in range(size)]
    return [
        [sum(picture[row + i][column + j] * kernel[i][j] for i, j in places) for column in range(inner)]
        for row in range(inner)
    ]


def is_near(found, wanted):
    """Whether two matrices are alike; algorithms for convolutions round."""
    return all(abs(a - b) <= 0.01 * max(1.0, abs(b)) for row, other in zip(found, wanted) for a, b in zip(row, other))


ONE, OTHER = numbers(SIZE, SIZE, 5), numbers(SIZE, SIZE, 2)
PICTURE, KERNEL = numbers(16, 16, 7), numbers(3, 3, 1)


def try_torch():
    """PyTorch, as https://pytorch.org/docs/stable/cuda.html has it."""
    import torch

    if torch.version.cuda is None:
        return {"cpu_build": True}
    if not torch.cuda.is_available():
        # What is_available swallows, this says.
        torch.cuda.init()
        return {"gpus": []}
    found = {"gpus": [], "wrong": []}
    for number in range(torch.cuda.device_count()):
        device = torch.device("cuda", number)
        result = torch.tensor(ONE, device=device) @ torch.tensor(OTHER, device=device)
        picture = torch.tensor(PICTURE, device=device).reshape(1, 1, 16, 16)
        kernel = torch.tensor(KERNEL, device=device).reshape(1, 1, 3, 3)
        convolved = torch.nn.functional.conv2d(picture, kernel)
        note(found, torch.cuda.get_device_name(number), result.tolist(), convolved.reshape(14, 14).tolist())
    return found


def try_tensorflow():
    """TensorFlow, as https://www.tensorflow.org/guide/gpu has it."""
    import tensorflow as tf

    if not tf.test.is_built_with_cuda():
        return {"cpu_build": True}
    # Else it would compute on the CPU where the GPU fails, and say nothing.
    tf.config.set_soft_device_placement(False)
    found = {"gpus": [], "wrong": []}
    for number, _gpu in enumerate(tf.config.list_physical_devices("GPU")):
        with tf.device(f"/GPU:{number}"):
            result = tf.matmul(tf.constant(ONE), tf.constant(OTHER))
            picture = tf.reshape(tf.constant(PICTURE), (1, 16, 16, 1))
            kernel = tf.reshape(tf.constant(KERNEL), (3, 3, 1, 1))
            convolved = tf.nn.conv2d(picture, kernel, 1, "VALID")
        convolved = tf.reshape(convolved, (14, 14)).numpy().tolist()
        note(found, result.device, result.numpy().tolist(), convolved)
    return found


def try_jax():
    """JAX, as https://docs.jax.dev/en/latest/jax.html has it."""
    import jax
    import jax.numpy as jnp

    # Raises where there is none, with the reason; jax.devices() alone would answer with the CPU.
    devices = jax.devices("gpu")
    found = {"gpus": [], "wrong": []}
    for device in devices:
        one, other = jax.device_put(jnp.array(ONE), device), jax.device_put(jnp.array(OTHER), device)
        note(found, device.device_kind, jnp.matmul(one, other).tolist())
    return found


def try_cupy():
    """CuPy, as https://docs.cupy.dev/en/stable/user_guide/basic.html has it."""
    import cupy

    found = {"gpus": [], "wrong": []}
    for number in range(cupy.cuda.runtime.getDeviceCount()):
        with cupy.cuda.Device(number):
            result = cupy.asnumpy(cupy.array(ONE) @ cupy.array(OTHER)).tolist()
            name = cupy.cuda.runtime.getDeviceProperties(number)["name"].decode()
        note(found, name, result)
    return found


def note(found, name, result, convolved=None):
    """Add a GPU to what was found, and whether it computes as the CPU does."""
    found["gpus"].append(name)
    if result != product(ONE, OTHER):
        found["wrong"].append(f"{name}: a product of matrices")
    if convolved is not None and not is_near(convolved, convolution(PICTURE, KERNEL)):
        found["wrong"].append(f"{name}: a convolution")


def main(framework):
    """Try one framework ('torch', 'tensorflow', 'jax', 'cupy') and say how it went."""
    found = {"framework": framework}
    try:
        found.update(globals()[f"try_{framework}"]())
    except Exception as error:  # whatever it is, it is the framework's answer
        lines = [line.strip() for line in f"{error}".splitlines() if line.strip(" =")]
        found["error"] = f"{type(error).__name__}: {' '.join(lines)}"[:600]
    sys.stderr.write(f"\n{MARK}{json.dumps(found)}\n")
    sys.stderr.flush()
