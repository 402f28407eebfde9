"""dpkg's status file: what is installed, and what may go again."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _dpkg


def paragraph(name, status="install ok installed", version="1.0", **fields):
    lines = [f"Package: {name}", f"Status: {status}", f"Version: {version}", "Description: x", " Depends: not a field"]
    return "\n".join(lines + [f"{key.replace('_', '-')}: {value}" for key, value in fields.items()])


def status(*paragraphs):
    return _dpkg.parse_status("\n\n".join(paragraphs) + "\n")


@pytest.mark.parametrize(
    ("state", "there"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("deinstall ok config-files", False),
        ("install ok half-configured", False),
        ("install reinstreq half-installed", False),
    ],
)
def test_only_what_is_installed_counts(state, there):
    assert ("jq" in status(paragraph("jq", state))) is there


@pytest.mark.parametrize(
    ("spec", "satisfied"),
    [
        ("jq", True),
        ("jq:amd64", True),
        ("jq=1.6-2", True),
        ("jq=1.6*", True),
        ("jq=1.7*", False),
        ("yq", False),
        ("awk", True),
        # A version of a virtual package says nothing about the package that provides it.
        ("awk=1.0", False),
    ],
)
def test_is_satisfied(spec, satisfied):
    installed = status(paragraph("jq", version="1.6-2"), paragraph("mawk", Provides="awk (= 1.0), posix-awk"))
    assert _dpkg.is_satisfied(spec, installed) is satisfied


@pytest.mark.parametrize("spec", ["-o", "jq-", "a b", "", "JQ", "jq=", "*"])
def test_what_is_no_package(spec):
    with pytest.raises(ValueError, match="is no package"):
        _dpkg.parse_spec(spec)


def test_the_names_of_real_packages_are_packages():
    for name in ("g++", "libstdc++6", "python3.9", "0ad", "libglib2.0-0"):
        assert _dpkg.parse_spec(name) == (name, None)


def test_relations():
    text = "libc6 (>= 2.34), debconf (>= 0.5) | debconf-2.0, perl:any, foo [amd64]"
    assert _dpkg.parse_relation(text) == [["libc6"], ["debconf", "debconf-2.0"], ["perl"], ["foo"]]
    assert _dpkg.parse_relation("") == []


@pytest.mark.parametrize(
    ("candidates", "paragraphs", "expected"),
    [
        pytest.param(["a"], [paragraph("a")], ["a"], id="nobody needs it"),
        pytest.param(["a"], [], [], id="it is gone already"),
        pytest.param(["a"], [paragraph("a"), paragraph("b", Depends="a (>= 1)")], [], id="another needs it"),
        pytest.param(["a", "b"], [paragraph("a"), paragraph("b", Depends="a")], ["a", "b"], id="who needs it goes too"),
        pytest.param(
            ["a"],
            [paragraph("a"), paragraph("c"), paragraph("b", Depends="a | c")],
            ["a"],
            id="another alternative stays",
        ),
        pytest.param(
            ["a"], [paragraph("a", Provides="v"), paragraph("b", Depends="v")], [], id="another needs what it provides"
        ),
        pytest.param(
            ["lib", "tool"],
            [paragraph("lib"), paragraph("tool", Depends="lib"), paragraph("theirs", Pre_Depends="tool")],
            [],
            id="kept through a chain",
        ),
        pytest.param(["a"], [paragraph("a", Essential="yes")], [], id="essential"),
        pytest.param(["a"], [paragraph("a", Protected="yes")], [], id="protected"),
        pytest.param(["a"], [paragraph("a", Priority="required")], [], id="required"),
        pytest.param(["a"], [paragraph("a"), paragraph("b", Depends="gone")], ["a"], id="what is broken already"),
    ],
)
def test_what_may_go(candidates, paragraphs, expected):
    assert _dpkg.removable(candidates, status(*paragraphs)) == expected
