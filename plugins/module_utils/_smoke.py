# Copyright: (c) 2026, the ML in a Box contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs an environment's smoke checks: small scripts that prove that a package not only imports but computes.

A check runs as an unprivileged user in a new home, without network, so that it can neither lean on what lies
around on the machine nor leave anything behind. Checks run side by side within the machine's memory.

Plain Python 3.8+ and standard library: nothing here knows of Ansible. Everything runs in the calling thread, because
between fork and exec we run Python, which is safe only where no other thread may hold a lock.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, fields

WORKS = "works"
FAILS = "fails"

_MIB = 1024 * 1024
_PREFIX = "mlinabox-smoke-"
_STALE_AFTER = 600  # seconds; older ones whose lock is free belong to a run that was killed
_POLL = 0.02  # seconds between looks at the running checks
_LONGEST_MESSAGE = 300  # characters

# <linux/sched.h>, <linux/prctl.h>, <linux/sockios.h>, <net/if.h>; none of them is in Python 3.8's library.
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41

# Loaded here, not after the fork: loading takes locks.
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Check:
    """One smoke check.

    memory is MiB it is known to need (for planning, not a limit), timeout seconds. A check that is expected to fail
    says why in reason. wanted is the version that the stack asks for, empty where it asks for none.
    """

    name: str
    script: str
    distribution: str
    wanted: str = ""
    memory: int = 512
    timeout: int = 180
    expected: str = WORKS
    reason: str = ""

    @classmethod
    def from_dict(cls, data: dict) -> Check:
        """A check from plain data; raises ValueError that names the check and the field."""
        if not isinstance(data, dict):
            raise ValueError(f"a smoke check is a mapping, not {data!r}")
        label = f"smoke check {data.get('name', '?')!s}"
        known = {field.name: field.type for field in fields(cls)}
        for key in data:
            if key not in known:
                raise ValueError(f"{label}: unknown field '{key}'; known are {', '.join(known)}")
        for key in ("name", "script", "distribution"):
            if not data.get(key):
                raise ValueError(f"{label}: field '{key}' is missing or empty")
        for key, value in data.items():
            if known[key] == "str" and not isinstance(value, str):
                raise ValueError(f"{label}: field '{key}' must be text, not {value!r}")
            if known[key] == "int" and (isinstance(value, bool) or not isinstance(value, int) or value <= 0):
                raise ValueError(f"{label}: field '{key}' must be a whole number above 0, not {value!r}")
        check = cls(**data)
        if check.expected not in (WORKS, FAILS):
            raise ValueError(f"{label}: field 'expected' must be '{WORKS}' or '{FAILS}', not {check.expected!r}")
        if check.expected == FAILS and not check.reason:
            raise ValueError(f"{label}: field 'reason' is empty, yet the check is expected to fail")
        return check


@dataclass(frozen=True)
class Result:
    """How one check went. ok is the verdict: it did what was expected, or better (then unexpected is true), and the
    version is the one wanted. seconds is wall time, peak_memory MiB."""

    name: str
    distribution: str
    wanted: str
    found: str
    works: bool
    ok: bool
    unexpected: bool
    seconds: float
    message: str
    peak_memory: int
    expected: str = WORKS
    reason: str = ""

    def to_dict(self) -> dict:
        return asdict(self)


class Results(list):
    """The results in the checks' order. isolation is empty where the checks had no network, else why they had."""

    isolation: str = ""


