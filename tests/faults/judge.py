"""Judges what is live in an environment, from outside: it shares no code with what it judges, and imports none of it.

    python -I judge.py DIRECTORY ALLOWED

DIRECTORY is <root>/envs/<name>. ALLOWED is a JSON file, the only states that may be live, and what must work in each:

    {"old": {"packages": {"six": "1.16.0", ...}, "modules": ["six", ...]}, "new": {...}}

Prints {"which": ..., "generation": ..., "files": ..., "bytecode": ..., "findings": [...]} as JSON. Exit status 0 where
exactly one of the allowed states is live and whole, 1 where there are findings, 2 for a wrong call. Changes nothing.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import pwd
import re
import subprocess
import sys

#: What uv puts into an environment beside the distributions' own files.
STRAY = re.compile(r"^(_virtualenv\.(py|pth)|__pycache__/.*\.pyc|.*/__pycache__/[^/]*\.pyc)$")
MOST = 20  # findings that are shown
TIMEOUT = 120  # seconds for one program of the environment

# Runs in the environment's interpreter: what is installed as importlib.metadata has it, and whether bytecode loads.
ASK = r"""
import importlib.metadata, importlib.util, json, marshal, os, struct, sys
site = sys.argv[1]
found = {"prefix": sys.prefix, "installed": [], "bytecode": 0, "findings": []}
for one in importlib.metadata.distributions(path=[site]):
    found["installed"].append([one.metadata["Name"], one.version])
magic = importlib.util.MAGIC_NUMBER
for folder, _folders, names in os.walk(site):
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(".pyc") and os.path.basename(folder) == "__pycache__":
            found["bytecode"] += 1
            try:
                source = importlib.util.source_from_cache(path)
                with open(path, "rb") as stream:
                    data = stream.read()
                flags, mtime, size = struct.unpack("<III", data[4:16])
                marshal.loads(data[16:])
                info = os.stat(source)
                if data[:4] != magic:
                    found["findings"].append(path + " is another Python's")
                elif not flags and (mtime, size) != (int(info.st_mtime) & 0xFFFFFFFF, info.st_size):
                    found["findings"].append(path + " is not of its source")
            except Exception as error:
                found["findings"].append(path + " does not load: " + repr(error))
        elif name.endswith(".py"):
            try:
                compiled = importlib.util.cache_from_source(path)
                if not os.path.exists(compiled):
                    with open(path, "rb") as stream:
                        compile(stream.read(), path, "exec")
                    found["findings"].append(path + " has no bytecode")
            except (SyntaxError, ValueError):
                pass
            except OSError as error:
                found["findings"].append(path + " cannot be read: " + str(error))
print(json.dumps(found))
"""

# Imports each module, as a program would.
IMPORT = r"""
import importlib, json, os, sys, warnings
warnings.simplefilter("ignore")
wrong = {}
out = os.dup(1)
os.dup2(2, 1)
for name in sys.argv[2:]:
    try:
        module = importlib.import_module(name)
        where = getattr(module, "__file__", None) or list(getattr(module, "__path__", [""]))[0]
        if not os.path.realpath(where).startswith(sys.argv[1] + os.sep):
            wrong[name] = "imported from " + repr(where)
    except BaseException as error:
        wrong[name] = repr(error)[:300]
