# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic of small matrices for the stand-ins of frameworks: it computes on the CPU, whatever device is named."""

from __future__ import annotations


def shape(value):
    """Return the lengths of nested lists, outermost first."""
    return (len(value), *shape(value[0])) if isinstance(value, list) else ()


def flat(value):
    """Return the numbers of nested lists in their order."""
    return [number for part in value for number in flat(part)] if isinstance(value, list) else [value]


def reshaped(value, lengths):
    """Return the numbers of nested lists in lists of other lengths; one of -1 is what is left."""
    numbers = flat(value)
    lengths = list(lengths)
    if -1 in lengths:
        known = 1
        for length in lengths:
            known *= abs(length)
        lengths[lengths.index(-1)] = len(numbers) // known
    for length in reversed(lengths[1:]):
        numbers = [numbers[start : start + length] for start in range(0, len(numbers), length)]
    return numbers if lengths else numbers[0]


def product(one, other):
    """Return the product of two matrices."""
    columns = list(zip(*other))
    return [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in one]


def convolution(picture, kernel):
    """Return a picture (a matrix) under a kernel, without a margin, as neural networks do it."""
    high, wide = len(kernel), len(kernel[0])
    return [
        [
            sum(picture[row + i][column + j] * kernel[i][j] for i in range(high) for j in range(wide))
            for column in range(len(picture[0]) - wide + 1)
        ]
        for row in range(len(picture) - high + 1)
    ]
