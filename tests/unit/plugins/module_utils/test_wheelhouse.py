"""A wheelhouse on the host: what its files are by their names, what lacks, what is damaged, what source builds get."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin
from ansible_collections.mlinabox.core.plugins.module_utils._wheelhouse import Wheelhouse, WheelhouseError, read_name


def hash_of(text):
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def pin_of(name, version, content="right", **more):
    return Pin(name, version, (hash_of(content),), **more)


BUILD = (
    "# mlinabox lock: stack=made\n"
    f"setuptools==65.5.0 \\\n    --hash={hash_of('right')} \\\n    --hash={hash_of('other')}\n    # via -r build.in\n"
    f"wheel[extra]==0.37.1 --hash={hash_of('right')}\n"
    f"tomli==2.0.1 ; python_version < '3.11' \\\n    --hash={hash_of('right')}\n"
)


@pytest.fixture
def house(tmp_path):
    """Makes a wheelhouse of files, {name: content} (returns the Wheelhouse)."""

    def make(*names, **contents):
        folder = tmp_path / "a house, with files"
        folder.mkdir()
        for name in names:
            (folder / name).write_text(contents.get("content", "right"))
        return Wheelhouse(str(folder))

    return make


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("Some_Thing-1.0-py3-none-any.whl", ("some-thing", "1.0")),
        ("torch-1.12.1+cu116-cp39-cp39-linux_x86_64.whl", ("torch", "1.12.1+cu116")),
        ("thing-1.0+ab_1-2-py3-none-any.whl", ("thing", "1.0+ab.1")),
        ("zope.interface-5.0.tar.gz", ("zope-interface", "5.0")),
        ("some-thing-1.0rc1.zip", ("some-thing", "1.0rc1")),
        ("thing-1.0.tar.bz2", ("thing", "1.0")),
        ("thing.whl", None),
        ("thing.tar.gz", None),
        ("SHA256SUMS", None),
        ("wheelhouse.json", None),
        (".part-thing-1.0-py3-none-any.whl", None),
    ],
)
def test_what_a_name_says(file, said):
    assert read_name(file) == said


@pytest.mark.parametrize(
    ("files", "pins", "constraints", "lacks"),
    [
        (["one-1.0-py3-none-any.whl"], [pin_of("one", "1.0")], "", None),
        (["one-1.0.0.tar.gz"], [pin_of("one", "1.0")], "", None),
        (
            ["one-1.1-py3-none-any.whl"],
            [pin_of("one", "1.0")],
            "",
            "lacks 1 of the 1 files that the lock needs: one==1.0",
        ),
        (["one-1.0+cpu-py3-none-any.whl"], [pin_of("one", "1.0")], "", "one==1.0"),
        (["one-1.0+cpu-py3-none-any.whl"], [pin_of("one", "1.0+cpu")], "", None),
        (
            [],
            [pin_of("two", "2"), pin_of("one", "1.0")],
            "",
            "lacks 2 of the 2 files that the lock needs: one==1.0, two==2",
        ),
        # A wheel that was built on this host lies elsewhere.
        ([], [pin_of("one", "1.0", url="file:///opt/built/one-1.0-py3-none-any.whl")], "", None),
        (["one-1.0.tar.gz"], [pin_of("one", "1.0")], BUILD, "lacks 2 of the 3 files that the lock needs: setuptools=="),
        (
            ["one-1.0.tar.gz", "setuptools-65.5.0-py3-none-any.whl", "wheel-0.37.1-py3-none-any.whl"],
            [pin_of("one", "1.0")],
            BUILD,
            None,
        ),
        ([], [pin_of(f"p{number}", "1") for number in range(30)], "", "p17==1, p18==1 and 20 more. "),
    ],
)
def test_what_lacks_is_named(house, files, pins, constraints, lacks):
    made = house(*files)
    if lacks is None:
        made.require(pins, constraints)
        return
    with pytest.raises(WheelhouseError) as error:
        made.require(pins, constraints)
    assert lacks in str(error.value) and made.path in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("files", "content", "pins", "constraints", "named"),
    [
        (["one-1.0-py3-none-any.whl"], "right", [pin_of("one", "1.0")], "", ""),
        (
            ["one-1.0-py3-none-any.whl"],
            "wrong",
            [pin_of("one", "1.0")],
            "",
            "one-1.0-py3-none-any.whl: has another content",
        ),
        (["setuptools-65.5.0-py3-none-any.whl"], "wrong", [], BUILD, "setuptools-65.5.0-py3-none-any.whl: has another"),
        (["setuptools-65.5.0-py3-none-any.whl"], "other", [], BUILD, ""),
        # What no pin is about is of no interest.
        (["two-1.0-py3-none-any.whl"], "wrong", [pin_of("one", "1.0")], "", ""),
    ],
)
def test_what_is_damaged_is_named(house, files, content, pins, constraints, named):
    said = house(*files, content=content).explain(pins, constraints)
    assert said == "" if not named else named in said and "Remove it" in said


def test_a_wrong_file_beside_the_right_one_does_no_harm(house):
    made = house("one-1.0-py3-none-any.whl", "one-1.0.tar.gz")
    with open(os.path.join(made.path, "one-1.0.tar.gz"), "w", encoding="utf-8") as stream:
        stream.write("another host's")
    assert made.explain([pin_of("one", "1.0")]) == ""


def test_addresses_and_indexes_become_names(house):
    made = house()
    local = pin_of("three", "3", url="file:///opt/three-3-py3-none-any.whl")
    pins = [
        pin_of("one", "1.0+cpu", url="https://files.example.org/one-1.0%2Bcpu-py3-none-any.whl", source="lock.txt:1"),
        pin_of("two", "2", index="https://mirror.example.org/simple"),
        local,
    ]
    assert made.pins(pins) == [pin_of("one", "1.0+cpu", source="lock.txt:1"), pin_of("two", "2"), local]


def test_uv_takes_a_path_with_a_comma(house):
    assert house().arguments()[:2] == ["--no-index", "--find-links"]
    assert house.__name__ and Wheelhouse("/").arguments("/a b,c")[2] == "file:///a%20b%2Cc"


def test_source_builds_get_what_they_need_and_no_more(house, tmp_path):
    names = [
        "one-1.0.tar.gz",
        "setuptools-65.5.0-py3-none-any.whl",
        "tomli-2.0.1-py3-none-any.whl",
        "two-2-py3-none-any.whl",
    ]
    made = house(*names)
    for name in names:
        os.chmod(os.path.join(made.path, name), 0o600)
    made.lend(str(tmp_path / "lent"), [pin_of("one", "1.0")], BUILD)
    assert sorted(os.listdir(tmp_path / "lent")) == names[:3]
    assert {os.stat(tmp_path / "lent" / name).st_mode & 0o777 for name in names[:3]} == {0o644}


def test_no_directory():
    with pytest.raises(WheelhouseError, match="/srv/nowhere: No such file or directory on this host"):
        Wheelhouse("/srv/nowhere")
