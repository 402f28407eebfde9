"""NVIDIA's tables: they are in order, and what is asked of them comes out as NVIDIA's pages say."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _gpu_tables as tables
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_tables import numbers


def test_releases_and_their_drivers_rise_together():
    cuda = [numbers(release) for release, _driver in tables.TOOLKIT_DRIVERS]
    drivers = [numbers(driver) for _release, driver in tables.TOOLKIT_DRIVERS]
    assert cuda == sorted(set(cuda))
    assert drivers == sorted(set(drivers))
    assert [numbers(release) for release, _targets in tables.COMPILER_TARGETS] == sorted(
        numbers(release) for release, _targets in tables.COMPILER_TARGETS
    )


def test_ranges_of_device_numbers_do_not_overlap():
    last = -1
    for first, end, _capability in tables.DEVICE_RANGES:
        assert last < first <= end
        last = end


@pytest.mark.parametrize(
    ("cuda", "driver"),
    [
        ("10.2", "440.33"),
        ("11.0", "450.51.05"),
        ("11.0.3", "450.51.06"),
        ("11.2.2", "460.32.03"),
        ("11.4", "470.42.01"),
        ("11.4.2", "470.57.02"),
        ("11.4.4", "470.82.01"),
        ("11.7", "515.43.04"),
        ("11.7.1", "515.48.07"),
        ("12.1.1", "530.30.02"),
        ("12.4.1", "550.54.15"),
        ("12.6.2", "560.35.03"),
        ("13.0", "580.65.06"),
        ("13.3.1", "610.43.02"),
        ("13.4", ""),
        ("12.7", ""),
        ("none", ""),
        ("", ""),
    ],
)
def test_what_driver_a_toolkit_asks_for(cuda, driver):
    assert tables.toolkit_driver(cuda) == driver


@pytest.mark.parametrize(
    ("cuda", "driver"),
    [
        ("10.2", "440.33"),
        ("11.1", "450.80.02"),
        ("11.8", "450.80.02"),
        ("12.1.1", "525.60.13"),
        ("12.9", "525.60.13"),
        ("13.5", "580"),
        ("14.0", ""),
        ("9.2", ""),
        ("", ""),
    ],
)
def test_what_driver_runs_a_releases_programs(cuda, driver):
    assert tables.oldest_driver(cuda) == driver


# Drivers as they were shipped, and what nvidia-smi says of each.
@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("418.43", ""),
        ("440.33.01", "10.2"),
        ("450.248.02", "11.0"),
        ("470.256.02", "11.4"),
        ("510.108.03", "11.6"),
        ("515.65.01", "11.7"),
        ("525.147.05", "12.0"),
        ("535.54.03", "12.2"),
        ("535.309.01", "12.2"),
        ("550.163.01", "12.4"),
        ("570.148.08", "12.8"),
        ("580.95.05", "13.0"),
        ("595.84", "13.2"),
        ("610.57.04", "13.3"),
        ("700.1", "13.3"),
        ("", ""),
    ],
)
def test_what_a_driver_supports(driver, cuda):
    assert tables.driver_cuda(driver) == cuda


# Asked of real compilers.
@pytest.mark.parametrize(
    ("cuda", "targets"),
    [
        ("11.2", "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6"),
        ("11.7.1", "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7"),
        ("11.8", "3.5 3.7 5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0"),
        ("12.1", "5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0"),
        ("12.4.1", "5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0"),
        ("12.9", "5.0 5.2 5.3 6.0 6.1 6.2 7.0 7.2 7.5 8.0 8.6 8.7 8.9 9.0 10.0 10.1 10.3 12.0 12.1"),
        ("13.0", "7.5 8.0 8.6 8.7 8.8 8.9 9.0 10.0 10.3 11.0 12.0 12.1"),
        ("13.5", "7.5 8.0 8.6 8.7 8.8 8.9 9.0 10.0 10.3 10.7 11.0 12.0 12.1"),
        # ptxas of 13.4 takes `.target sm_107a`.
        ("13.4.1", "7.5 8.0 8.6 8.7 8.8 8.9 9.0 10.0 10.3 10.7 11.0 12.0 12.1"),
        ("13.3", "7.5 8.0 8.6 8.7 8.8 8.9 9.0 10.0 10.3 11.0 12.0 12.1"),
        ("9.0", ""),
    ],
)
def test_what_a_compiler_makes_code_for(cuda, targets):
    assert tables.compiler_targets(cuda) == targets.split()


@pytest.mark.parametrize(
    ("release", "cuda", "has"),
    [
        (("Ubuntu", "20.04"), "11.7.1", True),
        (("Ubuntu", "20.04"), "13.0", False),
        (("Ubuntu", "22.04"), "11.6", False),
        (("Ubuntu", "24.04"), "12.1.1", False),
        (("Debian", "11"), "11.7.1", True),
        (("Debian", "11.11"), "12.6.3", True),
        (("Debian", "11"), "12.8", False),
        (("Debian", "12.4"), "12.1.1", False),
        (("Debian", "12"), "13.2.0", True),
        (("Debian", "13"), "12.9", False),
        (("Debian", "1"), "12.9", None),
        (("Fedora", "42"), "12.9", None),
    ],
)
def test_which_toolkit_a_repository_has(release, cuda, has):
    assert tables.archive_has(*release, cuda) is has


# The fleet, by number and as drivers have spelled the names.
@pytest.mark.parametrize(
    ("device", "name", "capability"),
    [
        ("0x13f1", "Quadro M4000", "5.2"),
        ("0x1bb1", "Quadro P4000", "6.1"),
        ("0x1bb0", "Quadro P5000", "6.1"),
        ("0x1b30", "Quadro P6000", "6.1"),
        ("0x1db1", "Tesla V100-SXM2-16GB", "7.0"),
        ("0x1db6", "Tesla V100-PCIE-32GB", "7.0"),
        ("0x1eb1", "Quadro RTX 4000", "7.5"),
        ("0x1eb0", "Quadro RTX 5000", "7.5"),
        ("0x1eb8", "Tesla T4", "7.5"),
        ("0x20b0", "NVIDIA A100-SXM4-40GB", "8.0"),
        ("0x20f1", "A100-PCIE-40GB", "8.0"),
        ("0x20b5", "NVIDIA A100 80GB PCIe", "8.0"),
        ("0x24b0", "NVIDIA RTX A4000", "8.6"),
        ("0x2231", "RTX A5000", "8.6"),
        ("0x2230", "RTX A6000", "8.6"),
        ("0x2237", "NVIDIA A10G", "8.6"),
        ("0x26b9", "NVIDIA L40S", "8.9"),
        ("0x27b8", "NVIDIA L4", "8.9"),
        ("0x26b1", "NVIDIA RTX 6000 Ada Generation", "8.9"),
        ("0x2330", "NVIDIA H100 80GB HBM3", "9.0"),
        ("0x2335", "NVIDIA H200", "9.0"),
        ("0x2901", "NVIDIA B200", "10.0"),
        ("0x3182", "NVIDIA B300 SXM6 AC", "10.3"),
    ],
)
def test_the_fleet(device, name, capability):
    assert tables.capability(device) == capability
    assert tables.capability(device.upper().replace("X", "x"), "") == capability
    assert tables.capability("", name) == capability


@pytest.mark.parametrize(
    ("device", "name"),
    [("", ""), ("0x1af1", ""), ("0x22a3", ""), ("0xffff", "NVIDIA X9999"), ("no number", ""), (None, None)],
)
def test_what_is_not_known_is_not_guessed(device, name):
    assert tables.capability(device, name) == ""


@pytest.mark.parametrize(
    ("capability", "branch"),
    [("3.7", "470"), ("5.0", "580"), ("6.1", "580"), ("7.0", "580"), ("7.5", ""), ("9.0", "")],
)
def test_the_last_driver(capability, branch):
    assert tables.last_driver(capability) == branch
