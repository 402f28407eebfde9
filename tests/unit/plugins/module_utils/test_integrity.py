"""Installed distributions and their files, over small real trees."""

from __future__ import annotations

import base64
import hashlib
import os

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _integrity
from ansible_collections.mlinabox.core.plugins.module_utils._dists import dist_infos, read_record, site_packages
from ansible_collections.mlinabox.core.plugins.module_utils._integrity import find_damage
from ansible_collections.mlinabox.core.plugins.module_utils._manifest import (
    Manifest,
    add_distributions,
    add_own_files,
    read_blocks,
    write_manifest,
)


@pytest.fixture
def environment(tmp_path):
    site = tmp_path / "lib" / "python3.9" / "site-packages"
    site.mkdir(parents=True)
    (tmp_path / ".mlinabox").mkdir()
    (tmp_path / "bin").mkdir()
    install(site, "six", "1.16.0", {"six.py": "print()\n", "six/__pycache__/a.pyc": "x"})
    install(site, "ruamel.yaml", "0.17", {"ruamel/yaml.py": "pass\n", "../../../bin/ruamel": "#!/bin/sh\n"})
    return tmp_path


def install(site, name, version, files):
    rows = []
    for path, text in files.items():
        full = site / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text)}")
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    rows.append(f"{info.name}/RECORD,,")
    (info / "RECORD").write_text("\n".join(rows) + "\n")


def record(environment, ours=(), waived=()):
    """Write the manifest, as a build does."""
    manifest = Manifest()
    add_distributions(manifest, str(environment), site_of(environment), ours, waived)
    write_manifest(str(environment), manifest)


def site_of(environment):
    return site_packages(str(environment))


def test_installed(environment):
    (environment / "lib/python3.9/site-packages/old-1.0-py3.9.egg-info").mkdir()
    found = {name: version for name, (version, _path) in dist_infos(site_of(environment)).items()}
    assert found == {"six": "1.16.0", "ruamel-yaml": "0.17", "old": "1.0"}


def test_no_environment(tmp_path):
    with pytest.raises(ValueError, match="is not an environment"):
        site_packages(str(tmp_path))


@pytest.mark.parametrize(
    ("level", "change", "expected"),
    [
        ("size", lambda site: None, {}),
        ("hash", lambda site: None, {}),
        ("none", lambda site: (site / "six.py").unlink(), {}),
        ("size", lambda site: (site / "six.py").unlink(), {"six": "lib/python3.9/site-packages/six.py is missing"}),
        (
            "size",
            lambda site: (site / "six.py").write_text("print()\n#"),
            {"six": "lib/python3.9/site-packages/six.py has 9 bytes, recorded are 8"},
        ),
        ("size", lambda site: (site / "six.py").write_text("sprint()"), {}),
        (
            "hash",
            lambda site: (site / "six.py").write_text("sprint()"),
            {"six": "lib/python3.9/site-packages/six.py has another content than recorded"},
        ),
        ("size", lambda site: (site / "../../../bin/ruamel").unlink(), {"ruamel-yaml": "bin/ruamel is missing"}),
        # Bytecode that a wheel brought along is compiled anew, and recorded then.
        ("hash", lambda site: (site / "six/__pycache__/a.pyc").unlink(), {}),
    ],
)
def test_damage(environment, level, change, expected):
    site = environment / "lib/python3.9/site-packages"
    record(environment)
    change(site)
    assert find_damage(str(environment), level) == expected


def test_files_of_ours_and_waived_ones_are_recorded_as_they_are(environment):
    site = environment / "lib/python3.9/site-packages"
    (environment / "bin/ruamel").write_text("#!/bin/sh\necho ours\n")
    (site / "six.py").write_text("edited\n")
    record(environment, [str(environment / "bin/ruamel")], ["six.py"])
    assert find_damage(str(environment), "hash") == {}
    (site / "six.py").write_text("Edited\n")
    assert set(find_damage(str(environment), "hash")) == {"six"}


