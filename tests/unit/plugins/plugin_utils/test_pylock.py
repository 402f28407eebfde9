"""Locks as PEP 751's pylock.toml: what is read, what is refused and in which words."""

from __future__ import annotations

import json

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils._pins import Pin
from ansible_collections.mlinabox.core.plugins.plugin_utils import _pylock
from ansible_collections.mlinabox.core.plugins.plugin_utils._lock_file import Host, LockFileError, marker_environment
from ansible_collections.mlinabox.core.plugins.plugin_utils._locks import parse_lock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

A, B, C = "a" * 64, "b" * 64, "c" * 64
MAIN, OTHER = "https://index.example.org/simple", "https://other.example.org/simple"
HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'
DEBIAN12 = Host(marker_environment("3.11.2"), (2, 36))
UBUNTU2004 = Host(marker_environment("3.9.14"), (2, 31))


def host(base=DEBIAN12, **asked):
    return Host(base.markers, base.glibc, **asked)


def wheel(name, version, tags="py3-none-any", digest=A):
    return f'{{ url = "https://f.example.org/{name}-{version}-{tags}.whl", hashes = {{ sha256 = "{digest}" }} }}'


def package(name, version="1.0", more="", **of_wheel):
    """One table (str) of a lock with one wheel."""
    return (
        f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{more}wheels = [{wheel(name, version, **of_wheel)}]\n'
    )


def test_what_counts_on_a_host():
    lock = parse_lock(
        "# mlinabox lock: stack=mine python=3.11\n"
        + HEAD
        + 'extras = ["table"]\ndependency-groups = ["dev", "docs"]\ndefault-groups = ["dev"]\n'
        + package("six")
        + package("win", more="marker = \"sys_platform == 'win32'\"\n")
        + package("tabulate", more="marker = \"'table' in extras\"\n")
        + package("pytest", more="marker = \"'dev' in dependency_groups\"\n")
        + package("sphinx", more="marker = \"'docs' in dependency_groups\"\n"),
        "/etc/pylock.toml",
    )
    assert lock.header["python"] == "3.11"
    assert lock.names == {"six", "win", "tabulate", "pytest", "sphinx"}

    def names(**asked):
        return [pin.name for pin in lock.narrow(host(**asked))]

    assert names() == ["pytest", "six"]
    assert names(extras=("table",)) == ["pytest", "six", "tabulate"]
    assert names(groups=("docs",)) == ["six", "sphinx"]
    assert names(groups=()) == ["six"]


def test_a_pin_has_all_hashes_and_no_address_of_the_index():
    text = (
        f'{HEAD}[[packages]]\nname = "foo-bar"\nversion = "2.0"\nindex = "{MAIN}"\n'
        f"wheels = [{wheel('foo_bar', '2.0', 'cp39-cp39-win_amd64', B)}, {wheel('foo_bar', '2.0')}]\n"
        f'sdist = {{ url = "https://f.example.org/foo_bar-2.0.tar.gz", hashes = {{ sha256 = "{C}", md5 = "0" }} }}\n'
        f'[[packages]]\nname = "torch"\n[packages.archive]\nurl = '
        f'"https://f.example.org/torch-1.12.1%2Bcu116-cp39-cp39-any.whl"\n'
        f'hashes = {{ sha256 = "{A}" }}\n'
        f'[[packages]]\nname = "src"\n[packages.archive]\nurl = "https://f.example.org/src-3.tar.gz"\n'
        f'subdirectory = "python"\nhashes = {{ sha256 = "{A}" }}\n'
    )
    assert parse_lock(text, "pylock.toml").narrow(DEBIAN12) == [
        Pin("foo-bar", "2.0", tuple(f"sha256:{digest}" for digest in (A, B, C)), "", "pylock.toml:3"),
        Pin("src", "3", (f"sha256:{A}",), "https://f.example.org/src-3.tar.gz#subdirectory=python", "pylock.toml:14"),
        Pin(
            "torch",
            "1.12.1+cu116",
            (f"sha256:{A}",),
            "https://f.example.org/torch-1.12.1%2Bcu116-cp39-cp39-any.whl",
            "pylock.toml:9",
        ),
    ]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ([MAIN, MAIN, OTHER], ["", "", OTHER]),
        ([MAIN + "/", MAIN, OTHER], ["", "", OTHER]),
        (["", "", OTHER], ["", "", OTHER]),
        ([MAIN], [""]),
        # A tie: none stands for the default.
        ([MAIN, OTHER], [MAIN, OTHER]),
        (["", OTHER], ["", OTHER]),
    ],
)
def test_the_index_of_most_packages_stands_for_the_default(named, expected):
    tables = [package(f"p{n}", more=f'index = "{index}"\n' if index else "") for n, index in enumerate(named)]
    assert [pin.index for pin in parse_lock(HEAD + "".join(tables), "pylock.toml").narrow(DEBIAN12)] == expected


