"""Stacks: found, chosen for a host, and told what is wrong with them in one line."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from ansible_collections.mlinabox.core.plugins.plugin_utils import _stack

SHIPPED = Path(__file__).resolve().parents[4] / "stacks"
VALID = {
    "name": "demo",
    "title": "A demonstration",
    "published": "2022-10-20",
    "python": {"version": "3.9", "published": "3.9.14"},
    "releases": [
        {"distribution": "Ubuntu", "version": "20.04"},
        {"distribution": "Debian", "version": "11", "system_packages": ["libgl1-mesa-glx"]},
    ],
    "system_packages": ["libgl1"],
    "environments": {"stack": {"requirements": "requirements.in", "variants": {"cpu": "locks/cpu.txt"}, "space": 10}},
    "packages": [
        {"name": "NumPy", "distribution": "numpy", "version": "1.23.2", "environment": "stack", "check": "numpy"}
    ],
}


def changed(path, value=None):
    """Return VALID with the field at `path` set to `value`, or removed when that is None."""
    data = copy.deepcopy(VALID)
    at = data
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return data


def write(base, data, name=None):
    folder = base / (name or data["name"])
    folder.mkdir(parents=True)
    (folder / "stack.yml").write_text(yaml.safe_dump(data))
    return str(folder)


@pytest.fixture
def stacks(tmp_path):
    later = copy.deepcopy(VALID)
    later.update(name="later", releases=[{"distribution": "Debian", "version": "12"}])
    write(tmp_path, VALID)
    write(tmp_path, later)
    (tmp_path / "smoke").mkdir()
    return [str(tmp_path / "none"), str(tmp_path)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "the file: must be a map"),
        (changed(["name"]), "name: is missing"),
        (changed(["name"], "other"), "name: is 'other', its folder is called 'demo'"),
        (changed(["published"], "October 2022"), "published: 'October 2022' is no date"),
        (changed(["python", "version"], 3.9), r"python\.version: must be a text \(quote it\), is 3\.9"),
        (changed(["sytem_packages"], []), "sytem_packages: is no field of a stack; did you mean system_packages"),
        (changed(["system_packages"], [1]), "system_packages: 1 must be a text"),
        (changed(["releases", 0, "cudnn"], 8.5), r"releases\[0\]\.cudnn: must be a text or a list of texts, is 8\.5"),
        (changed(["releases", 0, "cudnn"], [8.5]), r"releases\[0\]\.cudnn: 8\.5 must be a text"),
        (changed(["releases", 1, "version"], 11), r"releases\[1\]\.version: must be a text"),
        (changed(["environments"], {}), "environments: has no `stack`"),
        (changed(["environments", "stack", "space"], True), r"environments\.stack\.space: must be a whole number"),
        (changed(["environments", "stack", "variants"], {}), r"environments\.stack\.variants: is empty"),
        (changed(["environments", "stack", "variants", "cpu"], 1), r"variants\.cpu: must be the path of a lock"),
        (changed(["packages", 0, "environment"], "no"), r"packages\[0\] \(NumPy\)\.environment: 'no' is none of"),
        (changed(["packages", 0, "expected"], "maybe"), "expected: 'maybe' is neither works nor fails"),
        (changed(["packages", 0, "expected"], "fails"), r"packages\[0\] \(NumPy\)\.reason: is missing"),
        (changed(["packages", 0, "expected"], {"cpu": "fails"}), "reason: is missing"),
        (changed(["waivers"], [{"distribution": "x"}]), r"waivers\[0\]\.reason: is missing"),
    ],
)
def test_an_invalid_stack_names_the_field(data, message):
    with pytest.raises(ValueError, match=message) as caught:
        _stack.validate(data, "demo")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("distribution", "version", "expected"),
    [
        ("Ubuntu", "20.04", "demo"),
        ("Debian", "11", "demo"),
        ("Debian", "11.11", "demo"),
        ("Debian", "12.11", "later"),
    ],
)
def test_auto_takes_the_release(stacks, distribution, version, expected):
    stack, warnings = _stack.choose("auto", distribution, version, stacks)
    assert stack["name"] == expected
    assert stack["release"]["distribution"] == distribution
    assert warnings == []


@pytest.mark.parametrize(
    ("distribution", "version"),
    [("Debian", "13"), ("Debian", "1"), ("Debian", "119"), ("Ubuntu", "20.10"), ("Fedora", "11")],
)
def test_auto_refuses_other_releases(stacks, distribution, version):
    with pytest.raises(
        ValueError, match=f"No stack is made for {distribution} {version}: demo is for Ubuntu 20.04 and Debian 11"
    ):
        _stack.choose("auto", distribution, version, stacks)


def test_a_release_has_its_own_system_packages(stacks):
    assert _stack.choose("demo", "Debian", "11", stacks)[0]["system_packages"] == ["libgl1-mesa-glx"]
    assert _stack.choose("demo", "Ubuntu", "20.04", stacks)[0]["system_packages"] == ["libgl1"]


def test_a_stack_for_another_release_is_a_warning(stacks):
    stack, warnings = _stack.choose("demo", "Debian", "13", stacks)
    assert stack["release"] == {}
    assert len(warnings) == 1
    assert "this host is Debian 13" in warnings[0]


def test_a_stack_by_its_folder(stacks, tmp_path):
    assert _stack.choose(str(tmp_path / "later"), "Debian", "12", [])[0]["name"] == "later"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("demmo", r"no stack called 'demmo'\. Did you mean demo\? There are: demo, later\."),
        ("smoke", r"no stack called 'smoke'"),
        ("/nowhere", "stack_name: /nowhere is no stack"),
    ],
)
def test_an_unknown_stack(stacks, name, message):
    with pytest.raises(ValueError, match=message):
        _stack.choose(name, "Debian", "12", stacks)


def test_no_stack_at_all(tmp_path):
    with pytest.raises(ValueError, match="No stack lies in"):
        _stack.choose("auto", "Debian", "12", [str(tmp_path)])


@pytest.mark.parametrize(
    ("text", "message"),
    [("name: [\n", r"stack\.yml:2 is not valid YAML"), ("", r"stack\.yml is no valid stack: the file: must be a map")],
)
def test_a_damaged_file_is_named(tmp_path, text, message):
    (tmp_path / "stack.yml").write_text(text)
    with pytest.raises(ValueError, match=message):
        _stack.read_stack(str(tmp_path))


def test_the_first_folder_wins(stacks, tmp_path):
    mine = write(tmp_path / "mine", VALID)
    assert _stack.stack_folders([str(tmp_path / "mine"), *stacks])["demo"] == mine


def test_missing_files(tmp_path):
    stack = _stack.read_stack(write(tmp_path, VALID))
    assert _stack.missing_files(stack) == [
        "environments.stack.requirements: requirements.in",
        "environments.stack.variants.cpu: locks/cpu.txt",
    ]


@pytest.mark.parametrize("name", sorted(_stack.stack_folders([str(SHIPPED)])))
def test_the_shipped_stacks_are_whole(name):
    stack = _stack.read_stack(str(SHIPPED / name))
    assert _stack.missing_files(stack) == []
    for package in stack["packages"]:
        assert (Path(stack["smoke_dir"]) / f"{package['check']}.py").is_file(), package["name"]
