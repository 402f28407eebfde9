# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup plugin apt_sources: repositories with their keys from files of the controller's, fingerprints checked."""

from __future__ import annotations

DOCUMENTATION = r"""
name: apt_sources
author:
  - The ML in a Box authors (@mlinabox)
version_added: 0.1.0
short_description: Adds apt repositories' keys to them, fingerprints checked
description:
  - Reads each repository's key file, armored or not, and fails unless its fingerprint is the one that is expected. No
    gpg is needed.
  - A repository without a key, such as one that the host's own keyring is for, is passed on as it is.
options:
  _terms:
    description:
      - Repositories, each a map with C(name), C(content) (deb822 text without C(Signed-By)), C(key_file) (a path on the
        controller) or C(key) (the key itself, base64), C(fingerprint) (in full; spaces are passed by) and
        C(preferences).
    required: true
"""

EXAMPLES = r"""
- name: Show a key's file name on the host
  ansible.builtin.debug:
    msg: "{{ item.name }}{{ item.key_suffix }}"
  loop: "{{ query('mlinabox.core.apt_sources', *repositories) }}"
  vars:
    repositories:
      - name: demo
        content: |
          Types: deb
          URIs: https://archive.example.org/demo
          Suites: ./
        key_file: /srv/keys/demo.asc
        fingerprint: EB69 3B30 35CD 5710 E231 E123 A4B4 6996 3BF8 63CC
"""

RETURN = r"""
_raw:
  description:
    - The repositories as P(mlinabox.core.apt_plan#module) takes them, each a map with C(name), C(content),
      C(preferences), C(key) (base64 of the key's file, or empty) and C(key_suffix), V(.asc) where the key is armored
      and V(.gpg) where not.
  type: list
  elements: dict
"""

import base64
import os

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.mlinabox.core.plugins.module_utils import _openpgp


class LookupModule(LookupBase):
    """See the documentation above."""

    def run(self, terms, variables=None, **kwargs):
        return [self._source(term) for term in terms]

    def _source(self, term):
        data = self._key(term) if "key_file" in term or "key" in term else b""
        return {
            "name": str(term["name"]),
            "content": str(term["content"]),
            "preferences": str(term.get("preferences", "")),
            "key": base64.b64encode(data).decode("ascii"),
            "key_suffix": ".asc" if not data or _openpgp.is_armored(data) else ".gpg",
        }

    @staticmethod
    def _key(term):
        path = str(term.get("key_file", f"of {term['name']}"))
        try:
            if "key_file" in term:
                with open(os.path.expanduser(path), "rb") as stream:
                    data = stream.read()
            else:
                data = base64.b64decode(str(term["key"]), validate=True)
            wanted, found = _openpgp.normalized(str(term["fingerprint"])), _openpgp.fingerprints(data)
        except OSError as error:
            raise AnsibleError(f"The key {path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise AnsibleError(f"The key {path}: {error}") from error
        if found != [wanted]:
            raise AnsibleError(f"The key {path} has the fingerprint {', '.join(found)}, not {wanted}; do not trust it.")
        return data
