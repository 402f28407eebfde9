# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin paperspace: machines at Paperspace as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: paperspace
short_description: Machines at Paperspace as hosts
version_added: 0.1.0
author: The ML in a Box authors (@mlinabox)
description:
  - Lists the machines of a team through the v1 API, all pages of them.
  - Every machine is a host of the group C(paperspace), and of the groups that O(group_by), O(groups) and
    O(keyed_groups) make.
  - What the API says of a machine is its variables, in snake case and with C(paperspace_) before it, such as
    C(paperspace_state), C(paperspace_machine_type) or C(paperspace_public_ip). They are data - a machine whose name
    looks like a template evaluates nothing.
  - Its configuration is a YAML file whose name ends with C(paperspace.yml) or C(paperspace.yaml).
options:
  plugin:
    description: Names this plugin.
    type: str
    required: true
    choices: [mlinabox.core.paperspace]
  api_key:
    description: May be a template or a vault's string as well.
  api_url:
    description: May be a template as well.
  without_key:
    description:
      - What to do where there is no key.
      - V(fail) fails; V(skip) says so in one line and adds no host, so that an inventory's other files can be used.
    type: str
    choices: [fail, skip]
    default: fail
  connect_with:
    description:
      - What C(ansible_host) becomes. V(public_or_private_ip) takes the public address, and the private one where there
        is none; V(name) leaves C(ansible_host) alone, for ssh's own configuration or O(compose).
      - A machine that has no such address, as one that is off, gets a name under C(.invalid), which cannot be reached.
        Its bare name could be that of another host.
    type: str
    choices: [public_ip, private_ip, public_or_private_ip, name]
    default: public_ip
  group_by:
    description:
      - Groups that are made by themselves.
      - V(state), as C(paperspace_state_ready).
      - V(region), as C(paperspace_region_ny2), in whichever spelling the API tells it.
      - V(machine_type), as C(paperspace_type_a100_80g).
      - V(gpu), as C(paperspace_gpu_rtx_a4000), or C(paperspace_gpu_none).
      - V(os), as C(paperspace_os_ubuntu_22_04), the operating system that a machine's template was labelled with.
      - V(template), as C(paperspace_template_golden), the machines that a custom template of that name was made of.
        From which template a machine was made, the API does not say.
      - V(network), as C(paperspace_network_lab), the private networks by name.
    type: list
    elements: str
    choices: [state, region, machine_type, gpu, os, template, network]
    default: [state, region, machine_type, gpu, os, template, network]
  states:
    description: Only machines in these states. An empty list takes all, here and below.
    type: list
    elements: str
    choices: ['off', provisioning, starting, restarting, stopping, upgrading, serviceready, ready]
    default: []
  regions:
    description: Only machines in these regions, as V(ny2) or as V(East Coast (NY2\)).
    type: list
    elements: str
    default: []
  machine_types:
    description: Only machines of these types, large or small letters.
    type: list
    elements: str
    default: []
  agent_types:
    description: Only machines with these kinds of agent, such as V(LinuxHeadless), large or small letters.
    type: list
    elements: str
    default: []
  names:
    description: Only machines with these names; C(*), C(?) and C([...]) are wildcards.
    type: list
    elements: str
    default: []
  networks:
    description: Only machines in these private networks, by name or id.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
  - mlinabox.core.paperspace
  - mlinabox.core.paperspace.plugin
