#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans what apt would do, so that check mode can say it and real mode carries out just that."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_plan
short_description: Plans an installation or a removal of apt packages
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Says what C(apt-get install) or C(apt-get remove) would do, package by package, with versions and sources, also on
    a host without python3-apt, without package lists, and for repositories that are not configured yet.
  - It installs and removes nothing; the role P(mlinabox.core.apt_packages#role) carries the plan out. Outside check
    mode it fetches apt's package lists when they are missing or old; in check mode it fetches them into a folder that
    it removes.
  - When all of O(names) are installed, it only reads dpkg's status file.
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details:
      - The result C(changed) says whether carrying the plan out would change the host.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
        change.
    support: full
    details:
      - Once the plan has been carried out.
options:
  names:
    description:
      - The packages, each C(NAME) or C(NAME=VERSION); the version may hold C(*).
    type: list
    elements: str
    default: []
  owner:
    description:
      - Who asks (a role's name). What is new on the host is recorded for it in C(/var/lib/mlinabox/apt/<owner>.json).
    type: str
    required: true
  state:
    description:
      - V(absent) plans the removal of what the record of O(owner) holds and nobody else needs; O(names) is not looked
        at.
    type: str
    choices: [present, absent]
    default: present
  refresh:
    description:
      - V(auto) fetches the package lists when they are older than O(lists_max_age) or than a file that names sources,
        or when they do not know one of O(names); V(always) fetches them before planning.
    type: str
    choices: [auto, always]
    default: auto
  lists_max_age:
    description: How many seconds package lists are taken for current.
    type: int
    default: 86400
  lock_timeout:
    description: How many seconds a lock that another apt holds is waited for.
    type: int
    default: 600
  sources:
    description:
      - Repositories that O(names) come from. Those that the host does not have are planned with as if it had them.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name of the file, C(/etc/apt/sources.list.d/mlinabox-<name>.sources).
        type: str
        required: true
      content:
        description: The text in deb822 form, without C(Signed-By).
        type: str
        required: true
      key:
        description: The repository's key, base64 of its file.
        type: str
      key_suffix:
        description: V(.asc) where the key is armored, V(.gpg) where it is not.
        type: str
        choices: [.asc, .gpg]
        default: .asc
      preferences:
        description: The text of C(/etc/apt/preferences.d/mlinabox-<name>.pref), which comes and goes with the source.
        type: str
        default: ""
  preferences:
    description: The text of C(/etc/apt/preferences.d/mlinabox-<owner>.pref).
    type: str
    default: ""
  without:
    description:
      - Files of apt's configuration that are planned with as if they were not there, each with a list of its lines
        where it is only these.
    type: dict
    default: {}
  hold:
    description:
      - Names among O(names) that are held at their version (C(apt-mark hold)), and may be changed although they are. A
        version that somebody else holds is not changed.
    type: list
    elements: str
    default: []
  refuse:
    description:
      - Regular expressions over whole names of packages that the installation must neither install nor replace.
    type: list
    elements: str
    default: []
  refuse_reason:
    description: Why not, for the message.
    type: str
    default: they are not for this to change
"""

EXAMPLES = r"""
- name: Plan the tools
  mlinabox.core.apt_plan:
    owner: tools
    names: [git, "jq=1.6*"]
  register: plan

- name: Show what would be installed
  ansible.builtin.debug:
    msg: "{{ plan.lines }}"
"""

RETURN = r"""
lines:
  description: The plan, a line a package.
  type: list
  elements: str
  returned: success
  sample: ["would install jq=1.6-2.1 from Debian:12.11/oldstable"]
packages:
  description:
    - With O(state=present), the packages that would be installed or replaced. C(old) is the version that is there, or
      empty.
  type: list
  elements: dict
  returned: success
  sample: [{"name": "jq", "version": "1.6-2.1", "source": "Debian:12.11/oldstable", "old": "", "requested": true}]
install:
  description: What to hand to C(apt-get install); empty when there is nothing to do.
  type: list
  elements: str
  returned: success
  sample: ["jq=1.6*"]
remove:
  description: What to hand to C(apt-get remove).
  type: list
  elements: str
  returned: success
  sample: []
remove_sources:
  description: With O(state=absent), the names of the repositories of O(owner) that nobody else uses.
  type: list
  elements: str
  returned: success
  sample: []
hold:
  description: With O(state=present), the names to hand to C(apt-mark hold) after the installation.
  type: list
  elements: str
  returned: success
  sample: []
unhold:
  description: The names to hand to C(apt-mark unhold) before the removal, or before they get another version.
  type: list
  elements: str
  returned: success
  sample: []
records:
  description: The files of records that are to be written, with their text.
  type: dict
  returned: success
  sample: {}
forget:
  description: The file of a record that is to be removed, or empty.
  type: str
  returned: success
  sample: ""
"""

import json
import os
import platform
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _apt, _apt_get, _apt_record, _dpkg

# So many names are said in a message.
FEW = 3
# What the builtin apt module needs; it would bring it unplanned.
PYTHON_APT = "python3-apt"


def os_release():
    """Return the host's release as 'Debian 12' or 'Ubuntu 20.04', or the kernel's name where there is no os-release."""
    words = {}
    try:
        with open("/etc/os-release", encoding="utf-8") as stream:
            for line in stream:
                key, _equals, value = line.strip().partition("=")
                words[key] = value.strip('"')
    except OSError:
        return platform.system()
    return f"{words.get('NAME', '').split(' ')[0]} {words.get('VERSION_ID', '')}".strip()


def record_text(record):
    """Return the text of a record's file."""
    return json.dumps(record, indent=2) + "\n"


def few(names):
    """Return the first of `names` as a text that says how many more there are."""
    more = len(names) - FEW
    return ", ".join(names[:FEW]) + (f" and {more} more" if more > 0 else "")


def preferences_path(name):
    """Return the path of the preferences of a source or an owner."""
    return f"/etc/apt/preferences.d/mlinabox-{name}.pref"


def record_path(owner):
    """Return the path of `owner`'s record."""
    return os.path.join(_apt_record.FOLDER, owner + ".json")


class Planner:
    """The plan for one call. From `module` only params, check_mode, run_command, warn and fail_json are used."""

    def __init__(self, module):
        self.module = module
        self.params = module.params
        self.installed = _dpkg.read_status()
        self.apt = _apt_get.Apt(module.run_command, module.params["lock_timeout"])
        self.result = {
            "lines": [], "packages": [], "install": [], "remove": [], "remove_sources": [], "hold": [], "unhold": [],
            "records": {}, "forget": "",
        }  # fmt: skip
        try:
            self.records = _apt_record.read_records()
        except ValueError as error:
            module.fail_json(msg=str(error))

    def present(self):
        """Fill the result for state present."""
        names, owner = self.params["names"], self.params["owner"]
        missing = [name for name in names if not _dpkg.is_satisfied(name, self.installed)]
        self._let_go(missing)
        installs = []
        if missing:
            if PYTHON_APT not in self.installed and PYTHON_APT not in missing:
                missing.append(PYTHON_APT)
            installs = self._simulated(missing)
        wanted = {name.split("=")[0].split(":")[0] for name in missing}
        self.result["packages"] = [{**package, "requested": package["name"] in wanted} for package in installs]
        self.result["install"] = missing
        self.result["lines"] = [_apt.install_line(package) for package in installs]
        sources = [source["name"] for source in self.params["sources"]]
        hold = [name for name in self.params["hold"] if name not in self.installed or not self.installed[name].held]
        record = _apt_record.grown(self.records.get(owner), names, installs, sources, hold)
        if record != self.records.get(owner):
            self.result["records"] = {record_path(owner): record_text(record)}
            if not installs:
                self.result["lines"] = [f"would record that {owner} needs {few(names)}"]
        if hold:
            self.result["lines"] += [f"would hold {', '.join(hold)}"]
        # What is held and gets another version is let go for that, and held again.
        self.result["hold"] = hold + self.result["unhold"]

    def _let_go(self, missing):
        """Note which of `missing` are held by us at another version; fail where somebody else holds one."""
        ours = {name for record in self.records.values() for name in record["held"]}
        for spec in missing:
            name, version = _dpkg.parse_spec(spec)
            if name not in self.installed or not self.installed[name].held:
                continue
            if name not in ours:
                self.module.fail_json(
                    msg=f"{name} is held at {self.installed[name].version}, not by this collection, and {version} is "
                    f"wanted. `apt-mark unhold {name}` lets it go."
                )
            self.result["unhold"].append(name)

    def absent(self):
        """Fill the result for state absent."""
        owner = self.params["owner"]
        if owner not in self.records:
            return
        candidates, sources = _apt_record.nobody_elses(owner, self.records)
        self.result["unhold"] = [
            name for name in self.records[owner]["held"] if name in self.installed and self.installed[name].held
        ]
        remove = _dpkg.removable(candidates, self.installed)
        if remove:
            rc, text = self.apt.simulate("remove", remove)
            _installs, removals = _apt.parse_simulation(text)
            more = sorted({name.split(":")[0] for name in removals} - set(remove))
            if rc or more:
                why = f"apt-get would remove {', '.join(more)} too" if more else " ".join(_apt.errors(text))
                self.module.fail_json(msg=f"What {owner} installed is not removed: {why}.")
        kept = [name for name in self.records[owner]["installed"] if name in self.installed and name not in remove]
        heirs = _apt_record.inherited(owner, kept, self.records)
        self.result["records"] = {record_path(heir): record_text(record) for heir, record in heirs.items()}
        self.result["remove"] = remove
        self.result["remove_sources"] = sources
        self.result["forget"] = record_path(owner)
        self.result["lines"] = [f"would remove {name}={self.installed[name].version}" for name in remove]
        self.result["lines"] += [f"would keep {name}, which others need" for name in kept]
        self.result["lines"] += [f"would no longer hold {name}" for name in self.result["unhold"] if name not in remove]
        self.result["lines"] += [f"would remove the source mlinabox-{name}" for name in sources]
        self.result["lines"] += [f"would remove {record_path(owner)}"]

    def _simulated(self, names):
        """Return the packages that installing `names` brings; fail with one line when that cannot be done."""
        unknown_sources, without = self._sources_not_there(), self._still_there()
        if unknown_sources or without or self._other_preferences():
            self.apt.pretend(unknown_sources, self._preferences(), without)
        own = bool(self.module.check_mode or unknown_sources or without)
        fetched = None
        if unknown_sources or without or self.params["refresh"] == "always" or not self._fresh():
            fetched = self._fetch(own)
        rc, text = self.apt.simulate("install", names)
        if rc and fetched is None:
            # The lists may be of this morning, the package of this noon.
            fetched = self._fetch(own)
            rc, text = self.apt.simulate("install", names)
        failures = _apt.fetch_failures(fetched or "") or (_apt.errors(fetched or "") if rc else [])
        if rc:
            self._fail(text, failures)
        for failure in failures:
            self.module.warn(f"apt could not fetch {failure}")
        installs, removals = _apt.parse_simulation(text)
        if removals:
            self.module.fail_json(
                msg=f"Installing {few(names)} would remove {', '.join(removals)}; remove that yourself first."
            )
        refused = [
            package
            for package in installs
            if any(re.fullmatch(pattern, package["name"]) for pattern in self.params["refuse"])
        ]
        if refused:
            what = ", ".join(f"{package['name']}={package['version']} from {package['source']}" for package in refused)
            self.module.fail_json(
                msg=f"Installing {few(names)} would bring {what}: {self.params['refuse_reason']}. Nothing was changed."
            )
        return installs

    def _fresh(self):
        return _apt_get.lists_are_fresh(self.params["lists_max_age"])

    def _fetch(self, own):
        if own:
            self.apt.own_lists()
        return self.apt.update()

    def _preferences(self):
        """Return {name of a file: its text} of the preferences that come with the sources and the owner."""
        texts = {source["name"]: source["preferences"] for source in self.params["sources"]}
        texts[self.params["owner"]] = self.params["preferences"]
        return {os.path.basename(preferences_path(name)): text for name, text in texts.items() if text}

    def _other_preferences(self):
        for name, text in self._preferences().items():
            try:
                with open(os.path.join("/etc/apt/preferences.d", name), encoding="utf-8") as stream:
                    if text.strip() not in stream.read():
                        return True
            except OSError:
                return True
        return False

    def _still_there(self):
        """Return those of `without` that the host still has."""
        there = {}
        for path, lines in self.params["without"].items():
            try:
                with open(path, encoding="utf-8", errors="surrogateescape") as stream:
                    found = stream.read().splitlines()
            except OSError:
                continue
            if not lines or set(lines) & set(found):
                there[path] = lines
        return there

    def _sources_not_there(self):
        return [
            source
            for source in self.params["sources"]
            if not os.path.exists(f"/etc/apt/sources.list.d/mlinabox-{source['name']}.sources")
        ]

    def _fail(self, text, failures):
        if failures:
            self.module.fail_json(
                msg=f"apt cannot fetch its package lists ({failures[0]}), and without them not all of "
                f"{few(self.params['names'])} can be had. "
                "Check the host's network, or set network_http_proxy and network_ca_bundle."
            )
        known = self.apt.known_names() if _apt.unknown_names(text) else []
        versions = {name: _apt.parse_madison(self.apt.madison(name)) for name, _version in _apt.unknown_versions(text)}
        self.module.fail_json(msg=_apt.explain(text, os_release(), known, versions))


def main():
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "default": []},
            "owner": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "refresh": {"type": "str", "choices": ["auto", "always"], "default": "auto"},
            "lists_max_age": {"type": "int", "default": 86400},
            "lock_timeout": {"type": "int", "default": 600},
            "sources": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "content": {"type": "str", "required": True},
                    "key": {"type": "str", "no_log": False},
                    "key_suffix": {"type": "str", "choices": [".asc", ".gpg"], "default": ".asc", "no_log": False},
                    "preferences": {"type": "str", "default": ""},
                },
            },
            "preferences": {"type": "str", "default": ""},
            "without": {"type": "dict", "default": {}},
            "hold": {"type": "list", "elements": "str", "default": []},
            "refuse": {"type": "list", "elements": "str", "default": []},
            "refuse_reason": {"type": "str", "default": "they are not for this to change"},
        },
        supports_check_mode=True,
    )
    for name in module.params["names"]:
        try:
            _dpkg.parse_spec(name)
        except ValueError as error:
            module.fail_json(msg=f"{error}.")
    planner = Planner(module)
    try:
        if module.params["state"] == "present":
            planner.present()
        else:
            planner.absent()
    finally:
        planner.apt.close()
    lines = planner.result["lines"]
    module.exit_json(
        changed=bool(lines), diff={"before": "", "after": "".join(line + "\n" for line in lines)}, **planner.result
    )


if __name__ == "__main__":
    main()
