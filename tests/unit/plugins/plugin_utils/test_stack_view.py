"""A stack's environments, and those of a person's own behind them."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.plugin_utils._stack_view import choose_variant, environments, with_own

STACK = {
    "name": "demo",
    "dir": "/stacks/demo",
    "smoke_dir": "/stacks/smoke",
    "commands": ["ipython"],
    "environments": {
        "stack": {"variants": {"cpu": "locks/cpu.txt", "cuda": "locks/cuda.txt"}, "build": "locks/build.txt"},
        "tool": {"variants": {"cpu": "locks/tool.txt"}, "commands": ["tool"]},
    },
}


@pytest.mark.parametrize(
    ("asked", "kind", "variant"),
    [("auto", "gpu", "cuda"), ("auto", "cpu", "cpu"), ("cpu", "gpu", "cpu"), ("cuda", "cpu", "cuda")],
)
def test_the_variant(asked, kind, variant):
    assert choose_variant(STACK, asked, kind) == variant


def test_a_variant_that_is_not_there():
    with pytest.raises(ValueError, match="no variant 'rocm'; it has cpu, cuda"):
        choose_variant(STACK, "rocm", "gpu")


@pytest.mark.parametrize(("variant", "names"), [("cpu", ["stack", "tool"]), ("cuda", ["stack"])])
def test_the_environments_of_a_variant(variant, names):
    found = environments(STACK, variant)
    assert [one["name"] for one in found] == names
    assert found[0]["lock"] == f"/stacks/demo/locks/{variant}.txt"
    assert found[0]["commands"] == ["python", "pip", "ipython"]


def test_environments_of_ones_own_come_behind_whole():
    own = [{"name": "mine", "lock": "mine.txt", "commands": None, "python": "/usr/bin/python3.12"}]
    found = with_own(environments(STACK, "cpu"), own, "/usr/bin/python3")
    assert [(one["name"], one["python"]) for one in found] == [
        ("stack", "/usr/bin/python3"),
        ("tool", "/usr/bin/python3"),
        ("mine", "/usr/bin/python3.12"),
    ]
    assert len({frozenset(one) for one in found}) == 1
    assert found[2]["commands"] == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["tool"], "'tool' is the stack's"),
        (["mine", "mine"], "'mine' is already another's"),
        (["jupyterlab"], "'jupyterlab' is the notebook server's"),
    ],
)
def test_a_name_that_is_taken(names, message):
    with pytest.raises(ValueError, match=message):
        with_own(environments(STACK, "cpu"), [{"name": name, "lock": "x"} for name in names], "")
