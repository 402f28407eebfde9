"""Where the faults happen: namespaces of this run alone, in which a network can be cut, a disk fill and power fail.

In its process namespace this program is process 1: whatever outlives the module becomes its child and is seen, and
nothing outlives this program. /var/tmp is a folder of its own, so that what is left there is what these runs left.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN (linux/fs/ext4/ext4.h)
_NO_LOG_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH: what the journal has in memory only is lost too, as without power
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1  # netdevice(7)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_CLONE = ["--mount", "--pid", "--net", "--ipc", "--fork", "--mount-proc", "--kill-child=KILL"]


def run_inside(command):
    """Run a command as process 1 of namespaces of its own. Returns its exit status; SystemExit: not on this machine."""
    if os.geteuid():
        raise SystemExit("faults: run as root: the environments are root's")
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, *_CLONE, "true"], capture_output=True, check=False).returncode:
        raise SystemExit("faults: this machine lets nobody make namespaces (unshare, CAP_SYS_ADMIN)")
    # What kills this process shall not leave the other at work.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    prctl = ctypes.CDLL(None).prctl
    end_with_us = functools.partial(prctl, _PR_SET_PDEATHSIG, int(signal.SIGKILL))
    with subprocess.Popen([unshare, *_CLONE, *command], preexec_fn=end_with_us) as process:
        try:
            return process.wait()
        finally:
            process.kill()


def network(up):
    """Put the loopback up or down. Down, packets are lost without a word, as with a cable pulled out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        flags = flags | _IFF_UP if up else flags & ~_IFF_UP
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags))


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


def unmount(place):
    """What was killed lets go of its files a moment after it is no process any more."""
    for _attempt in range(500):
        done = subprocess.run(["umount", str(place)], capture_output=True, text=True, check=False)
        if not done.returncode:
            return
        time.sleep(0.01)
    raise OSError(f"umount: {done.stderr.strip()}")


class Disk:
    """A file system of its own at `place`, a Path."""

    def __init__(self, place):
        self.place = place
        place.mkdir()

    def remove(self):
        unmount(self.place)


class SmallDisk(Disk):
    """One that can be filled to the last byte."""

    def __init__(self, place, mebibytes):
        super().__init__(place)
        mount("-t", "tmpfs", "-o", f"size={mebibytes}M,mode=0755", "faults", place)
        self.ballast = place / "ballast"

    def fill(self, leave):
        """Leave about this many bytes."""
        found = os.statvfs(self.place)
        size = found.f_bavail * found.f_frsize - leave
        with self.ballast.open("wb") as stream:
            # Others write too, so there may be less already: then what there is, in ever smaller pieces.
            for piece in (max(4096, size), 1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while stream.seek(0, os.SEEK_END) < size:
                        os.posix_fallocate(stream.fileno(), stream.seek(0, os.SEEK_END), piece)

    def empty(self):
        self.ballast.unlink()


class RealDisk(Disk):
    """ext4 in a file. `cut` is a power failure: what was not brought to the disk is gone."""

    def __init__(self, place, image, mebibytes):
        super().__init__(place)
        self.image = image
        with image.open("wb") as stream:
            stream.truncate(mebibytes << 20)
        make = shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        subprocess.run([make, "-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(image)], check=True)
        self._mount()

    def _mount(self):
        mount("-o", "loop", self.image, self.place)
        self.place.chmod(0o755)

    def cut(self):
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        finally:
            os.close(descriptor)
        unmount(self.place)
        self._mount()


def has_real_disk(scratch):
    """Whether a file system in a file can be mounted, and cut, on this machine."""
    try:
        disk = RealDisk(scratch / "try", scratch / "try.img", 64)
        (disk.place / "file").write_text("x")
        disk.cut()
        disk.remove()
        return True
    except (OSError, TypeError, subprocess.CalledProcessError):
        return False
