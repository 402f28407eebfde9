"""One environment, the module as it runs on a host, and the processes that come of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import files

NAME = "box"
MODULE = "ansible_collections.mlinabox.core.plugins.modules.pip_lock"
PHASES = ("download", "build", "link", "compile", "proof", "switch", "removal")
#: Seconds after which a run counts as hanging.
PATIENCE = 150
_POLL = 0.0003
#: Process identifiers of modules: subprocess collects these itself.
_MODULES = set()
_JUDGE = Path(__file__).with_name("judge.py")
_UV_LOCK = re.compile(r"^uv-[^/]*\.lock$")
_GENERATION = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{8}$")


class Unkept(Exception):
    """What was promised does not hold. The message says what and where."""


class Broken(Unkept):
    """The judge's word: what is live is not whole, or not what may be live."""


class LeftOver(Unkept):
    """Live is as it should be, but something lies about that no later run will need."""


@dataclass
class Request:
    """What the module is asked for."""

    which: str  # the lock, 'a' or 'b'
    keep: int = 1
    lock_timeout: int = 120
    patience: int = 3  # seconds that uv waits for an answer of the index


@dataclass
class Seen:
    """A run as it was watched: when each phase began, seconds since the start."""

    began: list = field(default_factory=list)

    def lengths(self, end):
        """Return {phase: seconds}, the sum where there were several of one."""
        found = {}
        for (phase, start), (_next, stop) in zip(self.began, [*self.began[1:], ("", end)]):
            found[phase] = found.get(phase, 0.0) + stop - start
        return found


class Rig:
    """root: where the environment is; tools: Tools. What is promised of it is checked by `judge` and `tidy`."""

    def __init__(self, root, tools):
        self.root = root
        self.tools = tools
        self.directory = root / "envs" / NAME
        self.cache = root / "cache" / "uv"
        root.mkdir(mode=0o755, exist_ok=True)

    def start(self, request, pipes=False):
        return Run(self, request, pipes)

    def live(self):
        """Which lock is live, by the judge's word. Raises Broken."""
        return self.judge()["which"]

    def judge(self, *allowed):
        """Let the judge look. allowed: the locks that may be live ('a', 'b'), both by default. Raises Broken."""
        wanted = allowed or tuple(self.tools.allowed)
        path = self.tools.scratch / "allowed.json"
        path.write_text(json.dumps({which: self.tools.allowed[which] for which in wanted}))
        self.tools.judged += 1
        while True:
            before = self._link()
            done = subprocess.run(
                [sys.executable, "-I", _JUDGE, self.directory, path], capture_output=True, text=True, check=False
            )
            if not done.returncode or self._link() == before:
                break
            # A run that goes on switched, and removed what the judge was looking at: it looks at what is live now.
        try:
            said = json.loads(done.stdout)
        except ValueError:
            raise Unkept(f"the judge failed: {done.stderr.strip()[-500:]}") from None
        if said["findings"] or done.returncode:
            raise Broken(f"live is not {' or '.join(wanted)}: {'; '.join(said['findings'])} (+{said['more']})")
        return said

    def _link(self):
        try:
            return os.readlink(self.directory / "current")
        except OSError:
            return ""

    def chill(self):
        """Make uv's cache cold."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def unbuild(self):
        """Forget what was built from source, in uv's cache too: it keeps what it was given by its path."""
        shutil.rmtree(self.root / "cache" / "built", ignore_errors=True)

    def tidy(self):
        """Nothing may be left over after a run that ended well with keep=1. Raises Unkept."""
        left = []
        for name in os.listdir(self.directory):
            proved = (self.directory / name / ".mlinabox" / "state.json").is_file()
            if name not in ("current", "launch", "overlays", "run.lock") and not (_GENERATION.match(name) and proved):
                left.append(name)
        generations = [name for name in os.listdir(self.directory) if _GENERATION.match(name)]
        if len(generations) != 1:
            left.append(f"{len(generations)} generations, to be kept is 1")
        for folder in [*self.directory.glob("*/.mlinabox"), self.directory / generations[0] / "bin", self.root / "bin"]:
            left += [str(folder / name) for name in os.listdir(folder) if name.endswith(".new")]
        built = self.root / "cache" / "built"
        left += [str(built / name) for name in (os.listdir(built) if built.is_dir() else []) if name.startswith(".")]
        for folder in self.tools.temporary:
            # uv leaves its own locks also after a run that nothing disturbed.
            left += [os.path.join(folder, name) for name in os.listdir(folder) if not _UV_LOCK.match(name)]
        left += [f"process {one}" for one in family()]
        if left:
            raise LeftOver(f"left over: {', '.join(sorted(left))}")

    def age(self):
        """Make temporary files old: a run may leave alone what another may only just have made."""
        past = time.time() - 3600
        built = self.root / "cache" / "built"
        for folder in [*self.tools.temporary, *([built] if built.is_dir() else [])]:
            for name in os.listdir(folder):
                with contextlib.suppress(OSError):
                    os.utime(os.path.join(folder, name), (past, past), follow_symlinks=False)

    def sweep(self, *folders):
        """Empty folders, those for temporary files too."""
        for folder in [*folders, *self.tools.temporary]:
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    os.unlink(path)

    def anew(self):
        """End everything and begin with an empty root, lock 'a' live: what broke must not spoil what comes after."""
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        everything_dead()
        self.sweep(self.root)
        self.tools.index.well()
        result = self.start(Request("a")).end()
        if result["failed"]:
            raise Unkept(f"a new environment fails: {result['msg']}")
        self.judge("a")

    def complete(self, which, keep=1):
        """The next undisturbed run completes and cleans up. Returns its result. Raises Unkept."""
        self.age()
        run = self.start(Request(which, keep))
        result = run.end()
        if result.get("failed", True):
            raise Unkept(f"the next run fails: {result.get('msg')}")
        self.judge(which)
        if keep == 1:
            self.tidy()
        return result


