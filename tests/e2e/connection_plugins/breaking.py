"""A local connection that can be cut: while the file named by `breaking_cut` is there, the host does not answer."""

from __future__ import annotations

import os

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = r"""
name: breaking
short_description: A local connection that can be cut
description: For tests.
options:
  cut:
    description: While this file is there, nothing gets through.
    required: true
    vars:
      - name: breaking_cut
extends_documentation_fragment:
  - connection_pipelining
"""


class Connection(Local):
    """local, with a knife."""

    transport = "breaking"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        if os.path.exists(self.get_option("cut")):
            raise AnsibleConnectionFailure("the wire is cut")
        return super().exec_command(cmd, in_data, sudoable)
