# Copyright: (c) 2026, The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Python version comes to on each release: the role's own expressions, rendered."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).resolve().parents[3] / "roles" / "python"


def variables(release, version, source="auto", **others):
    """The role's variables on a release."""
    loader = DataLoader()
    table = ROLE / "vars" / f"{release.replace(' ', '-')}.yml"
    found = {}
    for path in (
        ROLE / "defaults/main.yml",
        ROLE / "vars/main.yml",
        table if table.exists() else ROLE / "vars/other.yml",
    ):
        found.update(loader.load_from_file(str(path), trusted_as_template=True))
    distribution, number = release.split(" ")
    facts = {"distribution": distribution, "distribution_version": number}
    return {**found, "ansible_facts": facts, "python_version": version, "python_source": source, **others}


def render(name, values):
    return Templar(loader=DataLoader(), variables=values).template(values[name])


RELEASE, DEADSNAKES, MANAGED = "release", "deadsnakes", "managed"


@pytest.mark.parametrize(
    ("release", "version", "source", "path"),
    [
        ("Debian 11", "3.9", RELEASE, "/usr/bin/python3.9"),
        ("Debian 12", "3.11", RELEASE, "/usr/bin/python3.11"),
        ("Debian 13", "3.13", RELEASE, "/usr/bin/python3.13"),
        ("Ubuntu 20.04", "3.8", RELEASE, "/usr/bin/python3.8"),
        ("Ubuntu 20.04", "3.9", RELEASE, "/usr/bin/python3.9"),
        ("Ubuntu 22.04", "3.10", RELEASE, "/usr/bin/python3.10"),
        ("Ubuntu 24.04", "3.12", RELEASE, "/usr/bin/python3.12"),
        # The release's own is a release candidate.
        ("Ubuntu 22.04", "3.11", DEADSNAKES, "/usr/bin/python3.11"),
        ("Ubuntu 24.04", "3.9", DEADSNAKES, "/usr/bin/python3.9"),
        # deadsnakes deleted what it had for 20.04.
        ("Ubuntu 20.04", "3.11", MANAGED, "/opt/mlinabox/python/cpython-3.11.18-linux-x86_64-gnu/bin/python3.11"),
        ("Debian 12", "3.9", MANAGED, "/opt/mlinabox/python/cpython-3.9.25-linux-x86_64-gnu/bin/python3.9"),
        ("Debian 14", "3.9", MANAGED, "/opt/mlinabox/python/cpython-3.9.25-linux-x86_64-gnu/bin/python3.9"),
        ("Debian 11", "3.9.14", MANAGED, "/opt/mlinabox/python/cpython-3.9.14-linux-x86_64-gnu/bin/python3.9"),
    ],
)
def test_where_it_comes_from(release, version, source, path):
    values = variables(release, version)
    assert render("__python_refusal", values) == ""
    assert (render("__python_chosen", values), render("__python_path", values).strip()) == (source, path)


@pytest.mark.parametrize(
    ("release", "version", "source", "said"),
    [
        ("Debian 12", "3", "auto", "write it as 3.9 or 3.9.14"),
        ("Debian 12", "2.7", "auto", "write it as 3.9 or 3.9.14"),
        ("Debian 12", "3.9.x", "auto", "write it as 3.9 or 3.9.14"),
        ("Debian 11", "3.9.14", RELEASE, "names an exact version"),
        ("Ubuntu 22.04", "3.9.14", DEADSNAKES, "names an exact version"),
        ("Debian 12", "3.9", RELEASE, "Debian 12 has no Python 3.9 of its own (it has 3.11)"),
        ("Debian 14", "3.9", RELEASE, "(it has none that is known)"),
        ("Debian 12", "3.9", DEADSNAKES, "deadsnakes has no Python 3.9 for Debian 12"),
        ("Ubuntu 20.04", "3.11", DEADSNAKES, "deadsnakes has no Python 3.11 for Ubuntu 20.04"),
        ("Debian 12", "3.99", "auto", "python_managed_versions"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(release, version, source, said):
    refusal = render("__python_refusal", variables(release, version, source))
    assert said in refusal
    assert "\n" not in refusal


@pytest.mark.parametrize(
    ("release", "version", "source", "packages"),
    [
        ("Debian 11", "3.9", "auto", ["python3.9", "python3-distutils"]),
        ("Debian 13", "3.13", "auto", ["python3.13"]),
        ("Ubuntu 22.04", "3.9", "auto", ["python3.9", "python3.9-venv", "python3.9-distutils"]),
        ("Ubuntu 22.04", "3.12", "auto", ["python3.12", "python3.12-venv"]),
    ],
)
def test_its_packages(release, version, source, packages):
    values = variables(release, version, source)
    assert render("__python_packages", values) == packages
    with_headers = variables(release, version, source, python_headers=True)
    assert render("__python_packages", with_headers) == [*packages, f"python{version}-dev"]


def test_only_what_is_set_is_told_to_uv():
    values = variables("Debian 12", "3.9", python_mirror="https://mirror.example/")
    assert render("__python_uv_environment", values) == {
        "UV_CACHE_DIR": "/opt/mlinabox/cache/uv",
        "UV_PYTHON_INSTALL_MIRROR": "https://mirror.example/",
    }


def test_uv_lists_the_managed_versions():
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if not uv:
        pytest.skip("no uv beside this Python")
    command = [uv, "--no-config", "--offline", "python", "list", "--all-versions", "--only-downloads"]
    listed = subprocess.run([*command, "--output-format=json"], capture_output=True, text=True, check=True)
    known = {entry["key"] for entry in json.loads(listed.stdout)}
    versions = yaml.safe_load((ROLE / "defaults/main.yml").read_text())["python_managed_versions"]
    for minor, exact in versions.items():
        assert exact.startswith(minor + ".")
        assert f"cpython-{exact}-linux-x86_64-gnu" in known
    # The published interpreter of the stack of 2022.
    assert "cpython-3.9.14-linux-x86_64-gnu" in known


def test_the_probe_names_what_is_missing():
    command = [sys.executable, "-I", "-c", (ROLE / "files/probe.py").read_text(), "ssl", "no_such_module"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["version"] == ".".join(map(str, sys.version_info[:3]))
    assert list(found["missing"]) == ["no_such_module"]


def test_every_table_has_the_same_fields():
    for path in (ROLE / "vars").glob("*.yml"):
        if path.name == "main.yml":
            continue
        table = yaml.safe_load(path.read_text())["__python_release"]
        assert set(table) == {"packages", "deadsnakes"}, path.name
        for version in [*table["packages"], *table["deadsnakes"]]:
            assert re.fullmatch(r"3\.\d+", version)
