# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scratch root for pip_lock and, beside it, environments that uv and pip keep by themselves, with another cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from ansible_collections.mlinabox.core.plugins.plugin_utils._locks import read_lock
from ansible_collections.mlinabox.core.plugins.plugin_utils._stack_view import environments
from measure import seconds

HERE = Path(__file__).resolve().parent

#: What any module costs before it begins.
_EMPTY = """\
#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={}, supports_check_mode=True).exit_json(changed=False)
"""


def stack_arguments(repository, name, python, builder):
    """Return pip_lock's arguments for a stack's environment `stack`, variant cpu, as the action plugin sends them."""
    folder = repository / "stacks" / name
    with open(folder / "stack.yml", encoding="utf-8") as stream:
        stack = yaml.safe_load(stream)
    stack.update(name=name, dir=str(folder), packages=[])
    one = next(one for one in environments(stack, "cpu") if one["name"] == "stack")
    lock = read_lock(one["lock"])
    return {
        "state": "present",
        "python": python,
        "python_version": lock.header["python"],
        "lock": one["lock"],
        "built_from_source": one["built_from_source"],
        "smoke_user": builder,
        "waivers": one["waivers"],
        "_build_lock": one["build_lock"],
        "_build_constraints": Path(one["build_lock"]).read_text(encoding="utf-8"),
        "_pins": [pin.to_dict() for pin in lock.narrow(None)],
        "_checks": [],
    }


