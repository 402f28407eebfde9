"""Which GPU runs what a wheel holds: NVIDIA's own examples, and the laws behind them."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_tables import COMPILER_TARGETS, numbers
from ansible_collections.mlinabox.core.plugins.module_utils._gpu_targets import MACHINE, NONE, PTX, parse, runs, spelled
from hypothesis import given, settings
from hypothesis import strategies as st

CAPABILITIES = sorted({target for _release, targets in COMPILER_TARGETS for target in targets}, key=numbers)
capabilities = st.sampled_from(CAPABILITIES)
entries = st.builds(lambda made_for, ptx: made_for + ptx, capabilities, st.sampled_from(["", "+PTX"]))


@pytest.mark.parametrize(
    ("held", "gpu", "way"),
    [
        # NVIDIA's compatibility guides for Ampere and Ada.
        ("7.0", "7.5", MACHINE),
        ("7.5", "7.0", NONE),
        ("7.0", "8.0", NONE),
        ("8.6", "8.9", MACHINE),
        ("8.9", "8.6", NONE),
        ("8.6", "9.0", NONE),
        # The same for the fleet.
        ("8.0", "8.6", MACHINE),
        ("8.6", "8.0", NONE),
        ("5.0", "5.2", MACHINE),
        ("6.0", "6.1", MACHINE),
        ("5.2", "5.0", NONE),
        # A100 and H100 with the torch 1.12.1 of PyPI, and with that of cu116.
        ("3.7 5.0 6.0 7.0", "8.0", NONE),
        ("3.7 5.0 6.0 7.0", "7.5", MACHINE),
        ("3.7 5.0 6.0 7.0 7.5 8.0 8.6", "8.0", MACHINE),
        ("3.7 5.0 6.0 7.0 7.5 8.0 8.6", "8.9", MACHINE),
        ("3.7 5.0 6.0 7.0 7.5 8.0 8.6", "9.0", NONE),
        # PTX goes upwards only.
        ("8.0+PTX", "9.0", PTX),
        ("8.0+PTX", "8.0", PTX),
        ("8.0+PTX", "7.5", NONE),
        ("8.0 8.0+PTX", "8.6", MACHINE),
        ("9.0", "10.0", NONE),
        ("10.0", "10.3", MACHINE),
        ("12.0", "12.1", MACHINE),
        # For one GPU alone, and for a family.
        ("9.0a", "9.0", MACHINE),
        ("10.0a", "10.3", NONE),
        ("10.0f", "10.3", MACHINE),
        ("9.0a+PTX", "10.0", NONE),
        ("9.0a+PTX", "9.0", PTX),
        # Systems on a chip.
        ("7.2", "7.5", NONE),
        ("8.7", "8.9", NONE),
        ("8.0", "8.7", NONE),
        ("8.7", "8.7", MACHINE),
        ("8.7+PTX", "8.9", PTX),
        ("", "8.0", NONE),
    ],
)
def test_the_rules(held, gpu, way):
    assert runs(held.split(), gpu) == way


@settings(max_examples=60, deadline=None)
@given(st.lists(entries), st.lists(entries), capabilities)
def test_more_code_never_takes_a_gpu_away(some, more, gpu):
    order = [NONE, PTX, MACHINE]
    assert order.index(runs(some + more, gpu)) >= order.index(runs(some, gpu))


@settings(max_examples=60, deadline=None)
@given(entries, capabilities)
def test_nothing_runs_on_a_gpu_before_it(entry, gpu):
    if numbers(gpu) < numbers(parse(entry)[0]):
        assert runs([entry], gpu) == NONE


@settings(max_examples=60, deadline=None)
@given(capabilities, capabilities)
def test_machine_code_stays_within_its_major_version(made_for, gpu):
    if made_for.split(".")[0] != gpu.split(".")[0]:
        assert runs([made_for], gpu) == NONE


@settings(max_examples=60, deadline=None)
@given(capabilities)
def test_each_gpu_runs_its_own(gpu):
    assert runs([gpu], gpu) == MACHINE
    assert runs([gpu + "+PTX"], gpu) == PTX


@pytest.mark.parametrize("entry", ["8", "sm_80", "8.0+ptx", "8.0b", "", " 8.0"])
def test_another_spelling_is_refused(entry):
    with pytest.raises(ValueError, match=r"is no architecture; write 8\.0"):
        parse(entry)


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (["3.7", "5.0", "8.6"], "machine code for 3.7, 5.0 and 8.6 and no PTX"),
        (["8.0", "8.0+PTX"], "machine code for 8.0 and PTX for 8.0"),
        (["8.0+PTX", "9.0+PTX"], "no machine code and PTX for 8.0 and 9.0"),
    ],
)
def test_in_words(held, text):
    assert spelled(held) == text
