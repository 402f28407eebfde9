# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin paperspace, with Ansible's own inventory, loader, templates and cache."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.plugins.loader import inventory_loader
from ansible.template import Templar
from ansible_collections.mlinabox.core.plugins.plugin_utils._paperspace_hosts import (
    Filters,
    address,
    host_names,
    safe_group,
    safe_name,
)
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[4]
NAME = "mlinabox.core.paperspace"


class Inventories:
    """Makes inventories of a configuration in a folder."""

    def __init__(self, server, folder):
        self.server, self.folder, self.warnings = server, folder, []

    def read(self, inventory=None, from_cache=True, **options):
        """Return the InventoryData that a configuration with these options gives."""
        path = self.folder / "paperspace.yml"
        given = {"plugin": NAME, "api_key": self.server.key, "api_url": self.server.url, "api_timeout": 2, **options}
        given = {option: value for option, value in given.items() if value is not None}
        path.write_text(yaml.safe_dump(given))
        inventory = inventory or InventoryData()
        plugin = inventory_loader.get(NAME)
        plugin.parse(inventory, DataLoader(), str(path), cache=from_cache)
        # Without a cache there is none to update; Ansible goes over that in the same way.
        with contextlib.suppress(AttributeError):
            plugin.update_cache_if_changed()
        inventory.reconcile_inventory()
        return inventory


@pytest.fixture
def inventories(server, tmp_path, monkeypatch):
    made = Inventories(server, tmp_path)
    # The one of the plugin's is the one of all.
    monkeypatch.setattr("ansible.utils.display.Display.warning", lambda self, line, *_more: made.warnings.append(line))
    return made


def members(inventory, group):
    return sorted(host.name for host in inventory.groups[group].get_hosts()) if group in inventory.groups else None


# ---- what is there ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("long_regions", [False, True])
def test_300_machines(cloud, server, inventories, long_regions):
    cloud.long_regions = long_regions
    cloud.add_machines(300)
    inventory = inventories.read()
    assert members(inventory, "paperspace") == [f"box-{number:03}" for number in range(300)]
    assert len(server.asked("", "/machines")) == 3
    for group, count in {
        "paperspace_state_ready": 100,
        "paperspace_state_off": 100,
        "paperspace_region_ny2": 100,
        "paperspace_region_ams1": 100,
        "paperspace_type_a100_80gx8": 75,
        "paperspace_gpu_a100_sxm4_80gb": 75,
        "paperspace_gpu_none": 75,
        "paperspace_os_ubuntu_22_04": 300,
    }.items():
        assert len(members(inventory, group)) == count, group
    assert all(name == "all" or name.startswith(("paperspace", "ungrouped")) for name in inventory.groups)
    assert inventories.warnings == []


def test_a_hosts_variables(cloud, inventories):
    lab = cloud.add_network("Lab 1")
    machine = cloud.add_machine("box", machine_type="A100-80Gx8", networkId=lab["id"])
    template = cloud.add_template("Golden", machine)
    inventory = inventories.read()
    variables = inventory.get_host("box").get_vars()
    assert variables["ansible_host"] == machine["publicIp"]
    assert variables["paperspace_id"] == machine["id"]
    assert variables["paperspace_machine_type"] == "A100-80Gx8"
    assert variables["paperspace_private_ip"] == machine["privateIp"]
    assert (variables["paperspace_gpus"], variables["paperspace_gpu_count"]) == (["A100-SXM4-80GB"], 8)
    assert (variables["paperspace_network"], variables["paperspace_network_id"]) == ("Lab 1", lab["id"])
    assert variables["paperspace_templates"] == [{"id": template["id"], "name": "Golden"}]
    assert members(inventory, "paperspace_network_lab_1") == ["box"]
    assert members(inventory, "paperspace_template_golden") == ["box"]
    assert {name for name in variables if not name.startswith("paperspace_")} == {
        *("ansible_host", "inventory_file", "inventory_dir"),
    } | ({"group_names", "inventory_hostname", "inventory_hostname_short"} & set(variables))


def test_nothing_is_there(inventories):
    inventory = inventories.read()
    assert members(inventory, "paperspace") == []