class Run:
    """The module, started. `seen`: its phases so far."""

    def __init__(self, rig, request, pipes=False):
        self.rig = rig
        self.seen = Seen()
        self.started = time.monotonic()
        tools = rig.tools
        arguments = tools.arguments(rig.root, request)
        self.out = tools.scratch / f"out-{time.monotonic_ns()}"
        self.err = self.out.with_name(self.out.name + ".err")
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if pipes else out,
                stderr=subprocess.PIPE if pipes else err,
                cwd="/",
                env={**tools.environ(), "UV_HTTP_TIMEOUT": str(request.patience)},
                start_new_session=True,
            )
        self.pid = self.process.pid
        _MODULES.add(self.pid)
        self.result = None
        self.took = 0.0
        self.process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        self.process.stdin.close()

    def phase(self):
        """The phase that the run says it is in, '' where it says none."""
        try:
            with open(self.rig.directory / "progress.json", encoding="utf-8") as stream:
                said = json.load(stream)
        except (OSError, ValueError):
            return ""
        return said.get("phase", "") if said.get("pid") == self.pid else ""

    def over(self):
        return self.process.poll() is not None

    def until(self, phase, delay=0.0):
        """Wait until a phase has lasted `delay` seconds. Returns False where the run told its last before that."""
        deadline = time.monotonic() + PATIENCE
        fire = None
        while not self.over():
            now = time.monotonic()
            if now > deadline:
                raise Unkept(f"the run hangs; {', '.join(family())}")
            found = self._note(now)
            if self.seen.began and not found:
                return False
            if fire is None and found == phase:
                fire = now + delay
            if fire is not None and now >= fire:
                return True
            time.sleep(_POLL)
        return False

    def slowly(self, phase, slices):
        """Like `until`, for a phase of less than a millisecond: from the proof on the module runs in slices of about a
        tenth of one, and `slices` of them in the phase. Returns False where the run ended before that."""
        if not self.until("proof"):
            return False
        with contextlib.suppress(OSError):
            # So short a slice needs this process to be let in at once, however busy the machine is.
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        try:
            return self._slices(phase, slices)
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))

    def _slices(self, phase, left_in_phase):
        deadline = time.monotonic() + PATIENCE
        left = None
        while not self.over():
            if time.monotonic() > deadline:
                raise Unkept(f"the run hangs; {', '.join(family())}")
            os.kill(self.pid, signal.SIGSTOP)
            wait_for_stop(self.pid)
            if left is None and self._note(time.monotonic()) == phase:
                left = left_in_phase
            if left is not None:
                if left == 0:
                    return True
                left -= 1
            os.kill(self.pid, signal.SIGCONT)
            time.sleep(0.00002)
        return False

    def _note(self, now):
        found = self.phase()
        if found and (not self.seen.began or self.seen.began[-1][0] != found):
            self.seen.began.append((found, now - self.started))
        return found

    def end(self, patience=PATIENCE):
        """Wait for the module to end. Returns its result, with `failed` and `msg` where it failed or died."""
        if self.result is None:
            self._wait(patience)
            self.result = self._read()
        return self.result

    def _wait(self, patience):
        deadline = time.monotonic() + patience
        while not self.over():
            if time.monotonic() > deadline:
                raise Unkept(f"the run hangs; {', '.join(family())}")
            self._note(time.monotonic())
            time.sleep(0.002)
        self.took = time.monotonic() - self.started

    def _read(self):
        for stream in (self.process.stdout, self.process.stderr):
            if stream and not stream.closed:
                with contextlib.suppress(OSError):
                    stream.close()
        lines = self.out.read_text(errors="replace").strip().splitlines()
        errors = self.err.read_text(errors="replace").strip()
        self.out.unlink()
        self.err.unlink()
        if self.process.returncode < 0:
            return {"failed": True, "killed": -self.process.returncode, "msg": "killed"}
        try:
            result = json.loads(lines[-1])
        except (ValueError, IndexError):
            raise Unkept(f"the module ended with {self.process.returncode} and said: {errors[-600:]}") from None
        result.setdefault("failed", False)
        if "Traceback" in errors or "exception" in result:
            raise Unkept(f"the module broke: {errors[-600:]} {result.get('exception', '')}")
        if result["failed"] and ("\n" in result["msg"] or not result["msg"]):
            raise Unkept(f"not one line: {result['msg']!r}")
        return result

    # --- what is killed -------------------------------------------------------------------------------------------

    def freeze(self):
        """Stop everything. Returns (the phase, {kind: [pid]}): module, uv, python (whatever else runs)."""
        kinds = {}
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        for pid in pids():
            wait_for_stop(pid)
            kinds.setdefault(self.kind(pid), []).append(pid)
        kinds.pop("", None)
        return self.phase(), kinds

    def kind(self, pid):
        if state(pid) in "ZX":
            return ""
        if pid == self.pid:
            return "module"
        try:
            return "uv" if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "uv" else "python"
        except OSError:
            return ""

    @staticmethod
    def kill(victims):
        """SIGKILL, then let the others go on."""
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def pids():
    """All processes of this namespace but this one."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def state(pid):
    """The process's state as proc(5) has it, X where it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            return chr(stream.read().rpartition(b")")[2].split()[0][0])
    except OSError:
        return "X"