SIX = package("six")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lock-version = 1.0 1\n", "pylock.toml:1: no valid TOML: "),
        (HEAD + 'x = "\n', "pylock.toml:3: no valid TOML: "),
        (HEAD + "[[packages]\n", "pylock.toml:3: no valid TOML: "),
        ("", "pylock.toml:1: lock-version None is not known, 1.0 is"),
        ('created-by = "x"\nlock-version = "2.0"\n' + SIX, "pylock.toml:2: lock-version '2.0' is not known, 1.0 is"),
        ('lock-version = "1.0"\n' + SIX, "pylock.toml:1: created-by: Missing required value"),
        (HEAD, "pylock.toml:1: packages: Missing required value"),
        (HEAD + "packages = []\n", "pylock.toml:1: the lock names no package"),
        (
            HEAD
            + SIX
            + '[[packages]]\nname = "a"\nversion = "1"\nwheels = [{ url = "https://e.org/a-1-py3-none-any.whl" }]\n',
            "pylock.toml:7: a: https://e.org/a-1-py3-none-any.whl has no hash",
        ),
        (
            HEAD + SIX.replace("sha256", "md5"),
            "pylock.toml:3: six: https://f.example.org/six-1.0-py3-none-any.whl has no sha256",
        ),
        (HEAD + SIX.replace(A, "12"), "'12' is no sha256"),
        (HEAD + SIX.replace('version = "1.0"\n', ""), "pylock.toml:3: six: no version"),
        (HEAD + SIX.replace('"1.0"', '"one"'), "pylock.toml:3: six: version: Invalid version: 'one'"),
        (HEAD + SIX.replace('"six"', '"Six"'), "pylock.toml:3: Six: name: Name 'Six' is not normalized"),
        (HEAD + SIX.replace("name =", "nom ="), "pylock.toml:3: a package without name: name: Missing required value"),
        (HEAD + SIX + 'marker = "nonsense"\n', "pylock.toml:3: six: marker: "),
        (HEAD + 'requires-python = "three"\n' + SIX, "pylock.toml:3: requires-python: "),
    ],
)
def test_refused_as_such(text, message):
    with pytest.raises(LockFileError) as error:
        parse_lock(text, "pylock.toml")
    assert str(error.value).startswith(message) or message in str(error.value)
    assert str(error.value).startswith("pylock.toml:")
    assert "\n" not in str(error.value)


VCS = '[[packages]]\nname = "{0}"\nvcs = {{ type = "git", url = "https://e.org/x.git", commit-id = "1" }}\n'