def test_what_is_deleted_is_no_host(cloud, inventories):
    cloud.delete(cloud.add_machine("gone"))
    cloud.add_machine("there")
    assert members(inventories.read(), "paperspace") == ["there"]


# ---- choices ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, "abcd"),
        ({"states": ["ready"]}, "abd"),
        ({"states": ["off", "ready"]}, "abcd"),
        ({"states": "off,serviceready"}, "c"),
        ({"regions": ["ny2"]}, "abc"),
        ({"regions": ["West Coast (CA1)"]}, "d"),
        ({"machine_types": ["a4000", "P5000"]}, "bd"),
        ({"agent_types": ["windowsdesktop"]}, "d"),
        ({"names": ["a*", "?"]}, "abcd"),
        ({"names": ["[ab]"]}, "ab"),
        ({"networks": ["lab"]}, "a"),
        ({"networks": ["lab"], "group_by": []}, "a"),
        ({"states": ["ready"], "regions": ["ny2"], "machine_types": ["C5"]}, "a"),
    ],
)
def test_filters(cloud, inventories, options, names):
    lab = cloud.add_network("lab")
    cloud.add_machine("a", networkId=lab["id"])
    cloud.add_machine("b", machine_type="P5000")
    cloud.add_machine("c", "off")
    cloud.add_machine("d", region="ca1", machine_type="A4000", agentType="WindowsDesktop")
    assert members(inventories.read(**options), "paperspace") == list(names)


@pytest.mark.parametrize(
    ("connect_with", "expected"),
    [
        ("public_ip", ["198.51.100.1", "ps2.no-public-ip.invalid"]),
        ("private_ip", ["10.64.0.1", "10.64.0.2"]),
        ("public_or_private_ip", ["198.51.100.1", "10.64.0.2"]),
        ("name", [None, None]),
    ],
)
def test_addresses(cloud, inventories, connect_with, expected):
    cloud.add_machine("a", id="ps1", publicIp="198.51.100.1", privateIp="10.64.0.1")
    cloud.add_machine("b", id="ps2", publicIp=None, privateIp="10.64.0.2")
    inventory = inventories.read(connect_with=connect_with)
    assert [inventory.get_host(name).vars.get("ansible_host") for name in "ab"] == expected


def test_compose_groups_and_keyed_groups(cloud, inventories):
    cloud.add_machine("a", machine_type="A100-80Gx8")
    cloud.add_machine("b")
    inventory = inventories.read(
        group_by=["gpu"],
        compose={
            "ansible_host": "paperspace_private_ip",
            "gib": "paperspace_ram // 1024**3",
            "nothing": "not_there.at_all",
        },
        groups={"many gpus": "paperspace_gpu_count > 1", "broken": "not_there.at_all"},
        keyed_groups=[{"key": "paperspace_machine_type", "prefix": "kind"}],
    )
    variables = inventory.get_host("a").get_vars()
    assert variables["ansible_host"].startswith("10.64.") and "nothing" not in variables
    # Before ansible-core 2.19, what an expression gives is text.
    assert int(variables["gib"]) == 640
    assert members(inventory, "many_gpus") == ["a"] and members(inventory, "broken") is None
    assert members(inventory, "kind_C5") == ["b"] and members(inventory, "kind_A100_80Gx8") == ["a"]
    assert members(inventory, "paperspace_gpu_none") == ["b"]
    assert not [name for name in inventory.groups if name.startswith("paperspace_state")]


@pytest.mark.parametrize(
    "broken",
    [{"compose": {"x": "not_there.at_all"}}, {"groups": {"x": "not_there.at_all"}}, {"keyed_groups": [{"key": "no"}]}],
)
def test_strict(cloud, inventories, broken):
    cloud.add_machine("a")
    inventories.read(**broken)
    with pytest.raises(AnsibleError, match="a"):
        inventories.read(strict=True, **broken)


# ---- strings of others --------------------------------------------------------------------------------------------

EVIL = "{{ lookup('pipe', 'touch ' ~ marker) }}"


