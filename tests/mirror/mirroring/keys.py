"""Keys that sign the archives, made here once, under the names of the vendors' key files. Nothing else goes by them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .programs import run
from .recipes import public_key


@dataclass(frozen=True)
class Key:
    """A signing key. `public` is the armored public key as the archive offers it, `fingerprint` its 40 digits."""

    name: str
    public: Path
    secret: Path
    fingerprint: str

    def sign(self, release):
        """Writes InRelease and Release.gpg beside the file `release`."""
        with _home() as gpg:
            run(*gpg, "--import", self.secret)
            options = ("--local-user", self.fingerprint, "--digest-algo", "SHA256", "--yes")
            run(*gpg, *options, "--clearsign", "--output", release.with_name("InRelease"), release)
            run(*gpg, *options, "--armor", "--detach-sign", "--output", release.with_name("Release.gpg"), release)


def keyring(name, path):
    """Writes the public key `name`, not armored, to `path` (Path), as keyring packages hold it."""
    with _home() as gpg:
        run(*gpg, "--output", path, "--dearmor", public_key(name))


@contextmanager
def _home():
    """gpg with a home of its own (list of str). In /tmp: the path of its agent's socket may have but 107 characters."""
    with tempfile.TemporaryDirectory(prefix="mirror-gpg-", dir="/tmp") as home:
        try:
            yield [
                "gpg",
                "--homedir",
                home,
                "--batch",
                "--quiet",
                "--no-tty",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "",
            ]
        finally:
            # Its agent would stay until it finds that its home is gone.
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], capture_output=True, check=False)


def get(name, sha1):
    """The key `name` (Key), made where there is none yet. sha1: its name is bound to it by SHA-1."""
    public = public_key(name)
    public.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = public.with_suffix(".secret")
    if not public.exists():
        _make(name, sha1, public, secret)
    with _home() as gpg:
        shown = run(*gpg, "--with-colons", "--show-keys", public)
    return Key(name, public, secret, re.search(r"^fpr:+([0-9A-F]{40}):", shown, re.MULTILINE)[1])


def _make(name, sha1, public, secret):
    person = f"test of mlinabox.core, in the place of {name} <nobody@mirror.test>"
    with _home() as gpg:
        binding = ["--cert-digest-algo", "SHA1"] if sha1 else []
        run(*gpg, *binding, "--quick-generate-key", person, "rsa3072", "sign", "never")
        run(*gpg, "--armor", "--yes", "--output", secret, "--export-secret-keys")
        secret.chmod(0o600)
        exported = run(*gpg, "--armor", "--export")
    # Last: where it is, the key is whole.
    public.write_text(exported)