@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        (
            'requires-python = ">=3.12"\n' + SIX,
            {},
            "pylock.toml:3: the lock is for Python >=3.12, this host is Python 3.11.2 on linux x86_64, glibc 2.36. "
            "Name an",
        ),
        (
            "environments = [\n  \"sys_platform == 'win32'\",\n  \"python_version < '3.9'\",\n]\n" + SIX,
            {},
            'pylock.toml:3: the lock is for sys_platform == "win32" or python_version < "3.9", this host is Python '
            "3.11.2",
        ),
        ("environments = [\"python_version ~= 'x'\"]\n" + SIX, {}, "pylock.toml:3: a marker cannot be told: "),
        (SIX + package("six", "2.0"), {}, "pylock.toml:7: six: counts for this host"),
        (SIX + package("six", "2.0"), {}, "and so does pylock.toml:3. Leave one"),
        (
            SIX + package("np", tags="cp312-cp312-manylinux_2_17_x86_64"),
            {},
            "pylock.toml:7: np: no wheel of the lock is for this host (Python 3.11.2 on linux x86_64, glibc 2.36), "
            "and it has "
            "no source. They are for cp312-cp312-manylinux_2_17_x86_64",
        ),
        (package("np", tags="cp311-cp311-manylinux_2_39_x86_64"), {}, "They are for cp311-cp311-manylinux_2_39_x86_64"),
        (
            package("np", more='requires-python = ">=3.12"\n'),
            {},
            "pylock.toml:3: np: is for Python >=3.12, this host is Python",
        ),
        (
            package("np", more="marker = \"sys_platform == 'win32'\"\n"),
            {},
            "pylock.toml:1: no package of this lock is for this",
        ),
        (SIX, {"extras": ("table",)}, "pylock.toml:1: the lock was made without the extra table; it has none"),
        (
            'extras = ["table"]\n' + SIX,
            {"extras": ("tables",)},
            "pylock.toml:3: the lock was made without the extra tables; it has table. Make it anew",
        ),
        (
            'dependency-groups = ["dev"]\n' + SIX,
            {"groups": ("docs",)},
            "pylock.toml:3: the lock was made without the dependency group docs; it has dev",
        ),
        (
            SIX + VCS.format("x"),
            {},
            "pylock.toml:7: x: what a version control system serves cannot be hashed. Build a wheel",
        ),
        (
            '[[packages]]\nname = "x"\ndirectory = { path = ".", editable = true }\n',
            {},
            "pylock.toml:3: x: what lies in a directory (.) cannot be hashed. Leave the project itself out",
        ),
        (
            f'[[packages]]\nname = "x"\narchive = {{ path = "dist/x-1.tar.gz", hashes = {{ sha256 = "{A}" }} }}\n',
            {},
            "pylock.toml:3: x: its archive dist/x-1.tar.gz is no address",
        ),
    ],
)
def test_refused_for_a_host(text, asked, message):
    lock = parse_lock(HEAD + text, "pylock.toml")
    with pytest.raises(LockFileError) as error:
        lock.narrow(host(**asked))
    assert message in str(error.value)
    assert str(error.value).startswith("pylock.toml:")
    assert "\n" not in str(error.value)


def test_what_cannot_be_hashed_is_no_matter_where_it_does_not_count():
    text = HEAD + SIX + VCS.format("x") + "marker = \"sys_platform == 'win32'\"\n"
    assert [pin.name for pin in parse_lock(text, "pylock.toml").narrow(DEBIAN12)] == ["six"]


@pytest.mark.parametrize(
    ("tags", "base", "fits"),
    [
        ("cp39-cp39-manylinux2014_x86_64", UBUNTU2004, True),
        ("cp39-cp39-manylinux1_x86_64", UBUNTU2004, True),
        ("cp39-cp39-manylinux_2_31_x86_64", UBUNTU2004, True),
        ("cp39-cp39-manylinux_2_32_x86_64", UBUNTU2004, False),
        ("cp39-cp39-linux_x86_64", UBUNTU2004, True),
        ("cp38-abi3-manylinux_2_17_x86_64", UBUNTU2004, True),
        ("cp310-abi3-manylinux_2_17_x86_64", UBUNTU2004, False),
        ("cp39-cp39-manylinux_2_17_aarch64", UBUNTU2004, False),
        ("cp39-cp39-musllinux_1_2_x86_64", UBUNTU2004, False),
        ("py2.py3-none-any", UBUNTU2004, True),
        ("py3-none-manylinux_2_5_x86_64", UBUNTU2004, True),
        ("cp313-cp313t-manylinux_2_17_x86_64", Host(marker_environment("3.13.1"), (2, 36), "t"), True),
        ("cp313-cp313-manylinux_2_17_x86_64", Host(marker_environment("3.13.1"), (2, 36), "t"), False),
        # Nobody could ask the host: uv will tell.
        ("cp39-cp39-manylinux_2_39_x86_64", Host(marker_environment("3.9")), True),
        ("cp310-cp310-manylinux_2_39_x86_64", Host(marker_environment("3.9")), False),
    ],
)
def test_wheels_for_a_host(tags, base, fits):
    lock = parse_lock(HEAD + package("np", tags=tags), "pylock.toml")
    try:
        assert [pin.name for pin in lock.narrow(base)] == ["np"]
    except LockFileError:
        assert not fits
    else:
        assert fits