def test_no_string_of_the_apis_is_a_template(cloud, inventories, tmp_path):
    marker = tmp_path / "marker"
    cloud.add_machine(EVIL, os="{% include '/etc/passwd' %}", accelerators=[{"name": EVIL, "count": 1, "memory": None}])
    cloud.add_template(EVIL, next(iter(cloud.machines.values())))
    inventory = inventories.read(compose={"mine": "paperspace_name ~ '!'", "same": "paperspace_name"})
    (host,) = inventory.groups["paperspace"].get_hosts()
    variables = {**host.get_vars(), "marker": str(marker)}
    templar = Templar(loader=DataLoader(), variables=variables)
    for name in ("paperspace_name", "paperspace_os", "paperspace_templates", "paperspace_gpus", "mine", "same"):
        value = templar.template(variables[name])
        assert value == variables[name]
    assert variables["paperspace_name"] == EVIL and variables["mine"] == EVIL + "!"
    assert not marker.exists()
    assert "{" not in host.name and not any("{" in group for group in inventory.groups)


@pytest.mark.parametrize(
    "name",
    ["all", "ALL", "localhost", "ungrouped", "127.0.0.1", "paperspace", "paperspace_state_ready", "mine", "..", ""],
)
def test_a_name_that_means_something_else_is_not_taken(cloud, inventories, name):
    machine = cloud.add_machine(name)
    inventory = InventoryData()
    inventory.add_group("mine")
    inventory.add_host("plain", "mine")
    inventories.read(inventory)
    (host,) = inventory.groups["paperspace"].get_hosts()
    assert host.name.endswith(machine["id"]) and host.vars["paperspace_name"] == name
    # Neither a group nor another host got the machine's variables.
    assert not any("ansible_host" in group.vars for group in inventory.groups.values())
    assert "ansible_host" not in inventory.get_host("plain").vars
    assert len(inventories.warnings) == 1 and machine["id"] in inventories.warnings[0]


def test_a_group_made_of_names_takes_no_hosts_variables(cloud, inventories):
    cloud.add_machine("b_group", os="a")
    cloud.add_machine("a", os="b_group")
    inventory = inventories.read(keyed_groups=[{"key": "paperspace_os", "separator": ""}])
    assert inventory.get_host("b_group").vars["paperspace_os"] == "a"
    assert not any(group.vars for group in inventory.groups.values())


def test_two_machines_of_one_name_are_two_hosts(cloud, inventories):
    one, other = cloud.add_machine("twin"), cloud.add_machine("twin", region="ca1")
    third = cloud.add_machine("tw in")
    fourth = cloud.add_machine("tw_in")
    inventory = inventories.read()
    assert members(inventory, "paperspace") == sorted(
        [f"twin-{one['id']}", f"twin-{other['id']}", f"tw_in-{third['id']}", f"tw_in-{fourth['id']}"]
    )
    assert len(inventories.warnings) == 1


@given(st.lists(st.text(max_size=12), max_size=8))
def test_names_are_safe_and_one_for_each(names):
    machines = [{"id": f"ps{number}", "name": name} for number, name in enumerate(names)]
    found, _changed = host_names(machines, lambda name, machine: False)
    assert len(set(found.values())) == len(machines)
    for name in found.values():
        assert safe_name(name) == name != ""
        assert name not in ("all", "ungrouped", "localhost")


@given(st.text(max_size=20), st.sampled_from(["state", "gpu", "template"]))
def test_groups_are_safe(value, kind):
    assert safe_group(kind, value).isidentifier()


@given(
    st.one_of(st.none(), st.integers(), st.text(max_size=20), st.just("-oProxyCommand=x"), st.ip_addresses().map(str)),
    st.sampled_from(["public_ip", "private_ip", "public_or_private_ip"]),
)
def test_an_address_is_one_or_cannot_be_reached(said, connect_with):
    found = address({"id": "ps/1 -o", "publicIp": said, "privateIp": said}, connect_with)
    if not found.endswith(".invalid"):
        ipaddress.ip_address(found)
    assert " " not in found and not found.startswith("-")


def test_filters_take_all_where_they_are_empty():
    assert Filters().match({}, {})


# ---- other hosts --------------------------------------------------------------------------------------------------


def test_a_plain_host_of_that_name_keeps_its_address(cloud, inventories):
    cloud.add_machine("box")
    inventory = InventoryData()
    inventory.add_group("paperspace")
    inventory.add_host("box", "paperspace")
    inventory.set_variable("box", "ansible_host", "192.0.2.10")
    inventories.read(inventory)
    variables = inventory.get_host("box").vars
    assert variables["ansible_host"] == "192.0.2.10" and variables["paperspace_state"] == "ready"


