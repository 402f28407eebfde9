"""Whether a stack fits a host: the boxes that must be refused, those that must not, and the laws."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_fit import REFUSE, WARN, fit, refused
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_tables import (
    COMPILER_TARGETS,
    TOOLKIT_DRIVERS,
    numbers,
    releases,
)
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = {
    "3.7": "Tesla K80",
    "5.2": "Quadro M4000",
    "6.1": "Quadro P6000",
    "7.0": "Tesla V100-SXM2-16GB",
    "7.5": "Quadro RTX 4000",
    "8.0": "NVIDIA A100-SXM4-80GB",
    "8.6": "NVIDIA RTX A6000",
    "8.9": "NVIDIA L40S",
    "9.0": "NVIDIA H100 80GB HBM3",
    "12.0": "NVIDIA RTX PRO 6000 Blackwell",
}
CU102 = "3.7 5.0 6.0 7.0"
CU116 = "3.7 5.0 6.0 7.0 7.5 8.0 8.6"
CU121 = "5.0 6.0 7.0 7.5 8.0 8.6 9.0"
CU130 = "7.5 8.0 8.6 9.0 10.0 12.0"


def host(driver, *capabilities, **more):
    gpus = [{"driver": "nvidia", "name": NAMES[one], "compute_capability": one} for one in capabilities]
    return {"kind": "gpu", "driver": {"version": driver}, "gpus": gpus, **more}


def want(cuda="", oldest="", **wheels):
    """wheels: distribution=(CUDA release, its architectures)."""
    held = {
        name: {"version": "1.0", "cuda": made_with, "architectures": architectures.split()}
        for name, (made_with, architectures) in wheels.items()
    }
    return {"stack": "mine", "variant": "cuda", "cuda": cuda, "oldest_driver": oldest, "wheels": held}


OURS_2022 = want("11.7.1", "450.80.02", torch=("11.6", CU116))
OURS_2022_CPU = want("11.7.1", "450.80.02", torch=("10.2", CU102))
OURS_2023 = want("12.1.1", "525.60.13", torch=("12.1", CU121))

CASES = [
    # What must be refused: the driver.
    (host("470.256.02", "8.0"), OURS_2023, {"driver-too-old": REFUSE, "driver-too-old-for-toolkit": REFUSE}),
    (host("470.256.02", "8.0"), want(torch=("12.1", CU121)), {"driver-too-old": REFUSE}),
    (host("525.60.12", "8.0"), want(torch=("12.1", CU121)), {"driver-too-old": REFUSE}),
    (host("450.51.06", "8.0"), want(torch=("11.6", CU116)), {"driver-too-old": REFUSE}),
    (host("418.87", "7.0"), want(torch=("10.2", CU102)), {"driver-too-old": REFUSE}),
    (host("575.57.08", "8.0"), want(torch=("13.0", CU130)), {"driver-too-old": REFUSE}),
    (host("530.30.02", "8.0"), want(oldest="535.1"), {"driver-too-old": REFUSE}),
    # Minor-version compatibility: not the toolkit's own driver, but that of the major version.
    (host("525.60.13", "8.0"), want(torch=("12.1", CU121)), {}),
    (host("525.60.13", "8.0"), want(torch=("12.9", CU121)), {}),
    (host("525.60.13", "8.0"), OURS_2023, {"driver-older-than-toolkit": WARN}),
    (host("450.80.02", "8.0"), OURS_2022, {"driver-older-than-toolkit": WARN}),
    (host("515.48.07", "8.0"), OURS_2022, {}),
    (host("580.65.06", "8.0"), want(torch=("13.2", CU130)), {}),
    # Before CUDA 11 there was no such thing.
    (host("440.33", "7.0"), want(torch=("10.2", CU102)), {}),
    # A newer driver runs what is older.
    (host("610.57.04", "8.0"), OURS_2022, {}),
    # What must be refused: the GPU.
    (host("535.54.03", "9.0"), OURS_2022, {"no-architecture": REFUSE, "toolkit-before-gpu": REFUSE}),
    (host("535.54.03", "8.0"), OURS_2022_CPU, {"no-architecture": REFUSE}),
    (host("580.95.05", "7.0"), want(torch=("13.0", CU130)), {"no-architecture": REFUSE}),
    (host("580.95.05", "5.2"), want("13.0.2", torch=("12.1", CU121)), {"toolkit-dropped-gpu": REFUSE}),
    (host("580.95.05", "7.0"), want("13.0.2"), {"toolkit-dropped-gpu": REFUSE}),
    (host("535.54.03", "3.7"), want("12.1.1"), {"toolkit-dropped-gpu": REFUSE}),
    (host("535.54.03", "9.0"), want("11.7.1"), {"toolkit-before-gpu": REFUSE}),
    (host("570.124.06", "12.0"), OURS_2023, {"no-architecture": REFUSE, "toolkit-before-gpu": REFUSE}),
    # Machine code of the same major version serves, be it the wheel's or the compiler's.
    (host("535.54.03", "5.2", "6.1"), OURS_2023, {}),
    (host("535.54.03", "8.9"), OURS_2022, {}),
    (host("535.54.03", "8.9"), want("11.7.1"), {}),
    (host("535.54.03", "7.5"), OURS_2022_CPU, {}),
    (host("535.54.03", "8.6"), OURS_2022, {}),
    # PTX, where the driver can compile it.
    (host("535.54.03", "9.0"), want(tensorflow=("11.2", "3.5 7.0 8.0 8.0+PTX")), {"ptx-only": WARN}),
    (host("450.80.02", "8.0"), want(tensorflow=("11.2", "7.0 7.0+PTX")), {"ptx-needs-driver": REFUSE}),
    (host("460.32.03", "8.0"), want(tensorflow=("11.2", "7.0 7.0+PTX")), {"ptx-only": WARN}),
    (
        host("525.60.13", "9.0"),
        want(torch=("12.1", CU121), tensorflow=("12.2", "8.0 8.0+PTX")),
        {"ptx-needs-driver": WARN},
    ),
    # What is no framework does not stop a box.
    (host("535.54.03", "9.0"), want(torch=("12.1", CU121), xgboost=("11.0", "7.0")), {"no-architecture": WARN}),
    (host("450.80.02", "8.0"), want(xgboost=("11.2", "7.0 7.0+PTX")), {"ptx-needs-driver": WARN}),
    # Nor does an old card beside the one that computes.
    (host("535.54.03", "8.0", "5.2"), want(torch=("11.6", "7.0 8.0")), {"no-architecture": WARN}),
    (host("580.95.05", "8.0", "5.2"), want("13.0.2"), {"toolkit-dropped-gpu": WARN}),
    (host("535.54.03", "9.0", "3.7"), want("11.7.1"), {"toolkit-before-gpu": WARN}),
    # What is not known is not held against anybody.
    (host("", "8.0"), OURS_2022, {}),
    (host("535.54.03"), OURS_2022, {}),
    (host("535.54.03", "9.0"), want("14.0", torch=("", "")), {}),
    (host("535.54.03", "9.0"), want("none"), {}),
    # A host that is no GPU box.
    (host("470.256.02", "9.0", kind="cpu"), OURS_2022, {}),
    (host("470.256.02", "9.0", kind="broken"), OURS_2022, {}),
]


@pytest.mark.parametrize(("box", "asked", "codes"), CASES)
def test_what_fits(box, asked, codes):
    problems = fit(box, asked)
    assert {problem["code"]: problem["severity"] for problem in problems} == codes
    assert refused(problems) == (REFUSE in codes.values())
    # What refuses comes first.
    assert [problem["severity"] for problem in problems] == sorted(codes.values())
    for problem in problems:
        assert problem["what"].endswith(".") and problem["why"].endswith(".")
        assert not problem["cure"] or problem["cure"].endswith(".")
        assert "\n" not in "".join(problem.values())


def test_the_words():
    (problem, toolkit) = fit(host("535.54.03", "9.0", "9.0"), OURS_2022)
    assert problem["what"] == "torch 1.0 cannot run on 2 NVIDIA H100 80GB HBM3 (compute capability 9.0)."
    assert problem["why"] == "Its wheel holds machine code for 3.7, 5.0, 6.0, 7.0, 7.5, 8.0 and 8.6 and no PTX."
    assert toolkit["cure"] == "CUDA 11.8 and newer do: set cuda_version, or cuda_version=none for no toolkit."
    (problem,) = fit(host("580.95.05", "5.2"), want("13.0.2"))
    assert problem["what"] == (
        "The compiler of CUDA 13.0.2 makes no machine code for Quadro M4000 (compute capability 5.2)."
    )
    assert problem["cure"].startswith("CUDA 10.2 to 12.9 do: ")
    problem = fit(host("470.256.02", "8.0"), OURS_2023)[0]
    assert problem["what"] == "The driver 470.256.02 is too old: stack mine needs 525.60.13 or newer."
    assert problem["why"] == "It supports CUDA up to 11.4."
    assert problem["cure"] == "Install a driver 525.60.13 or newer and restart the machine."
    problem = fit(host("575.57.08", "7.0"), want(torch=("13.1", CU130)))[0]
    assert problem["what"] == "The driver 575.57.08 is too old: torch 1.0, made with CUDA 13.1, needs 580 or newer."


def test_what_the_driver_compiles_is_told_once():
    wheels = want(torch=("12.1", "8.0 9.0"), tensorflow=("11.2", "8.0+PTX"), xgboost=("11.0", "8.0+PTX"))
    (problem,) = fit(host("535.54.03", "9.0"), wheels)
    assert problem["what"] == (
        "tensorflow 1.0 and xgboost 1.0 have only PTX for NVIDIA H100 80GB HBM3 (compute capability 9.0)."
    )


def test_a_gpu_that_no_driver_that_new_drives():
    (problem, _too) = fit(host("470.256.02", "3.7"), want("12.1.1"))
    assert problem["cure"] == (
        "No driver that new drives Tesla K80 (compute capability 3.7): the last branch for it is 470."
    )


def test_where_nvml_did_not_answer_the_device_number_tells():
    box = {"kind": "gpu", "driver": {"version": ""}, "gpus": [{"driver": "nvidia", "device": "0x2330", "name": ""}]}
    assert fit(box, want(torch=("11.6", CU116)))[0]["what"] == (
        "torch 1.0 cannot run on GPU 0x2330 (compute capability 9.0)."
    )


@pytest.mark.parametrize("gpu", [{"driver": "nouveau"}, {"driver": "vfio-pci"}, {"driver": "nvidia", "lost": True}])
def test_a_gpu_that_is_not_there_for_us_is_not_asked_about(gpu):
    box = host("535.54.03", "8.0")
    box["gpus"].append({"compute_capability": "3.7", **gpu})
    assert fit(box, OURS_2022) == []


@pytest.mark.parametrize("key", ["version", "nvml", "library"])
def test_the_driver_is_known_from_any_source(key):
    box = {"kind": "gpu", "driver": {"version": "", "nvml": "", "library": "", key: "418.43"}, "gpus": []}
    assert [problem["code"] for problem in fit(box, want(torch=("11.6", CU116)))] == ["driver-too-old"]


# The laws.
DRIVERS = sorted({driver for _release, driver in TOOLKIT_DRIVERS} | {"418.43", "700.1"}, key=numbers)
CAPABILITIES = sorted({target for _release, targets in COMPILER_TARGETS for target in targets}, key=numbers)
drivers = st.sampled_from(DRIVERS)
capabilities = st.sampled_from(CAPABILITIES)
cudas = st.sampled_from(["", *releases()])
held = st.lists(st.builds(lambda one, ptx: one + ptx, capabilities, st.sampled_from(["", "+PTX"])), unique=True)
wheels = st.dictionaries(
    st.sampled_from(["torch", "tensorflow", "xgboost"]),
    st.fixed_dictionaries({"version": st.just("1.0"), "cuda": cudas, "architectures": held}),
)
wants = st.fixed_dictionaries(
    {"stack": st.just("s"), "variant": st.just("v"), "cuda": cudas, "oldest_driver": drivers, "wheels": wheels}
)
boxes = st.lists(capabilities.map(lambda one: {"driver": "nvidia", "name": one, "compute_capability": one}), max_size=3)


def box(driver, gpus):
    return {"kind": "gpu", "driver": {"version": driver}, "gpus": gpus}


@settings(max_examples=60, deadline=None)
@given(drivers, drivers, boxes, wants)
def test_a_newer_driver_never_refuses_more(one, another, gpus, asked):
    old, new = sorted([one, another], key=numbers)
    before, after = fit(box(old, gpus), asked), fit(box(new, gpus), asked)
    assert {problem["code"] for problem in after if problem["severity"] == REFUSE} <= {
        problem["code"] for problem in before if problem["severity"] == REFUSE
    }


@settings(max_examples=60, deadline=None)
@given(drivers, boxes, wants, held)
def test_more_code_never_refuses_more(driver, gpus, asked, more):
    richer = {
        **asked,
        "wheels": {
            name: {**wheel, "architectures": wheel["architectures"] and wheel["architectures"] + more}
            for name, wheel in asked["wheels"].items()
        },
    }
    if refused(fit(box(driver, gpus), richer)):
        assert refused(fit(box(driver, gpus), asked))


@settings(max_examples=60, deadline=None)
@given(drivers, boxes, wants)
def test_without_a_wheel_and_without_a_toolkit_only_the_stacks_own_word_counts(driver, gpus, asked):
    problems = fit(box(driver, gpus), {**asked, "cuda": "", "wheels": {}})
    assert {problem["code"] for problem in problems} <= {"driver-too-old"}
    assert bool(problems) == (numbers(driver) < numbers(asked["oldest_driver"]))


@settings(max_examples=60, deadline=None)
@given(drivers, boxes, wants)
def test_a_second_gpu_of_the_same_kind_changes_nothing(driver, gpus, asked):
    assert refused(fit(box(driver, gpus), asked)) == refused(fit(box(driver, gpus + gpus), asked))


@settings(max_examples=60, deadline=None)
@given(drivers, wants)
def test_a_box_without_a_known_gpu_is_held_against_its_driver_alone(driver, asked):
    for problem in fit(box(driver, []), asked):
        assert problem["code"].startswith("driver-")
