"""What every role owes: its variables documented with the values that they have, verify tasks, a way back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = sorted(path for path in (Path(__file__).resolve().parents[2] / "roles").iterdir() if (path / "tasks").is_dir())

#: Roles without a state, each with its reason.
STATELESS = {
    "stack": "loads data on the controller and leaves nothing on a host",
}

pytestmark = pytest.mark.parametrize("role", ROLES, ids=lambda path: path.name)


def load(path):
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def entry_points(role):
    return load(role / "meta" / "argument_specs.yml").get("argument_specs", {})


def documented(role, entry="main"):
    return entry_points(role).get(entry, {}).get("options", {})


def test_defaults_are_documented_with_their_values(role):
    defaults = load(role / "defaults" / "main.yml")
    specified = {name: option["default"] for name, option in documented(role).items() if "default" in option}
    assert defaults == specified


def test_what_has_no_default_is_required_or_says_so(role):
    for name, option in documented(role).items():
        assert "default" in option or "required" in option, name
        assert not ("default" in option and option.get("required")), name


def test_a_variable_bears_its_roles_name(role):
    for entry in entry_points(role):
        for name in documented(role, entry):
            assert name.startswith(f"{role.name}_")
    # The other files of vars are tables that are loaded under a name.
    for name in load(role / "vars" / "main.yml"):
        assert name.startswith(f"__{role.name}_")


def test_every_entry_point_has_its_tasks_and_a_description(role):
    assert {"main", "verify"} <= set(entry_points(role))
    for entry, spec in entry_points(role).items():
        assert (role / "tasks" / f"{entry}.yml").exists()
        assert spec["short_description"]
    said = " ".join(entry_points(role)["main"]["description"])
    assert "check mode" in said


def test_verify_changes_nothing(role):
    text = (role / "tasks" / "verify.yml").read_text(encoding="utf-8")
    for module in ("copy", "template", "file", "apt", "systemd", "service", "user", "lineinfile", "blockinfile"):
        assert f"ansible.builtin.{module}:" not in text


def test_what_it_adds_can_be_taken_back(role):
    if role.name in STATELESS:
        assert not documented(role).get(f"{role.name}_state")
        return
    state = documented(role)[f"{role.name}_state"]
    assert (set(state["choices"]), state["default"]) == ({"present", "absent"}, "present")