def run_checks(
    python: str,
    checks: list[Check],
    user: str = "nobody",
    scratch: str | None = None,
    jobs: int | None = None,
    budget_mib: int | None = None,
    env: dict[str, str] | None = None,
) -> Results:
    """Runs the checks with an environment's interpreter (ENVIRONMENT/bin/python) and returns a result for each.

    user      whom they run as where the caller is root; everybody else runs them as himself
    scratch   an existing folder in which to make the homes; everyone must be able to enter it
    jobs      most checks at once; by default one a usable core
    budget_mib  memory that running checks may declare together, MiB; a check above it runs alone
    env       variables on top of the clean environment

    Raises ValueError for a user or scratch folder that is not there. What goes wrong with a check is its result.
    """
    cores = len(os.sched_getaffinity(0))
    jobs = max(1, jobs or cores)
    threads = max(1, min(4, cores // jobs))
    budget = memory_budget() if budget_mib is None else budget_mib
    owner = _owner(user)
    results = Results()
    results.isolation = _no_network_probe()
    versions = installed(python)
    base = scratch or "/var/tmp"
    if not os.path.isdir(base):
        raise ValueError(f"scratch folder {base} is not there")

    done: dict[int, Result] = {}
    running: dict[int, _Running] = {}
    # The big ones first: they decide how long all of it takes.
    pending = sorted(range(len(checks)), key=lambda i: -checks[i].memory)
    with _ends_orderly(), _run_folder(base) as folder:
        try:
            while pending or running:
                declared = sum(checks[i].memory for i in running)
                for i in _startable(pending, checks, declared, len(running), jobs, budget):
                    pending.remove(i)
                    home = os.path.join(folder, str(i))
                    _make_home(home, owner)
                    variables = {**environment(home, python, owner, threads), **(env or {})}
                    running[i] = _Running(python, checks[i], home, owner, variables, network=bool(results.isolation))
                for i, process in list(running.items()):
                    outcome = process.poll()
                    if outcome:
                        del running[i]
                        done[i] = _verdict(checks[i], versions.get(normalize(checks[i].distribution), ""), *outcome)
                        shutil.rmtree(process.home, onerror=_make_writable)
                if running:
                    time.sleep(_POLL)
        finally:
            for process in running.values():
                process.kill()
    results.extend(done[i] for i in range(len(checks)))
    return results


def table(results: list[Result]) -> str:
    """The published table again: one row a result, in their order, columns aligned, plain text."""
    rows = [("Software", "Version wanted", "Version found", "Works", "Note")]
    for result in results:
        rows.append((result.name, result.wanted or "-", result.found or "-", _works(result), _note(result)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    rows.insert(1, tuple("-" * width for width in [*widths, 4]))
    lines = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip() for row in rows]
    isolation = getattr(results, "isolation", "")
    if isolation:
        lines.append(f"The checks ran with the machine's network: {isolation}")
    return "\n".join(lines)


def normalize(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(python: str) -> dict[str, str]:
    """Versions by normalised name, read from the names of the environment's metadata folders; starts no process."""
    found = {}
    # Not resolved: in an environment bin/python is a link to the interpreter outside of it.
    libraries = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(python))), "lib")
    for library in _entries(libraries):
        site = os.path.join(libraries, library, "site-packages")
        for entry in _entries(site):
            match = re.match(r"(.+?)-([0-9][^-]*)(?:-py[0-9.]+)?\.(?:dist|egg)-info$", entry)
            if match:
                found[normalize(match.group(1))] = match.group(2)
    return found


def memory_budget(proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> int:
    """MiB that checks may take together: four fifths of what is available, to the machine or to our control group."""
    available = []
    for line in _read(os.path.join(proc, "meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            available.append(int(line.split()[1]) * 1024)
    for line in _read(os.path.join(proc, "self/cgroup")).splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            available += _cgroup_room(cgroups, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = os.path.join(cgroups, "memory")
            available += _cgroup_room(
                root, path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            )
    return int(min(available) * 0.8) // _MIB if available else 0


def environment(home: str, python: str, owner: pwd.struct_passwd, threads: int) -> dict[str, str]:
    """The only variables a check sees: everything that programs write goes below its home, nothing asks a network."""
    one_for_all = str(threads)
    return {
        "PATH": f"{os.path.dirname(os.path.abspath(python))}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "USER": owner.pw_name,
        "LOGNAME": owner.pw_name,
        "SHELL": "/bin/sh",
        "HOME": home,
        "TMPDIR": os.path.join(home, "tmp"),
        "XDG_CACHE_HOME": os.path.join(home, ".cache"),
        "XDG_CONFIG_HOME": os.path.join(home, ".config"),
        "XDG_DATA_HOME": os.path.join(home, ".local/share"),
        "XDG_STATE_HOME": os.path.join(home, ".local/state"),
        "XDG_RUNTIME_DIR": os.path.join(home, ".run"),
        "MPLCONFIGDIR": os.path.join(home, ".config/matplotlib"),
        "MPLBACKEND": "Agg",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": one_for_all,
        "OPENBLAS_NUM_THREADS": one_for_all,
        "MKL_NUM_THREADS": one_for_all,
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Two checks share one GPU: neither may take all of its memory at once.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "DO_NOT_TRACK": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


class _Running:
    """A check's process, from its start to the end of all of its descendants."""

    def __init__(self, python, check, home, owner, variables, network):
        self.home = home
        self.check = check
        self.python = python
        self.started = time.monotonic()
        self.process = None
        self.network_namespace = None
        self.problem = ""
        # Beside the home, not in it: the script is not the check's to change, nor what it said on stderr.
        script = f"{home}.py"
        with open(script, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(check.script)
        confine = _confinement(None if os.geteuid() else owner, network)
        try:
            with open(f"{home}.err", "wb") as errors:
                self.process = subprocess.Popen(
                    [python, "-I", "-B", script],
                    cwd=home,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                    preexec_fn=confine,  # one thread only, see the head of this file
                )
        except (OSError, subprocess.SubprocessError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self.problem = f"{python} does not start as {variables['USER']}: {why}"
            return
        if not network:
            # Popen returns after the exec, so this is the namespace that all its descendants share.
            with contextlib.suppress(OSError):  # it may have ended already
                # Held open: a namespace that ended would leave its number to that of the check that starts next.
                self.network_namespace = os.open(f"/proc/{self.process.pid}/ns/net", os.O_RDONLY)

    def poll(self):
        """None while it runs, else (problem, peak memory in MiB, seconds); problem is empty where it works."""
        if self.process is None:
            return self.problem, 0, self._seconds()
        seconds = self._seconds()
        # Looked at, not yet reaped: until its descendants are gone nobody else shall get its process id.
        if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            peak_memory = self.kill()
            return self._problem(self.process.returncode), peak_memory, seconds
        if seconds > self.check.timeout:
            return f"no answer within {self.check.timeout} s", self.kill(), seconds
        return None

    def kill(self):
        """Kills what is left of the process and its descendants, reaps it, returns its peak memory in MiB."""
        if self.process is None:
            return 0
        self._kill_descendants()
        # Not Popen.wait: wait4 alone tells the peak memory of this very process and of its children.
        _pid, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = _exit_code(status)
        if self.network_namespace is not None:
            os.close(self.network_namespace)
        return usage.ru_maxrss // 1024

    def _kill_descendants(self):
        """Its process group, and those that began a session of their own, known by its namespace and its home."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        mark = f"\0HOME={self.home}\0".encode()
        for _round in range(5):  # while we look, one may fork another
            alive = [pid for pid in _entries("/proc") if pid.isdigit() and self._is_ours(pid, mark)]
            for pid in alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(int(pid), signal.SIGKILL)
            if not alive:
                return
            time.sleep(_POLL)

    def _is_ours(self, pid, mark):
        if int(pid) == self.process.pid:
            return False
        with contextlib.suppress(OSError):  # gone, or somebody else's
            if self.network_namespace is not None and os.path.samestat(
                os.stat(f"/proc/{pid}/ns/net"), os.fstat(self.network_namespace)
            ):
                return True
            with open(f"/proc/{pid}/environ", "rb") as file:
                return mark in b"\0" + file.read()
        return False

    def _problem(self, code):
        if code == 0:
            return ""
        line = error_line(_tail(f"{self.home}.err"))
        if code > 0:
            return line or f"ended with status {code}, without a word"
        if -code == signal.SIGKILL:
            return "killed (out of memory?)"
        return f"killed by {_signal_name(-code)}" + (f": {line}" if line else "")

    def _seconds(self):
        return round(time.monotonic() - self.started, 2)


def error_line(text: str) -> str:
    """The one line of a program's stderr that says what went wrong: the exception of the last traceback, else the last
    line that is not empty. Exceptions of several lines (protobuf's, for one) say it in their first."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("Traceback (most recent call last)"):
            after = lines[start + 1 :]
            for number, line in enumerate(after):
                if line.startswith(" "):
                    continue
                if line.endswith(":"):  # CuPy's message begins with an empty line and a ruler
                    line += " " + next((more for more in after[number + 1 :] if re.search(r"\w", more)), "")
                return _shorten(line)
            break
    return _shorten(lines[-1]) if lines else ""


def _verdict(check, found, problem, peak_memory, seconds):
    works = not problem
    unexpected = works and check.expected == FAILS
    # torch 1.12.1+cu116 is the 1.12.1 that was asked for.
    version_ok = not check.wanted or check.wanted in (found, found.partition("+")[0])
    if works and not version_ok:
        problem = f"version {found} is not the one wanted" if found else "not installed, though its check ran"
    return Result(
        name=check.name,
        distribution=check.distribution,
        wanted=check.wanted,
        found=found,
        works=works,
        ok=version_ok and (works or check.expected == FAILS),
        unexpected=unexpected,
        seconds=seconds,
        message=problem,
        peak_memory=peak_memory,
        expected=check.expected,
        reason=check.reason,
    )


def _works(result):
    if result.works:
        return "yes"
    return "fails as expected" if result.expected == FAILS else "no"


def _note(result):
    if result.unexpected:
        return "; ".join(filter(None, [f"works, though it was expected to fail: {result.reason}", result.message]))
    if result.expected == FAILS and result.ok:
        return result.reason
    return result.message


def _startable(pending, checks, used, active, jobs, budget):
    """Those of pending that can start now beside active others that declared used MiB."""
    chosen = []
    for i in pending:
        if active >= jobs:
            break
        # Where nothing runs anything may start, also what is larger than the whole budget; then it runs alone.
        if active == 0 or used + checks[i].memory <= budget:
            chosen.append(i)
            used += checks[i].memory
            active += 1
    return chosen


def _confinement(owner, network):
    """The function that a check's process runs between fork and exec. owner is None where the caller is not root."""
    parent = os.getpid()
    loopback = _loopback_request()

    def confine():
        os.umask(0o077)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _prefer_for_oom()
        if not network:
            _leave_network(loopback)
        if owner:
            os.setgroups([])
            os.setresgid(owner.pw_gid, owner.pw_gid, owner.pw_gid)
            os.setresuid(owner.pw_uid, owner.pw_uid, owner.pw_uid)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        # After the change of user, which clears it.
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked to be told
            os._exit(1)

    return confine


def _prctl(option, value):
    if _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        raise OSError(ctypes.get_errno(), "prctl")


def _prefer_for_oom():
    """Where memory runs out the kernel shall end a check, not what the machine is for."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def _loopback_request():
    return struct.pack("16sH22x", b"lo", _IFF_UP_RUNNING)


def _leave_network(loopback):
    """Moves the process to a network namespace of its own, in which there is loopback and nothing else."""
    if _libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control.fileno(), _SIOCSIFFLAGS, loopback)


def _no_network_probe():
    """Empty where a process can be cut off from the network, else why not. Tried in a child, for it is for good."""
    loopback = _loopback_request()
    child = os.fork()
    if not child:
        code = 255
        try:
            _leave_network(loopback)
            code = 0
        except OSError as error:
            code = error.errno or 255
        finally:
            os._exit(code)
    code = _exit_code(os.waitpid(child, 0)[1])
    return f"a network namespace cannot be made here ({os.strerror(code)})" if code else ""


def _owner(user):
    if os.geteuid():
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"user '{user}', as whom the smoke checks run, is not on this machine") from None


def _make_home(home, owner):
    for folder in ("", "tmp", ".run", ".cache", ".config"):
        path = os.path.join(home, folder)
        os.mkdir(path, 0o700)
        if not os.geteuid():
            os.chown(path, owner.pw_uid, owner.pw_gid)


@contextlib.contextmanager
def _run_folder(base):
    """A folder for one run, locked while it lasts and removed at its end; removes those of runs that were killed."""
    _remove_stale(base)
    # Short: names of sockets below it must stay within 107 characters.
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=base)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.chmod(folder, 0o711)
        yield folder
    finally:
        shutil.rmtree(folder, onerror=_make_writable)
        os.close(lock)


def _remove_stale(base):
    for name in _entries(base):
        path = os.path.join(base, name)
        with contextlib.suppress(OSError):  # another run may remove it too
            info = os.lstat(path)
            mine = name.startswith(_PREFIX) and stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid()
            if not mine or time.time() - info.st_mtime < _STALE_AFTER:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, onerror=_make_writable)
            finally:
                os.close(lock)


def _make_writable(function, path, _info):
    """Called by rmtree where it cannot remove: a check may have left a folder that not even its owner may change."""
    if not os.path.lexists(path):
        return  # it vanished by itself
    os.chmod(os.path.dirname(path), 0o700)
    if os.path.isdir(path) and not os.path.islink(path):
        os.chmod(path, 0o700)
        shutil.rmtree(path)
    else:
        os.unlink(path)


@contextlib.contextmanager
def _ends_orderly():
    """Turns SIGTERM and SIGHUP into SystemExit meanwhile, so that checks are ended and folders removed there too."""

    def leave(number, _frame):
        raise SystemExit(128 + number)

    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _cgroup_room(root, path, limit_name, usage_name, cache_name):
    """Bytes left below the limit of each group on the way up from path; in a container path may be outside's."""
    rooms = []
    while True:
        folder = os.path.normpath(os.path.join(root, path.lstrip("/")))
        limit = _read(os.path.join(folder, limit_name)).strip()
        usage = _read(os.path.join(folder, usage_name)).strip()
        if limit.isdigit() and usage.isdigit():
            # Cached files count as used, but are given back when somebody asks.
            cache = re.search(rf"^{cache_name} (\d+)$", _read(os.path.join(folder, "memory.stat")), re.MULTILINE)
            rooms.append(max(0, int(limit) - int(usage) + (int(cache.group(1)) if cache else 0)))
        if path in ("", "/"):
            return rooms
        path = os.path.dirname(path)


def _exit_code(status):
    """As subprocess tells it: the status, or minus the signal. (os.waitstatus_to_exitcode is 3.9's.)"""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _shorten(line):
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 3] + "..."


def _tail(path, size=64 * 1024):
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - size))
        return file.read().decode("utf-8", "replace")


def _read(path):
    """A file's text, empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _entries(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
