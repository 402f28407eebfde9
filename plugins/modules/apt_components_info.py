#!/usr/bin/python
#
# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says how the distribution's own archive is reached, and which of its components a host does not use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_components_info
short_description: Says how the distribution's own archive is reached, and which components a host does not use
version_added: 0.1.0
author:
  - The ML in a Box authors (@mlinabox)
description:
  - Reads apt's sources on the host and returns a source of the same archive, with the same key, for other components.
  - So no address of an archive is needed, and a host behind a mirror stays behind it.
extends_documentation_fragment: mlinabox.core.read_only
options:
  codename:
    description: The release's codename.
    type: str
    required: true
  components:
    description: The components that are wanted.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: See whether non-free is there
  mlinabox.core.apt_components_info:
    codename: bookworm
    components: [contrib, non-free]
  register: archive
"""

RETURN = r"""
content:
  description: The text of a source for O(components), in deb822 form.
  type: str
  returned: success
  sample: "Types: deb\nURIs: http://archive.example.org/debian\nSuites: bookworm\nComponents: contrib non-free\n"
lacking:
  description: Those of O(components) that the host does not use yet.
  type: list
  elements: str
  returned: success
  sample: [contrib, non-free]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlinabox.core.plugins.module_utils import _adoption_host, _apt_sources


def main():
    module = AnsibleModule(
        argument_spec={
            "codename": {"type": "str", "required": True},
            "components": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    entries = _apt_sources.read(_adoption_host.Host("/"))
    try:
        content, lacking = _apt_sources.with_components(entries, module.params["codename"], module.params["components"])
    except ValueError as error:
        module.fail_json(msg=f"{error}; add it to /etc/apt/sources.list.")
    module.exit_json(changed=False, content=content, lacking=lacking)


if __name__ == "__main__":
    main()