def wait_for_stop(pid):
    """Wait until SIGSTOP has arrived; what waits for the disk takes a while."""
    for _attempt in range(200):
        if state(pid) in "TtZX":
            return
        time.sleep(0.0001)


def reap():
    """Collect those that became this process's children when their parent died."""
    for pid in pids():
        if state(pid) == "Z" and pid not in _MODULES:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def family():
    """What still runs, in words."""
    reap()
    found = []
    for pid in pids():
        if state(pid) in "ZX":
            continue
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            found.append(f"{pid} ({' '.join(words)[:120]})")
    return found


def everything_dead():
    """Wait until nothing is left of a run that was killed as a whole."""
    for _attempt in range(5000):
        reap()
        if not [pid for pid in pids() if state(pid) not in "ZX"]:
            return
        time.sleep(0.001)
    raise Unkept(f"not to be killed: {', '.join(family())}")


#: Prints those of the modules that import.
TRY = """
import importlib, os, sys, warnings
warnings.simplefilter("ignore")
out = os.dup(1)
os.dup2(2, 1)
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        os.write(out, name.encode() + b"\\n")
    except BaseException:
        pass
"""


class Tools:
    """What all rigs share. scratch: a folder that everybody can enter; index: Index; python, uv: programs."""

    def __init__(self, scratch, index, python, uv, temporary):
        """temporary: folders for temporary files that only these runs use, the first for TMPDIR."""
        self.scratch = scratch
        self.temporary = temporary
        self.index = index
        self.python = python
        self.uv = uv
        self.judged = 0
        self.path = self._importable()
        self.pins = self._pins()
        self.build_lock = files.BUILD_LOCK.read_text()
        self.allowed = {which: self._reference(which) for which in files.LOCKS}

    def _importable(self):
        """A folder from which the collection imports by its name, also where another package has that of its parent."""
        folder = self.scratch / "path"
        (folder / "ansible_collections" / "mlinabox").mkdir(parents=True)
        (folder / "ansible_collections" / "__init__.py").touch()
        (folder / "ansible_collections" / "mlinabox" / "core").symlink_to(files.ROOT)
        sys.path.insert(0, str(folder))
        return folder

    def _pins(self):
        """The locks as the action plugin would send them, {which: [pin]}."""
        from ansible_collections.mlinabox.core.plugins.plugin_utils._lock_file import Host, marker_environment
        from ansible_collections.mlinabox.core.plugins.plugin_utils._locks import parse_lock

        said = "import platform; print(platform.python_version())"
        asked = subprocess.run([self.python, "-Ic", said], capture_output=True, text=True, check=True)
        self.version = asked.stdout.strip()
        (source,) = self.index.projects[files.SLOW[0]]
        slow = f"{files.SLOW[0]}=={files.SLOW[1]} --hash=sha256:{source['hashes']['sha256']}\n"
        host = Host(marker_environment(self.version))
        locks = {which: parse_lock(path.read_text() + slow, path.name) for which, path in files.LOCKS.items()}
        return {which: [pin.to_dict() for pin in lock.narrow(host)] for which, lock in locks.items()}

    def _reference(self, which):
        """What the judge may find: the lock's distributions, and those modules that import where uv alone installed."""
        packages = {pin["name"]: pin["version"] for pin in self.pins[which]}
        key = hashlib.sha256(json.dumps([packages, os.path.realpath(self.python), self.version]).encode()).hexdigest()
        kept = self.index.folder / f".modules-{key[:16]}.json"
        if not kept.exists():
            making = kept.with_suffix(f".{os.getpid()}")
            making.write_text(json.dumps(self._modules(which)))
            making.rename(kept)
        return {"packages": packages, "modules": json.loads(kept.read_text())}

    def _modules(self, which):
        """Install a lock with uv alone, and return the modules that import there."""
        folder = self.scratch / f"reference-{which}"
        lock = self.scratch / f"{which}.txt"
        lock.write_text(
            "".join(
                f"{pin['name']}=={pin['version']} {' '.join('--hash=' + one for one in pin['hashes'])}\n"
                for pin in self.pins[which]
            )
        )
        env = {**self.environ(), "UV_CACHE_DIR": str(self.scratch / "reference-cache")}
        for words in (
            ["venv", "--python", self.python, str(folder)],
            ["pip", "sync", "--require-hashes", "--python", str(folder / "bin" / "python"), str(lock)],
        ):
            done = subprocess.run([self.uv, *words], env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"faults: uv alone cannot install lock {which}: {done.stderr.strip()[-600:]}")
        (site,) = folder.glob("lib/python3.*/site-packages")
        names = {path.stem for path in site.glob("*.py")} | {path.parent.name for path in site.glob("*/__init__.py")}
        names = sorted(name for name in names if name.isidentifier() and not name.startswith("_"))
        done = subprocess.run(
            [folder / "bin" / "python", "-I", "-c", TRY, *names], capture_output=True, text=True, cwd="/", check=False
        )
        modules = done.stdout.split()
        if len(modules) < 0.9 * len(names):
            raise SystemExit(f"faults: too few modules import in lock {which}: not {set(names) - set(modules)}")
        shutil.rmtree(folder)
        return modules

    def environ(self):
        """What the module runs in: the task's environment of a host with an index of its own."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.scratch),
            "TMPDIR": self.temporary[0],
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(self.path),
            "PYTHONDONTWRITEBYTECODE": "1",
            "UV_DEFAULT_INDEX": self.index.url,
            "UV_HTTP_RETRIES": "1",
        }

    def arguments(self, root, request):
        return {
            "name": NAME,
            "state": "present",
            "root": str(root),
            "python": self.python,
            "uv": self.uv,
            "keep": request.keep,
            "lock_timeout": request.lock_timeout,
            "commands": ["pygmentize", "faker"],
            "built_from_source": [files.SLOW[0]],
            "_pins": self.pins[request.which],
            "_build_constraints": self.build_lock,
            "_checks": [
                {"name": name, "distribution": name, "memory": 64, "timeout": 60, "script": script}
                for name, script in SMOKE.items()
            ],
        }


SMOKE = {
    "networkx": "import networkx, time\ntime.sleep(0.2)\nassert networkx.shortest_path_length("
    "networkx.path_graph(9), 0, 8) == 8\n",
    "slowbuild": "import slowbuild, time\ntime.sleep(0.2)\nassert slowbuild.ANSWER == 42\n",
    "pygments": "from pygments import highlight, lexers, formatters\n"
    "assert '<span' in highlight('x = 1', lexers.PythonLexer(), formatters.HtmlFormatter())\n",
}