def test_an_older_packaging_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(_pylock, "PYLOCK_IMPORT_ERROR", ImportError("No module named 'packaging.pylock'"))
    with pytest.raises(
        LockFileError, match=r"^pylock.toml:1: a pylock.toml is read with .* packaging 26.1 or later.*or use a"
    ):
        parse_lock(HEAD + SIX, "pylock.toml")
    assert parse_lock(f"six==1.0 --hash=sha256:{A}\n", "lock.txt").narrow(None)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("pylock.toml", True),
        ("/a/pylock.gpu.toml", True),
        ("my-pylock.toml", False),
        ("pylock.a.b.toml", False),
        ("pylock.txt", False),
    ],
)
def test_a_files_name_says_what_it_is(name, is_one):
    assert _pylock.is_pylock(name) == is_one


def toml(data):
    """A pylock's content (dict) as TOML (str). JSON's strings, numbers and lists of strings are TOML's too."""

    def inline(value):
        if isinstance(value, dict):
            return "{ " + ", ".join(f"{key} = {inline(one)}" for key, one in value.items()) + " }"
        if isinstance(value, list):
            return "[" + ", ".join(inline(one) for one in value) + "]"
        return json.dumps(value)

    tables = data.pop("packages")
    lines = [f"{key} = {inline(value)}" for key, value in data.items()]
    for table in tables:
        lines += ["[[packages]]", *(f"{key} = {inline(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
rows = st.lists(
    st.tuples(
        st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?", fullmatch=True),
        st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}(rc[0-9])?(\+cu[0-9]{3})?", fullmatch=True),
        st.lists(digests, min_size=1, max_size=3, unique=True),
        st.sampled_from(
            [
                "",
                "sys_platform == 'linux'",
                "'table' in extras",
                "python_version < '3.13' and 'dev' in dependency_groups",
            ]
        ),
        st.sampled_from(["wheels", "sdist", "archive"]),
        st.sampled_from(["", MAIN, OTHER]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row[0],
)


# How fast a machine is decides nothing here.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows)
def test_a_lock_is_read_back_as_it_was_written(rows):
    packages, pins = [], []
    for name, version, hashes, marker, kind, index in rows:
        stem = f"https://f.example.org/{name.replace('-', '_')}-{version}".replace("+", "%2B")
        table = {"name": name, "version": version, **({"marker": marker} if marker else {})}
        if kind == "wheels":
            # More than one wheel of a version: they are told apart by their build number.
            table["wheels"] = [
                {"url": f"{stem}-{number}-py3-none-any.whl", "hashes": {"sha256": digest}}
                for number, digest in enumerate(hashes)
            ]
        else:
            hashes = hashes[:1]
            table[kind] = {"url": f"{stem}.tar.gz", "hashes": {"sha256": hashes[0]}}
        if kind != "archive" and index:
            table["index"] = index
        url = f"{stem}.tar.gz" if kind == "archive" else ""
        packages.append(table)
        pins.append((name, version, tuple(sorted(f"sha256:{digest}" for digest in hashes)), url, "" if url else index))
    data = {
        "lock-version": "1.0",
        "created-by": "test",
        "requires-python": ">=3.9",
        "environments": ["sys_platform == 'linux'", "sys_platform == 'darwin'"],
        "extras": ["table"],
        "dependency-groups": ["dev"],
        "packages": packages,
    }
    read = parse_lock(toml(data), "pylock.x.toml").narrow(host(extras=("table",), groups=("dev",)))
    named = [index for _name, _version, _hashes, url, index in pins if not url]
    counts = sorted((named.count(index) for index in set(named)), reverse=True)
    main = max(set(named), key=named.count) if counts and (len(counts) == 1 or counts[0] > counts[1]) else None
    assert [(pin.name, pin.version, pin.hashes, pin.url, pin.index) for pin in read] == sorted(
        (name, version, hashes, url, "" if index == main else index) for name, version, hashes, url, index in pins
    )
    assert all(
        toml({**data, "packages": packages}).splitlines()[int(pin.source.split(":")[1])] == f'name = "{pin.name}"'
        for pin in read
    )