def test_two_teams_with_one_name(cloud, server, inventories):
    first = cloud.add_machine("box")
    inventory = inventories.read()
    cloud.machines.clear()
    second = cloud.add_machine("box")
    inventories.read(inventory)
    assert members(inventory, "paperspace") == ["box", f"box-{second['id']}"]
    assert inventory.get_host("box").vars["paperspace_id"] == first["id"]
    # The same machine once more is the same host.
    inventories.read(inventory)
    assert len(members(inventory, "paperspace")) == 2


# ---- the key ------------------------------------------------------------------------------------------------------


def test_the_key_from_the_environment(cloud, server, inventories, monkeypatch):
    cloud.add_machine("box")
    monkeypatch.setenv("PAPERSPACE_API_KEY", server.key + "\n")
    monkeypatch.setenv("PAPERSPACE_API_URL", server.url)
    assert members(inventories.read(api_key=None, api_url=None), "paperspace") == ["box"]


def test_the_key_from_a_template(cloud, server, inventories, tmp_path):
    cloud.add_machine("box")
    (tmp_path / "key").write_text(server.key + "\n")
    found = inventories.read(api_key=f"{{{{ lookup('ansible.builtin.file', '{tmp_path}/key') }}}}")
    assert members(found, "paperspace") == ["box"]


@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key(cloud, inventories, key):
    with pytest.raises(AnsibleParserError, match="there is no API key: set PAPERSPACE_API_KEY"):
        inventories.read(api_key=key)
    inventory = inventories.read(api_key=key, without_key="skip")
    assert members(inventory, "paperspace") is None and len(inventories.warnings) == 1
    assert "PAPERSPACE_API_KEY is not set" in inventories.warnings[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"api_key": "wrong"}, "401 UNAUTHORIZED: Invalid API key"),
        ({"api_key": "two words"}, "the API key has a blank"),
        ({"api_url": "http://api.example.org/v1"}, "must begin with https"),
        ({"regions": ["Atlantis"]}, "'Atlantis' is no region"),
    ],
)
def test_what_cannot_be_is_one_line(inventories, server, options, said):
    with pytest.raises(AnsibleParserError, match=said) as caught:
        inventories.read(**options)
    assert "paperspace.yml: " in str(caught.value) and "\n" not in str(caught.value)
    assert server.key not in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"states": ["gone"]}, {"group_by": ["colour"]}, {"connect_with": "pigeon"}, {"without_key": "guess"}]
)
def test_words_that_are_not_known(inventories, options):
    with pytest.raises(AnsibleError, match="Invalid value"):
        inventories.read(**options)


@pytest.mark.parametrize("kind", ["429", "500", "reset", "truncate", "half"])
def test_a_bad_moment(cloud, server, inventories, fault, hurry, kind):
    cloud.add_machines(130)
    server.faults.add(fault(kind, 3))
    assert len(members(inventories.read(), "paperspace")) == 130


def test_a_bad_day_leaves_no_half_inventory(cloud, server, inventories, fault, hurry):
    cloud.add_machines(130)
    # The first page comes, the second never does.
    server.faults.add(fault("same_page", 0), fault("500", 99, path="custom-templates"))
    inventory = InventoryData()
    with pytest.raises(AnsibleParserError, match="Given up after 6 tries"):
        inventories.read(inventory)
    assert inventory.hosts == {} and "paperspace" not in inventory.groups


def test_what_the_key_may_not_see_is_done_without(cloud, server, inventories, fault):
    machine = cloud.add_machine("box", networkId="nx1")
    server.faults.add(fault("403", 9, path="custom-templates"), fault("403", 9, path="private-networks"))
    inventory = inventories.read()
    assert inventory.get_host("box").vars["paperspace_network"] == machine["networkId"]
    assert members(inventory, "paperspace_network_nx1") == ["box"]
    assert len(inventories.warnings) == 2 and "does without private-networks" in inventories.warnings[0]


# ---- the cache ----------------------------------------------------------------------------------------------------


