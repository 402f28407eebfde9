"""The stacks of this repository held against boxes, as a play does before it fetches anything."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from ansible_collections.mlinabox.core.plugins.plugin_utils import _gpu_wheels, _stack
from ansible_collections.mlinabox.core.plugins.plugin_utils._gpu_preflight import check

STACKS = str(Path(__file__).resolve().parents[4] / "stacks")
CARDS = {
    "K80": ("Tesla K80", "3.7"),
    "M4000": ("Quadro M4000", "5.2"),
    "P6000": ("Quadro P6000", "6.1"),
    "V100": ("Tesla V100-SXM2-16GB", "7.0"),
    "RTX4000": ("Quadro RTX 4000", "7.5"),
    "A100": ("NVIDIA A100-SXM4-80GB", "8.0"),
    "A4000": ("NVIDIA RTX A4000", "8.6"),
    "L4": ("NVIDIA L4", "8.9"),
    "H100": ("NVIDIA H100 80GB HBM3", "9.0"),
    "B200": ("NVIDIA B200", "10.0"),
}
RELEASES = {"2022": ("Ubuntu", "20.04"), "2023": ("Ubuntu", "22.04")}


def box(card, driver, kind="gpu"):
    name, capability = CARDS[card]
    gpus = [{"driver": "nvidia", "name": name, "compute_capability": capability}]
    return {"kind": kind, "driver": {"version": driver}, "gpus": gpus}


@functools.lru_cache(maxsize=None)
def loaded(stack, release):
    """(the stack, all stacks) for a release; reading them takes most of the time."""
    return _stack.choose(stack, *release, [STACKS])[0], _stack.for_host([STACKS], *release)


def held(host, stack, variant="cuda", toolkits=("stack",), environments=(), release=None):
    release = release or RELEASES[stack]
    chosen, stacks = loaded(stack, release)
    return check(host, chosen, variant, list(toolkits), list(environments), stacks, release)


@pytest.fixture(autouse=True, scope="module")
def locks_read_once():
    """What the locks hold does not change between the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_gpu_wheels, "_versions", functools.lru_cache(maxsize=None)(_gpu_wheels._versions))
        yield


def refusing(found):
    return [problem["code"] for problem in found if problem["severity"] == "refuse"]


# --- the four that must be refused ---------------------------------------------------------------------------------


def test_h100_with_2022():
    found, message = held(box("H100", "535.54.03"), "2022")
    assert refusing(found) == ["no-architecture", "toolkit-before-gpu"]
    assert message == (
        "Stack 2022, variant cuda, does not fit this host. "
        "torch 1.12.1+cu116 cannot run on NVIDIA H100 80GB HBM3 (compute capability 9.0). "
        "Its wheel holds machine code for 3.7, 5.0, 6.0, 7.0, 7.5, 8.0 and 8.6 and no PTX. "
        "The compiler of CUDA 11.7.1 makes no machine code for NVIDIA H100 80GB HBM3 (compute capability 9.0). "
        "It makes code for 3.5 to 8.7. CUDA 11.8 and newer do: set cuda_version, or cuda_version=none for no toolkit. "
        "Stack 2023, variant cuda, would work here: set stack_name=2023. "
        "It is made for Ubuntu 22.04 and Debian 12, and this is Ubuntu 20.04."
    )


def test_m4000_with_cuda_13():
    found, message = held(box("M4000", "580.95.05"), "2023", toolkits=["13.0.2"])
    assert refusing(found) == ["toolkit-dropped-gpu"]
    assert "The compiler of CUDA 13.0.2 makes no machine code for Quadro M4000 (compute capability 5.2)." in message
    assert "CUDA 10.2 to 12.9 do" in message
    assert message.endswith("Stack 2023, variant cuda, with its own CUDA 12.1.1 would work here.")


def test_driver_470_with_cuda_12():
    found, message = held(box("A100", "470.256.02"), "2023")
    assert refusing(found) == ["driver-too-old", "driver-too-old-for-toolkit"]
    assert (
        "The driver 470.256.02 is too old: stack 2023 needs 525.60.13 or newer. It supports CUDA up to 11.4." in message
    )
    assert "Install a driver 525.60.13 or newer and restart the machine." in message
    assert "Stack 2022, variant cuda, would work here: set stack_name=2022." in message


def test_a100_with_the_torch_of_the_index():
    found, message = held(box("A100", "535.54.03"), "2022", variant="cpu")
    assert refusing(found) == ["no-architecture"]
    assert "torch 1.12.1 cannot run on NVIDIA A100-SXM4-80GB (compute capability 8.0)." in message
    assert message.endswith("Stack 2022, variant cuda, would work here: set pip_stack_variant=cuda.")