os.write(out, json.dumps(wrong).encode())
"""


class Judge:
    """One look at one environment. `findings`: what is wrong, a line each."""

    def __init__(self, directory, allowed):
        self.directory = directory
        self.allowed = allowed
        self.findings = []
        self.generation = ""
        self.which = ""
        self.files = 0
        self.bytecode = 0

    def find(self, text):
        self.findings.append(text)

    def run(self):
        """Look at everything; each step needs what the one before found."""
        path = self.live()
        site = path and self.site(path)
        if not site:
            return
        inodes = self.records(path, site)
        self.programs(path)
        self.ask(path, site)
        if self.which:
            self.imports(path)
        self.launcher(path)
        self.writers(inodes)

    def live(self):
        """The directory that `current` names, or ''."""
        link = os.path.join(self.directory, "current")
        try:
            name = os.readlink(link)
        except OSError as error:
            self.find(f"no live environment: {error}")
            return ""
        path = os.path.join(self.directory, name)
        if os.sep in name or name.startswith(".") or os.path.islink(path) or not os.path.isdir(path):
            self.find(f"current names {name!r}, which is no directory beside it")
            return ""
        self.generation = name
        return path

    def site(self, path):
        library = os.path.join(path, "lib")
        names = [name for name in listing(library) if re.match(r"python3\.\d+$", name)]
        if len(names) != 1 or not os.path.isdir(os.path.join(library, names[0], "site-packages")):
            self.find(f"{library} has no site-packages")
            return ""
        return os.path.join(library, names[0], "site-packages")

    def records(self, path, site):
        """Hold each RECORD against the files, and the files against all RECORDs. Returns the files' inodes."""
        known, inodes = set(), set()
        for name in listing(site):
            if not name.endswith(".dist-info"):
                continue
            record = os.path.join(site, name, "RECORD")
            try:
                with open(record, newline="", encoding="utf-8") as stream:
                    rows = [row for row in csv.reader(stream) if row]
            except (OSError, ValueError, csv.Error) as error:
                self.find(f"{record} cannot be read: {error}")
                continue
            if not any(row[0] == name + "/METADATA" for row in rows):
                self.find(f"{record} does not name METADATA: it was cut")
            for row in rows:
                full = os.path.normpath(os.path.join(site, row[0]))
                known.add(full)
                self.file(full, *([*row, "", ""])[1:3])
        for folder, folders, names in os.walk(path):
            for name in folders:
                if os.path.islink(os.path.join(folder, name)):
                    self.link(os.path.join(folder, name))
            for name in names:
                full = os.path.join(folder, name)
                if os.path.islink(full):
                    self.link(full)
                    continue
                try:
                    info = os.lstat(full)
                except OSError as error:
                    self.find(str(error))
                    continue
                inodes.add((info.st_dev, info.st_ino))
                inside = os.path.relpath(full, site)
                if full.startswith(site + os.sep) and full not in known and not STRAY.match(inside):
                    self.find(f"{full} belongs to no distribution")
        return inodes

    def file(self, full, how, size):
        try:
            with open(full, "rb") as stream:
                data = stream.read()
        except OSError as error:
            self.find(str(error))
            return
        self.files += 1
        if size and len(data) != int(size):
            self.find(f"{full} has {len(data)} bytes, RECORD says {size}")
        elif how:
            algorithm, _equals, wanted = how.partition("=")
            digest = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
            if digest != wanted:
                self.find(f"{full} has another content than RECORD says")

    def link(self, full):
        if not os.path.exists(full):
            self.find(f"{full} leads nowhere")

    def programs(self, path):
        """Every script of bin/ must start this generation's interpreter, which must be there."""
        folder = os.path.join(path, "bin")
        for name in listing(folder):
            full = os.path.join(folder, name)
            try:
                with open(full, "rb") as stream:
                    head = stream.read(4096)
            except OSError as error:
                self.find(str(error))
                continue
            if not head:
                self.find(f"{full} is empty")
            elif head.startswith(b"#!") and not os.path.islink(full):
                other = re.findall(re.escape(self.directory).encode() + rb"/([^/\s'\"]+)/bin/python", head)
                if [one for one in other if one.decode() != self.generation]:
                    self.find(f"{full} starts the interpreter of {other[0].decode()}")
                if not os.access(full, os.X_OK):
                    self.find(f"{full} cannot be run")

    def ask(self, path, site):
        found = self.call([os.path.join(path, "bin", "python"), "-I", "-c", ASK, site], "the interpreter")
        if found is None:
            return
        if found["prefix"] != path:
            self.find("the interpreter's prefix is {}".format(found["prefix"]))
        self.bytecode = found["bytecode"]
        self.findings.extend(found["findings"])
        names = [re.sub(r"[-_.]+", "-", name or "?").lower() for name, _version in found["installed"]]
        for name in sorted(set(names)):
            if names.count(name) > 1:
                self.find(f"{name} is installed {names.count(name)} times")
        installed = dict(zip(names, (version for _name, version in found["installed"])))
        for which, state in sorted(self.allowed.items()):
            if installed == state["packages"]:
                self.which = which
                return
        self.find(f"the set of distributions is none of those allowed: {self.nearest(installed)}")

    def nearest(self, installed):
        said = {}
        for which, state in self.allowed.items():
            wanted = state["packages"]
            said[which] = [
                f"{name} {installed.get(name)}, not {wanted.get(name)}"
                for name in sorted(set(installed) | set(wanted))
                if installed.get(name) != wanted.get(name)
            ]
        which = min(said, key=lambda one: len(said[one]))
        return "nearest is {}, but {}".format(which, "; ".join(said[which][:MOST]))

    def imports(self, path):
        modules = self.allowed[self.which]["modules"]
        command = [os.path.join(path, "bin", "python"), "-I", "-c", IMPORT, path, *modules]
        wrong = self.call(command, "importing")
        for name, why in sorted((wrong or {}).items()):
            self.find(f"import {name}: {why}")

    def launcher(self, path):
        program = os.path.join(self.directory, "launch")
        found = self.call([program, "python", "-I", "-c", "import json, sys; print(json.dumps(sys.prefix))"], "launch")
        if found is not None and found != path:
            self.find(f"launch starts {found}")

    def call(self, command, what):
        """Run a program as a plain user, in his own empty surroundings. Returns what it printed as JSON, or None."""
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
                preexec_fn=become_plain if os.geteuid() == 0 else None,
                timeout=TIMEOUT,
                check=False,
            )
            if done.returncode == 0:
                return json.loads(done.stdout.decode("utf-8"))
            why = f"ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}"
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            why = str(error)[:300]
        self.find(f"{what}: {why}")
        return None

    def writers(self, inodes):
        """Nobody may have a file of the live environment open for writing, by whatever name (hard links share)."""
        for pid in filter(str.isdigit, listing("/proc")):
            for number in listing(f"/proc/{pid}/fd"):
                try:
                    with open(f"/proc/{pid}/fdinfo/{number}") as stream:
                        flags = int(re.search(r"flags:\s*([0-7]+)", stream.read()).group(1), 8)
                    info = os.stat(f"/proc/{pid}/fd/{number}")
                    name = os.readlink(f"/proc/{pid}/fd/{number}")
                except (OSError, AttributeError):
                    continue  # it ended, or closed it
                if flags & os.O_ACCMODE != os.O_RDONLY and (info.st_dev, info.st_ino) in inodes:
                    self.find(f"process {pid} is writing to {name}")


def become_plain():
    owner = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)


def listing(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def main(words):
    if len(words) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    with open(words[1], encoding="utf-8") as stream:
        allowed = json.load(stream)
    judge = Judge(os.path.realpath(words[0]), allowed)
    judge.run()
    said = {
        "which": judge.which,
        "generation": judge.generation,
        "files": judge.files,
        "bytecode": judge.bytecode,
        "findings": judge.findings[:MOST],
        "more": max(0, len(judge.findings) - MOST),
    }
    print(json.dumps(said, indent=1))
    return int(bool(judge.findings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