notes:
  - A host has its machine's name, in which other letters than C(A-Za-z0-9_.-) become C(_). Where two machines have one
    name, or a name means something else in an inventory (C(localhost), a group's name), the id follows it, and a
    warning says so.
  - A host that another file of the inventory has given an C(ansible_host) keeps that.
  - The cache keeps what the API says, before any filter, and for each key and address by itself. The key is not in it.
seealso:
  - module: mlinabox.core.paperspace_machine
"""

EXAMPLES = r"""
# All machines; the key comes from PAPERSPACE_API_KEY.
plugin: mlinabox.core.paperspace

---
# Those that take logins, in one region, by their private addresses; the key comes from a vault.
plugin: mlinabox.core.paperspace
api_key: "{{ lookup('ansible.builtin.unvault', 'paperspace.key') | trim }}"
states: [ready]
regions: [ny2]
connect_with: private_ip

---
# Variables and groups of one's own; what the API says is kept for ten minutes.
plugin: mlinabox.core.paperspace
names: ["trainer-*"]
group_by: [gpu]
compose:
  nvidia_check_require: "'gpu' if paperspace_gpu_count else 'any'"
groups:
  big: paperspace_gpu_count > 1
keyed_groups:
  - key: paperspace_public_ip_type
    prefix: ip
strict: true
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/paperspace
cache_timeout: 600
"""

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ..module_utils._paperspace_api import Api, checked_address, checked_key
from ..module_utils._paperspace_errors import ApiError, PaperspaceError, one_line, scrubbed
from ..module_utils._paperspace_http import send
from ..module_utils._paperspace_regions import check as check_region
from ..plugin_utils._paperspace_hosts import Filters, address, facts, groups, host_names
from ..plugin_utils._paperspace_listing import cache_key, fetch, is_usable
from ..plugin_utils._untrusted import untrusted

GROUP = "paperspace"


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """See the documentation above."""

    NAME = "mlinabox.core.paperspace"

    def verify_file(self, path):
        return super().verify_file(path) and path.endswith(("paperspace.yml", "paperspace.yaml"))

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        self.templar.available_variables = self._vars
        if not self._text("api_key") and self.get_option("without_key") == "skip":
            self.display.warning(f"{path}: PAPERSPACE_API_KEY is not set, so no machine is asked for at Paperspace.")
            return
        try:
            key, url = checked_key(self._text("api_key")), checked_address(self._text("api_url"))
            filters = self._filters()
            listing = self._listing(path, cache, key, url)
        except (ApiError, PaperspaceError, ValueError) as error:
            said = scrubbed(one_line(error), self._text("api_key"))
            raise AnsibleParserError(f"{path}: {said}") from None
        # Only now, when all of it is there: half an inventory is worse than none.
        self._populate(listing, filters)

    def _text(self, option):
        value = self.templar.template(self.get_option(option))
        return str(value).strip() if value else ""

    def _filters(self):
        for region in self.get_option("regions"):
            check_region(region)
        names = ("states", "regions", "machine_types", "agent_types", "names", "networks")
        return Filters(**{name: self.get_option(name) for name in names})

    # -- what the API says ------------------------------------------------------------------------------------------

    def _listing(self, path, cache, key, url):
        """The machines with what belongs to them, from the cache where it has them."""
        wanted = self.get_option("group_by")
        with_networks = "network" in wanted or bool(self.get_option("networks"))
        needs = {"with_templates": "template" in wanted, "with_networks": with_networks}
        kept = cache_key(self.get_cache_key(path), key, url)
        is_cached = self.get_option("cache")
        if is_cached and cache:
            try:
                listing = self._cache[kept]
            except KeyError:
                listing = None
            if is_usable(listing, **needs):
                return listing
        api = Api(send, key, url, self.get_option("api_timeout"), tell=self.display.v)
        listing = fetch(api, tell=self.display.warning, **needs)
        if is_cached:
            self._cache[kept] = listing
        return listing

    # -- the inventory ----------------------------------------------------------------------------------------------

    def _populate(self, listing, filters):
        networks = {one["id"]: one.get("name") or one["id"] for one in listing["networks"] or []}
        machines = [machine for machine in listing["machines"] if filters.match(machine, networks)]
        variables, own = {}, {}
        for machine in machines:
            templates = [one for one in listing["templates"] or [] if one.get("parentMachineId") == machine["id"]]
            variables[machine["id"]] = facts(machine, networks, templates)
            own[machine["id"]] = groups(variables[machine["id"]], self.get_option("group_by"))
        self._ours = {GROUP, *self.get_option("groups"), *(group for some in own.values() for group in some)}
        names, changed = host_names(machines, self._is_taken)
        if changed:
            said = ", ".join(changed)
            self.display.warning(f"Hosts whose names at Paperspace are not theirs alone have their ids, too: {said}.")
        self.inventory.add_group(GROUP)
        for machine in machines:
            self._add_host(names[machine["id"]], machine, variables[machine["id"]])
        # Groups come when all hosts are there: one that had a later host's name would get that host's variables.
        for machine in machines:
            self._add_to_groups(names[machine["id"]], own[machine["id"]])

    def _is_taken(self, name, machine):
        if name in self.inventory.groups or name in self._ours:
            return True
        host = self.inventory.hosts.get(name)
        # One from another file is the same machine by another way, unless it is another machine of this plugin's.
        return host is not None and host.vars.get("paperspace_id", machine["id"]) != machine["id"]

    def _add_host(self, name, machine, variables):
        before = self.inventory.hosts.get(name)
        given = before is not None and "ansible_host" in before.vars and "paperspace_id" not in before.vars
        self.inventory.add_host(name, group=GROUP)
        for variable, value in variables.items():
            self.inventory.set_variable(name, variable, untrusted(value))
        where = address(machine, self.get_option("connect_with"))
        if where is not None and not given:
            self.inventory.set_variable(name, "ansible_host", where)
        self._set_composite_vars(
            self.get_option("compose"),
            self.inventory.get_host(name).get_vars(),
            name,
            strict=self.get_option("strict"),
        )

    def _add_to_groups(self, name, own):
        strict = self.get_option("strict")
        for group in own:
            self.inventory.add_group(group)
            self.inventory.add_child(group, name)
        self._add_host_to_composed_groups(self.get_option("groups"), {}, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), {}, name, strict=strict)
