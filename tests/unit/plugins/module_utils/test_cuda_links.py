"""Where /usr/local/cuda leads. The queries were recorded from update-alternatives 1.21.22 (Debian 12)."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _cuda_links

QUERY = """\
Name: cuda
Link: /usr/local/cuda
Status: auto
Best: /usr/local/cuda-12.4
Value: /usr/local/cuda-12.4

Alternative: /usr/local/cuda-11.7
Priority: 117

Alternative: /usr/local/cuda-12.4
Priority: 124
"""
BOTH = {
    "status": "auto",
    "value": "/usr/local/cuda-12.4",
    "entries": {"/usr/local/cuda-11.7": 117, "/usr/local/cuda-12.4": 124},
}
ONE = {"status": "auto", "value": "/usr/local/cuda-11.7", "entries": {"/usr/local/cuda-11.7": 117}}


def seen(alternatives=None, folders=(), uncovered=(), conf=""):
    return {"alternatives": alternatives or {}, "folders": list(folders), "uncovered": list(uncovered), "conf": conf}


def done(alternatives, steps):
    """What --query says after the steps."""
    state = {
        "status": "auto",
        "value": "",
        **alternatives,
        "entries": dict(alternatives.get("entries", {})),
    }
    for step in steps:
        if step["do"] == "install":
            state["entries"][step["path"]] = step["priority"]
        elif step["do"] == "set":
            state["status"], state["value"] = "manual", step["path"]
        elif step["do"] == "auto":
            state["status"] = "auto"
        elif step["do"] == "remove":
            del state["entries"][step["path"]]
    if state["status"] == "auto" and state["entries"]:
        state["value"] = max(state["entries"], key=lambda path: state["entries"][path])
    return state if state["entries"] else {}


def test_a_query_is_read():
    assert _cuda_links.parse_query(QUERY) == BOTH
    assert _cuda_links.parse_query("update-alternatives: error: no alternatives for cuda\n") == {}


#: name: (series wanted, what is seen, whether the packages bring the links, lines)
PLANS = {
    "the packages did it all": (["11.7"], seen(ONE, ["11.7"]), True, []),
    "not installed yet, and they will": (["11.7"], seen(), True, []),
    "not installed yet, and they will not": (
        ["11.7"],
        seen(),
        False,
        [
            "would add /usr/local/cuda-11.7 to the alternatives of /usr/local/cuda",
            "would name CUDA's libraries to the dynamic linker in /etc/ld.so.conf.d/mlinabox-cuda.conf",
        ],
    ),
    "they left none": (
        ["11.7"],
        seen({}, ["11.7"], ["11.7"]),
        True,
        [
            "would add /usr/local/cuda-11.7 to the alternatives of /usr/local/cuda",
            "would name CUDA's libraries to the dynamic linker in /etc/ld.so.conf.d/mlinabox-cuda.conf",
        ],
    ),
    "the first of two is the common one": (
        ["11.7", "12.4"],
        seen(BOTH, ["11.7", "12.4"]),
        True,
        ["would lead /usr/local/cuda to /usr/local/cuda-11.7"],
    ),
    "two that are not installed yet": (
        ["11.7", "12.4"],
        seen(),
        True,
        ["would lead /usr/local/cuda to /usr/local/cuda-11.7"],
    ),
    "the newest is the first": (["12.4", "11.7"], seen(BOTH, ["11.7", "12.4"]), True, []),
    "a person led it elsewhere": (
        ["11.7"],
        seen({**BOTH, "status": "manual"}, ["11.7"]),
        True,
        ["would lead /usr/local/cuda to /usr/local/cuda-11.7"],
    ),
    "the linker is told by others now": (
        ["11.7"],
        seen(ONE, ["11.7"], conf="/usr/local/cuda-11.7/targets/x86_64-linux/lib\n"),
        True,
        ["would remove /etc/ld.so.conf.d/mlinabox-cuda.conf"],
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_only_what_is_left_out_is_done(name):
    wanted, before, brought, lines = PLANS[name]
    steps, note = _cuda_links.plan(wanted, before, {}, brought)
    assert [_cuda_links.describe(step) for step in steps] == lines
    assert set(note) == set(_cuda_links.EMPTY_NOTE)


@pytest.mark.parametrize("name", [name for name in PLANS if PLANS[name][1]["folders"]])
def test_a_second_run_does_nothing_and_the_way_back_ends_where_it_began(name):
    wanted, before, brought, _lines = PLANS[name]
    steps, note = _cuda_links.plan(wanted, before, {}, brought)
    conf = next((step.get("text", "") for step in steps if step["do"] in ("write", "unlink")), before["conf"])
    after = {**before, "alternatives": done(before["alternatives"], steps), "conf": conf}
    assert _cuda_links.plan(wanted, after, note, brought) == ([], note)
    back = _cuda_links.plan_back(after, note)
    assert done(after["alternatives"], back) == before["alternatives"]
    if note["conf"]:
        assert {"do": "unlink"} in back


def test_of_one_major_release_only_the_first_is_named_to_the_linker():
    steps, _note = _cuda_links.plan(["12.1", "12.4", "11.7"], seen({}, [], ["12.1", "12.4", "11.7"]), {}, True)
    (text,) = [step["text"] for step in steps if step["do"] == "write"]
    assert text.splitlines() == [
        "/usr/local/cuda-12.1/targets/x86_64-linux/lib",
        "/usr/local/cuda-11.7/targets/x86_64-linux/lib",
    ]


def test_what_others_changed_meanwhile_stays():
    note = {
        "installed": ["/usr/local/cuda-11.7"],
        "before": {"status": "manual", "value": "/usr/local/cuda-10.2"},
        "conf": True,
    }
    # Somebody let the alternatives decide again, and removed our file.
    assert _cuda_links.plan_back(seen({**ONE, "entries": {}}), note) == []
    # What it was led to before is gone.
    gone = seen({"status": "manual", "value": "/usr/local/cuda-11.7", "entries": {"/usr/local/cuda-11.7": 117}})
    assert [step["do"] for step in _cuda_links.plan_back(gone, note)] == ["auto", "remove"]


def test_priorities_are_nvidias():
    assert [_cuda_links.priority(series) for series in ("9.2", "11.7", "12.8", "13.0")] == [92, 117, 128, 130]


def test_each_step_has_its_command():
    steps, _note = _cuda_links.plan(["11.7"], seen({}, ["11.7"], ["11.7"]), {}, True)
    assert [_cuda_links.command(step) for step in [*steps, {"do": "auto"}]] == [
        ["--install", "/usr/local/cuda", "cuda", "/usr/local/cuda-11.7", "117"],
        None,
        ["--auto", "cuda"],
    ]