def test_the_cache(cloud, server, inventories, tmp_path):
    kept = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
        "cache_timeout": 600,
    }
    cloud.add_machine(EVIL)
    cloud.add_machine("box", "off")
    inventories.read(**kept)
    asked = len(server.asked())
    # From the cache, with filters of its own, and as untrusted as before.
    inventory = inventories.read(states=["ready"], **kept)
    assert len(server.asked()) == asked
    (host,) = inventory.groups["paperspace"].get_hosts()
    assert Templar(loader=DataLoader(), variables=host.get_vars()).template(host.vars["paperspace_name"]) == EVIL
    # --flush-cache asks anew, and what it finds is kept.
    cloud.add_machine("new")
    assert "new" not in inventories.read(**kept).hosts
    assert "new" in inventories.read(from_cache=False, **kept).hosts
    asked = len(server.asked())
    assert "new" in inventories.read(**kept).hosts and len(server.asked()) == asked
    files = list((tmp_path / "cache").iterdir())
    assert len(files) == 1 and server.key not in files[0].read_text()
    # Another key is another team.
    with pytest.raises(AnsibleParserError, match="401"):
        inventories.read(api_key="another", **kept)
    # What is no listing is asked for.
    files[0].write_text('{"machines": "none"}')
    assert "new" in inventories.read(**kept).hosts


def test_a_listing_without_what_is_wanted_now_is_asked_for_again(cloud, inventories, tmp_path):
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    cloud.add_template("golden", cloud.add_machine("box"))
    inventories.read(group_by=["state"], **kept)
    assert members(inventories.read(group_by=["template"], **kept), "paperspace_template_golden") == ["box"]


# ---- as it is used ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("paperspace.yml", True),
        ("paperspace.yaml", True),
        ("team.paperspace.yml", True),
        ("paperspace.json", False),
        ("hosts.yml", False),
    ],
)
def test_which_files_are_its_own(tmp_path, name, expected):
    (tmp_path / name).write_text("plugin: x")
    assert inventory_loader.get(NAME).verify_file(str(tmp_path / name)) is expected
    assert not inventory_loader.get(NAME).verify_file(str(tmp_path / "not-there" / name))


def listed(tmp_path, inventory, **environment):
    """What ansible-inventory says of a folder: (status, dict or None, what it says besides)."""
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-inventory"), "-i", inventory, "--list"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else None, done.stderr


@pytest.mark.programs
def test_the_inventory_that_comes_with_it(cloud, server, tmp_path):
    cloud.add_machine("up")
    cloud.add_machine("down", "off")
    folder = tmp_path / "inventory"
    (folder / "group_vars").mkdir(parents=True)
    for name in ("hosts.yml", "paperspace.yml", "group_vars/paperspace.yml"):
        (folder / name).write_text((ROOT / "inventories/paperspace" / name).read_text())
    hosts = folder / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("hosts: {}", "hosts: {plain: {ansible_host: 192.0.2.10}}"))
    # Without a key, plain hosts are hosts, and one line says the rest.
    status, found, said = listed(tmp_path, folder)
    assert status == 0 and found["paperspace"]["hosts"] == ["plain"]
    assert said.count("[WARNING]") == 1 and "PAPERSPACE_API_KEY is not set" in " ".join(said.split())
    # A key that is wrong ends the run: no fleet is not an empty fleet.
    url = {"PAPERSPACE_API_URL": server.url}
    status, _found, said = listed(tmp_path, folder, PAPERSPACE_API_KEY="psk-another", **url)
    assert status != 0 and "401 UNAUTHORIZED" in said and "psk-another" not in said
    # From a vault.
    secret = VaultSecret(b"open sesame")
    (tmp_path / "password").write_bytes(secret.bytes)
    vaulted = VaultLib([("default", secret)]).encrypt(server.key.encode(), secret).decode()
    with (folder / "paperspace.yml").open("a") as file:
        file.write("api_key: !vault |\n" + "".join(f"  {line}\n" for line in vaulted.splitlines()))
    status, found, said = listed(tmp_path, folder, ANSIBLE_VAULT_PASSWORD_FILE=str(tmp_path / "password"), **url)
    assert status == 0 and found["paperspace"]["hosts"] == ["plain", "up"] and said == ""
    assert found["_meta"]["hostvars"]["up"]["ansible_user"] == "paperspace"