class Box:
    """A scratch place. root: a directory that is made and removed; uv: the program; user: an unprivileged one."""

    def __init__(self, root, arguments, uv, user):
        self.root = Path(root)
        self.arguments = dict(arguments)
        self.build_lock = self.arguments.pop("_build_lock", None) or arguments["lock"]
        self.uv = uv
        self.user = user
        self.root.mkdir(parents=True, mode=0o755)

    def sibling(self, name):
        """Return a box beside this one, with caches of its own."""
        return Box(self.root / name, {**self.arguments, "_build_lock": self.build_lock}, self.uv, self.user)

    def remove(self):
        """Remove all of it."""
        shutil.rmtree(self.root)

    # --- ours ----------------------------------------------------------------------------------------------------

    def _file(self, name, changed, options):
        """Write the module's arguments and return the file."""
        pins = self.arguments["_pins"]
        if changed:
            others = read_lock(str(HERE / "changed.txt")).narrow(None)
            if changed > len(others):
                raise SystemExit(f"changed.txt has {len(others)} pins; take no more runs than that")
            other = {pin.name: pin.to_dict() for pin in others[:changed]}
            pins = [other.get(pin["name"], pin) for pin in pins]
        path = self.root / "arguments.json"
        said = {
            **self.arguments,
            "_pins": pins,
            "name": name,
            "root": str(self.root / "ours"),
            "uv": self.uv,
            **options,
        }
        path.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": said}), encoding="utf-8")
        return path

    def inside(self, name, changed=0, **options):
        """Run main() in a process that has already started. Returns what inside.py says."""
        command = [sys.executable, HERE / "inside.py", self._file(name, changed, options)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        said = json.loads(done.stdout)
        if said["result"].get("failed"):
            raise SystemExit(said["result"]["msg"])
        return said

    def bring(self, name, changed=0):
        """Bring an environment to its lock, untimed. changed: how many of its packages are of another version."""
        self.inside(name, changed)

    def forget(self, name):
        """Remove an environment of either side, not its cache."""
        for path in (self.root / "ours" / "envs" / name, self.root / "peers" / name):
            shutil.rmtree(path, ignore_errors=True)

    def files(self, name):
        """Return the files that integrity looks at, absolute."""
        generation = (self.root / "ours" / "envs" / name / "current").resolve()
        found, folder = [], ""
        for line in (generation / ".mlinabox" / "files.txt").read_text(encoding="utf-8").splitlines()[1:]:
            parts = line.split("\t")
            if line.startswith(">"):
                folder = parts[1] if len(parts) > 1 else ""
            elif not (generation / folder / parts[0]).is_dir():
                found.append(str(generation / folder / parts[0]))
        return found

    def payload(self, name, **options):
        """Return a function that times the module as Ansible sends it to a host, from start to end."""
        arguments = json.loads(self._file(name, 0, options).read_text())["ANSIBLE_MODULE_ARGS"]
        path = self._payload("mlinabox.core.pip_lock", arguments)
        return lambda: seconds(sys.executable, path)

    def empty_payload(self):
        """Return the same for a module that does nothing."""
        (self.root / "library").mkdir(exist_ok=True)
        (self.root / "library" / "empty_module.py").write_text(_EMPTY, encoding="utf-8")
        path = self._payload("empty_module", {})
        return lambda: seconds(sys.executable, path)

    def _payload(self, module, arguments):
        """Have Ansible leave what it would send, and return that file."""
        kept = self.root / "sent" / module
        # The module by itself, without the action plugin of its name: that one would read the lock anew.
        environ = {
            "ANSIBLE_KEEP_REMOTE_FILES": "1",
            "ANSIBLE_REMOTE_TMP": str(kept),
            "ANSIBLE_PIPELINING": "0",
            "ANSIBLE_ACTION_PLUGINS": str(HERE / "action"),
            "ANSIBLE_LIBRARY": str(self.root / "library"),
        }
        self._play({"mlinabox_benchmark_send": {"module": module, "arguments": arguments}}, environ)
        return next(kept.glob(f"*/AnsiballZ_{module.rpartition('.')[2]}.py"))

    def task(self, name, **options):
        """Run a task of a playbook that brings an environment to the lock. Returns seconds, Ansible's own included."""
        said = {key: value for key, value in self.arguments.items() if not key.startswith("_")}
        said.update(name=name, root=str(self.root / "ours"), uv=self.uv, build_lock=str(self.build_lock), **options)
        return self._play({"mlinabox.core.pip_lock": said}, {})

    def _play(self, task, environ):
        """Run one task on this machine. Returns seconds."""
        play = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable},
            "tasks": [task],
        }
        book = self.root / "play.json"
        book.write_text(json.dumps([play]), encoding="utf-8")
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        environ = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "False", **environ}
        return seconds(program, "-i", "localhost,", book, env=environ, cwd=HERE.parent)

    def import_as_user(self, name, module):
        """Return how long a plain user's import of a module takes, in a process of its own."""
        launch = self.root / "ours" / "envs" / name / "launch"
        command = ["setpriv", f"--reuid={self.user}", "--regid=65534", "--clear-groups", launch, "python", "-c"]
        return seconds(*command, f"import {module}", cwd="/", env={"PATH": os.defpath, "HOME": "/nonexistent"})

    # --- peers ---------------------------------------------------------------------------------------------------

    def _uv_environ(self):
        return {**os.environ, "UV_CACHE_DIR": str(self.root / "peer-cache"), "UV_NO_CONFIG": "1"}

    def peer(self, name):
        """Make an empty environment by uv. Returns seconds."""
        directory = self.root / "peers" / name
        shutil.rmtree(directory, ignore_errors=True)
        return seconds(
            self.uv,
            "venv",
            "-q",
            "--no-project",
            "--python",
            self.arguments["python"],
            directory,
            env=self._uv_environ(),
        )

    def peer_sync(self, name, *more):
        """Bring it to the lock by uv. Returns seconds."""
        python = self.root / "peers" / name / "bin" / "python"
        command = [self.uv, "pip", "sync", "-q", "--require-hashes", "--python", python]
        command += ["--build-constraints", self.build_lock, *more, self.arguments["lock"]]
        return seconds(*command, env=self._uv_environ())

    def pip(self, name):
        """Have the environment's own pip find that there is nothing to do. Returns seconds."""
        python = self.root / "peers" / name / "bin" / "python"
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        return seconds(*command, "-r", self.arguments["lock"])

    def over_files(self, files, *command):
        """Run a command over files, as many at once as there are processors. Returns seconds."""
        listing = self.root / "files"
        listing.write_bytes(b"\0".join(map(os.fsencode, files)))
        share = str(max(1, min(2000, len(files) // (4 * (os.cpu_count() or 1)))))
        return seconds("xargs", "-0", f"-P{os.cpu_count()}", "-n", share, "-a", listing, *command)