def test_a_record_that_was_altered_is_found(environment):
    path = environment / "lib/python3.9/site-packages/six-1.16.0.dist-info/RECORD"
    record(environment)
    assert find_damage(str(environment), "hash") == {}
    path.write_text(path.read_text().replace("six.py", "sox.py"))
    assert find_damage(str(environment), "size") == {}
    assert set(find_damage(str(environment), "hash")) == {"six"}
    path.write_text("")
    assert set(find_damage(str(environment), "size")) == {"six"}


def test_rows_that_uv_leaves_behind_are_no_damage(environment):
    site = environment / "lib/python3.9/site-packages"
    with open(site / "six-1.16.0.dist-info/RECORD", "a", encoding="ascii") as stream:
        stream.write("six-1.16.0.data/scripts/six,sha256=abc,3\n")
    record(environment)
    assert find_damage(str(environment), "size") == {}


def test_a_missing_record_or_manifest_is_said(environment):
    site = environment / "lib/python3.9/site-packages"
    with pytest.raises(ValueError, match=r"files\.txt"):
        read_blocks(str(environment))
    (site / "six-1.16.0.dist-info/RECORD").unlink()
    with pytest.raises(ValueError, match="RECORD"):
        list(read_record(str(site / "six-1.16.0.dist-info")))


def test_a_manifest_that_was_cut_is_said(environment):
    record(environment)
    path = environment / ".mlinabox/files.txt"
    for length in (0, 10, 60, path.stat().st_size - 1):
        os.truncate(path, length)
        with pytest.raises(ValueError, match="is not whole"):
            find_damage(str(environment), "size")


def test_a_name_that_would_break_the_manifest_is_refused():
    with pytest.raises(ValueError, match="line break"):
        Manifest().add("six", "lib", "a\nb", 1)


def test_a_name_that_looks_like_a_block_is_a_file_like_others(tmp_path):
    (tmp_path / ".mlinabox").mkdir()
    (tmp_path / ">a.py").write_text("1\n")
    manifest = Manifest()
    manifest.add("six", ".", ">a.py", 2)
    write_manifest(str(tmp_path), manifest)
    assert find_damage(str(tmp_path), "size") == {}
    (tmp_path / ">a.py").unlink()
    assert set(find_damage(str(tmp_path), "size")) == {"six"}


def test_the_environments_own_files_count(environment):
    (environment / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (environment / "bin/python").symlink_to("/usr/bin/python3")
    manifest = Manifest()
    add_own_files(manifest, str(environment))
    assert sorted(folder for folder in manifest.rows[""]) == [
        ".",
        "bin",
        "lib/python3.9/site-packages",
        "lib/python3.9/site-packages/ruamel",
        "lib/python3.9/site-packages/ruamel.yaml-0.17.dist-info",
        "lib/python3.9/site-packages/six-1.16.0.dist-info",
    ]
    write_manifest(str(environment), manifest)
    assert find_damage(str(environment), "hash") == {}
    (environment / "pyvenv.cfg").unlink()
    assert find_damage(str(environment), "size") == {"": "./pyvenv.cfg is missing"}


@pytest.mark.parametrize("level", ["size", "hash"])
def test_several_processes_find_what_one_finds(environment, level, monkeypatch):
    site = environment / "lib/python3.9/site-packages"
    install(site, "many", "1.0", {f"many/{n % 7}/file{n}.py": str(n) for n in range(200)})
    record(environment)
    for n in range(0, 200, 3):
        (site / f"many/{n % 7}/file{n}.py").unlink()
    one = find_damage(str(environment), level)
    assert "and 66 more files" in one["many"]
    monkeypatch.setattr(_integrity, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr("ansible_collections.mlinabox.core.plugins.module_utils._parallel.processors", lambda: 3)
    several = find_damage(str(environment), level)
    assert set(several) == {"many"}
    assert "and 66 more files" in several["many"]
