"""Runs containers on this host's engine, and says as JSON what they saw. Arguments: JSON with `host` (the engine's
address), `mode` (none, cdi or runtime), `reload` (whether a `systemctl daemon-reload` is tried) and `timeout` (s).

The image is made on the spot out of this host's own files, so that no registry is needed, and goes afterwards.
"""

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time

# As on a distribution whose /bin is /usr/bin: a driver's files go to their own places below /usr.
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
FOLDERS = ("usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "tmp", "proc", "sys", "dev", "run", "var")
GPUS = {
    "none": [],
    "cdi": ["--device", "nvidia.com/gpu=all"],
    "runtime": [
        *("--runtime", "nvidia", "--env", "NVIDIA_VISIBLE_DEVICES=all"),
        *("--env", "NVIDIA_DRIVER_CAPABILITIES=utility"),
    ],
}


class Failed(Exception):
    """What did not work, in one line."""


class Engine:
    """The engine at an address; `timeout` is for each of its commands, in seconds."""

    def __init__(self, host, timeout):
        self.command = ["docker", "--host", host]
        self.timeout = timeout
        self.image = f"mlinabox-probe:{os.getpid()}"
        self.names = 0

    def run(self, *words, **keywords):
        """Standard output (str) of a docker command."""
        return said([*self.command, *words], self.timeout, **keywords)

    @contextlib.contextmanager
    def with_image(self):
        self.run("import", "-", self.image, input=image())
        try:
            yield
        finally:
            self.run("image", "rm", "--force", self.image)

    def container(self, script, options=()):
        """Words that start a container with a shell script; nothing is left of it when it has ended."""
        self.names += 1
        name = f"{self.image.replace(':', '-')}-{self.names}"
        fixed = ["run", "--rm", "--interactive", "--network", "none", "--name", name]
        return [*fixed, *options, self.image, "/bin/sh", "-c", script]


def said(command, timeout, input=None):
    try:
        done = subprocess.run(command, input=input, capture_output=True, timeout=timeout, check=False)
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command[:4])} took longer than {timeout} s") from None
    if done.returncode:
        raise Failed(f"{' '.join(command[:4])} ended with {done.returncode}: {reason(done)}")
    return done.stdout.decode("utf-8", "replace")


def reason(done):
    text = (done.stderr.strip() or done.stdout.strip()).decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if not line.startswith(("See 'docker", "Run 'docker"))]
    return " ".join(lines)[:600] or "not a word"


def image():
    """A system (bytes, tar) with a shell, cat and what NVIDIA's program needs of the C library."""
    programs = [path for path in map(shutil.which, ("sh", "cat")) if path]
    files = {"/usr/bin/" + os.path.basename(path): path for path in programs}
    # The driver's own program and libraries come from the engine; they want more of the C library than a shell.
    for path in [*programs, *filter(None, [shutil.which("nvidia-smi")])]:
        for library in libraries(path):
            place = library if library.startswith("/usr/") else "/usr" + library
            files.setdefault(place, library)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in FOLDERS:
            tar.addfile(entry(name, tarfile.DIRTYPE, 0o755))
        for name, target in LINKS.items():
            link = entry(name, tarfile.SYMTYPE, 0o777)
            link.linkname = target
            tar.addfile(link)
        for place, path in sorted(files.items()):
            with open(path, "rb") as file:
                data = file.read()
            member = entry(place.lstrip("/"), tarfile.REGTYPE, 0o755)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def entry(name, kind, mode):
    found = tarfile.TarInfo(name)
    found.type, found.mode = kind, mode
    return found


def libraries(program):
    """Paths of the libraries of a program that are not NVIDIA's; none where it is a script, or has all in itself."""
    done = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    found = re.findall(r"(?:=> |^\s*)(/\S+) \(0x", done.stdout.decode(), re.MULTILINE)
    return [path for path in found if "nvidia" not in path and "libcuda" not in path]


def gpus(text):
    return sorted(line.strip() for line in text.splitlines() if re.match(r"\s*(GPU|MIG) ", line))


def before_and_after(engine, mode):
    """What one container sees of GPUs (two lists), before and after systemd has read its units again.

    It is asked by a line of its standard input: `docker exec` would be another process with rules of its own.
    """
    script = "nvidia-smi -L; echo asked; read _; nvidia-smi -L; echo asked again"
    with subprocess.Popen(
        [*engine.command, *engine.container(script, GPUS[mode])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        first = until(process, b"asked\n", engine.timeout)
        said(["systemctl", "daemon-reload"], engine.timeout)
        # systemd answers before it has told the kernel of all units.
        time.sleep(1)
        process.stdin.write(b"\n")
        process.stdin.flush()
        second = until(process, b"asked again\n", engine.timeout)
    return first, second


def until(process, end, timeout):
    text, deadline = b"", time.monotonic() + timeout
    os.set_blocking(process.stdout.fileno(), False)
    while not text.endswith(end):
        chunk = process.stdout.read()
        if chunk == b"" or time.monotonic() > deadline:
            process.kill()
            raise Failed("the container said only: " + " ".join(text.decode("utf-8", "replace").split())[:600])
        text += chunk or b""
        time.sleep(0.05)
    return text.decode("utf-8", "replace")


def main(asked):
    engine = Engine(asked["host"], asked["timeout"])
    others = len(engine.run("ps", "--quiet").split())
    found = {"others": others, "host": None, "container": None, "reloaded": None}
    with engine.with_image():
        # Its shell is process 1: it is in a container.
        found["hello"] = engine.run(*engine.container("echo hello from $$")).strip()
        if asked["mode"] != "none":
            found["host"] = gpus(said(["nvidia-smi", "-L"], engine.timeout))
            # A reload could take the GPUs from containers that somebody else started in another way.
            if asked["reload"] and not others:
                first, second = before_and_after(engine, asked["mode"])
                found["container"], found["reloaded"] = gpus(first), gpus(second)
                found["words"] = " ".join(second.split())[:600]
            else:
                seen = engine.run(*engine.container("nvidia-smi -L", GPUS[asked["mode"]]))
                found["container"] = gpus(seen)
    return found


if __name__ == "__main__":
    try:
        print(json.dumps(main(json.loads(sys.argv[1]))))
    except Failed as failure:
        print(json.dumps({"failed": str(failure)}))
