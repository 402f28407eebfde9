"""Serves the archives from a container of its own on Docker's bridge: nothing on this machine listens for them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass

from . import HERE, NAME, SERVED, MirrorError
from .making import facts
from .programs import run

IMAGE = "mlinabox-test:debian12"


@dataclass(frozen=True)
class Mirror:
    """A running server. `address` is the one on Docker's bridge; hosts know it as NAME."""

    container: str
    address: str

    @property
    def host_option(self):
        """Option of `docker run` (str) that lets a container find it."""
        return f"--add-host={NAME}:{self.address}"

    @staticmethod
    def archive(image, name="cuda"):
        """The address (str) of an archive for an image."""
        return facts()[image][name]["address"]

    @staticmethod
    def fingerprints(name="cuda"):
        """Name of a key -> its fingerprint (dict), of all keys of an archive."""
        made = [of_image[name] for of_image in facts().values() if name in of_image]
        return {one["key_name"]: one["fingerprint"] for one in made}

    def requests(self):
        """All requests so far, a line 'STATUS METHOD PATH' each (list of str)."""
        return run("docker", "logs", self.container).splitlines()


@contextmanager
def served(container, label):
    """Serves what has been made (gives a Mirror) from a container of this name and with this label (both str)."""
    run("docker", "rm", "--force", "--volumes", container)
    command = ["docker", "run", "--detach", "--name", container, "--label", label]
    command += ["--volume", f"{SERVED}:/srv/mirror:ro", "--volume", f"{HERE}:/srv/program:ro"]
    run(*command, IMAGE, "python3", "/srv/program/serve", "/srv/mirror", "--address", "0.0.0.0")
    try:
        shown = run("docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", container)
        _wait(container)
        yield Mirror(container, shown.strip())
    finally:
        run("docker", "rm", "--force", "--volumes", container)


def _wait(container):
    """Waits until it serves; raises MirrorError with what it said where it does not."""
    deadline = time.monotonic() + 30
    while "serving" not in (said := _said(container)):
        if time.monotonic() > deadline:
            raise MirrorError(f"{container} does not serve: {said or 'not a word'}")
        time.sleep(0.2)


def _said(container):
    # The line that it is ready is no request, and goes to standard error.
    return run("sh", "-c", 'docker logs "$0" 2>&1 >/dev/null', container)