# --- and many more -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "driver", "stack", "variant", "fits"),
    [
        ("M4000", "470.256.02", "2022", "cuda", True),
        ("P6000", "515.65.01", "2022", "cuda", True),
        ("V100", "515.65.01", "2022", "cuda", True),
        ("RTX4000", "450.80.02", "2022", "cuda", True),
        ("A100", "515.65.01", "2022", "cuda", True),
        ("A4000", "580.95.05", "2022", "cuda", True),
        # Machine code for 8.6 runs on 8.9, and so does what nvcc 11.7 makes.
        ("L4", "535.54.03", "2022", "cuda", True),
        ("K80", "470.256.02", "2022", "cuda", True),
        ("B200", "570.124.06", "2022", "cuda", False),
        ("A100", "450.51.06", "2022", "cuda", False),
        # The torch of the index is a CUDA 10.2 build.
        ("V100", "450.80.02", "2022", "cpu", True),
        ("RTX4000", "450.80.02", "2022", "cpu", True),
        ("A4000", "535.54.03", "2022", "cpu", False),
        ("M4000", "525.60.13", "2023", "cuda", True),
        ("P6000", "535.129.03", "2023", "cpu", True),
        ("V100", "535.129.03", "2023", "cuda", True),
        ("A100", "525.60.13", "2023", "cuda", True),
        ("L4", "550.54.14", "2023", "cuda", True),
        ("H100", "535.129.03", "2023", "cuda", True),
        ("H100", "610.57.04", "2023", "cuda", True),
        ("A100", "525.60.12", "2023", "cuda", False),
        ("K80", "470.256.02", "2023", "cuda", False),
        ("B200", "570.124.06", "2023", "cuda", False),
    ],
)
def test_cards_and_drivers(card, driver, stack, variant, fits):
    found, message = held(box(card, driver), stack, variant)
    assert (not refusing(found)) == fits, message


def test_what_only_warns_is_said_and_refuses_nothing():
    found, message = held(box("H100", "525.60.13"), "2023")
    assert {problem["code"]: problem["severity"] for problem in found} == {
        "driver-older-than-toolkit": "warn",
        "ptx-only": "warn",
        "ptx-needs-driver": "warn",
    }
    assert not message.startswith("Stack")
    assert "530.30.02, which CUDA 12.1.1's release notes ask for" in message


def test_a_release_whose_stack_brings_no_toolkit():
    found, message = held(box("M4000", "580.95.05"), "2023", release=("Debian", "12"))
    assert (refusing(found), message) == ([], "")


def test_a_stack_made_for_the_release_is_named_before_another():
    _found, message = held(box("H100", "535.54.03"), "2022", release=("Debian", "12"))
    assert message.endswith("Stack 2023, variant cuda, would work here: set stack_name=2023.")


def test_no_stack_would_work():
    _found, message = held(box("B200", "570.124.06"), "2023")
    assert message.endswith("None of the stacks that were found would work here.")


def test_a_stack_that_is_not_on_the_search_path_is_tried_too():
    release = RELEASES["2023"]
    chosen, _stacks = loaded("2023", release)
    _found, message = check(box("M4000", "580.95.05"), chosen, "cuda", ["13.0.2"], [], [], release)
    assert message.endswith("Stack 2023, variant cuda, with its own CUDA 12.1.1 would work here.")


def test_several_toolkits():
    found, message = held(box("V100", "580.95.05"), "2023", toolkits=["stack", "13.0.2"])
    assert refusing(found) == ["toolkit-dropped-gpu"]
    assert "CUDA 13.0.2" in message
    found, _message = held(box("V100", "580.95.05"), "2023", toolkits=["none"])
    assert found == []


def test_an_environment_of_ones_own(tmp_path):
    lock = tmp_path / "mine.txt"
    lock.write_text(f"torch==2.11.0 --hash=sha256:{'0' * 64}\n")
    found, message = held(box("V100", "580.95.05"), "2023", environments=[{"name": "mine", "lock": str(lock)}])
    assert refusing(found) == ["no-architecture"]
    assert "Environment mine: torch 2.11.0 cannot run on Tesla V100-SXM2-16GB (compute capability 7.0)." in message
    assert message.endswith("Stack 2023, variant cuda, by itself would work here.")
    found, message = held(box("A100", "535.54.03"), "2023", environments=[{"name": "mine", "lock": str(lock)}])
    assert refusing(found) == ["driver-too-old"]
    assert "torch 2.11.0, made with CUDA 13.0, needs 580 or newer" in message


def test_where_no_environment_is_installed_only_the_toolkit_counts():
    found, message = held(box("H100", "535.54.03"), "2022", variant="")
    assert refusing(found) == ["toolkit-before-gpu"]
    assert message.startswith("Stack 2022 does not fit this host. The compiler")
    found, _message = held(box("A100", "418.43"), "2022", variant="", toolkits=["none"])
    assert found == []


@pytest.mark.parametrize("kind", ["cpu", "broken"])
def test_what_is_no_gpu_box_is_never_refused(kind):
    assert held(box("H100", "418.43", kind=kind), "2022") == ([], "")
