"""Makes .deb packages out of recipes."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from . import CACHE, HERE, MirrorError, distribution, keys, wheels
from .programs import run

POOL = CACHE / "pool"

#: Dates of what is in a package, so that one made again is the same.
EPOCH = "1669852800"
#: Larger ones are not packed: time is worth more than disk here.
PACKED_MIB = 64


def place(package):
    """Where the .deb (Path) of a recipe lies once it is made: recipes of the same name and version may differ."""
    return POOL / package.digest()[:16] / package.file


def lacking(packages):
    """Those of `packages` that are to be made (list of Package)."""
    return [package for package in packages if not place(package).exists()]


def make(packages):
    """Makes the .debs of `packages` (list of Package)."""
    POOL.mkdir(parents=True, exist_ok=True)
    for name in sorted({package.wheels for package in packages}):
        of_these = [package for package in packages if package.wheels == name]
        if not name:
            for package in of_these:
                _make(package, None)
            continue
        with wheels.unpacked(name) as folder:
            for package in of_these:
                _make(package, folder)


def prune(packages):
    """Removes the .debs of recipes that `packages`, all that there are, no longer have."""
    wanted = {place(package).parent.name for package in packages}
    for folder in POOL.iterdir():
        if folder.name not in wanted:
            shutil.rmtree(folder)


def _make(package, unpacked):
    with tempfile.TemporaryDirectory(prefix="new-", dir=POOL) as folder:
        root = Path(folder) / "root"
        root.mkdir(mode=0o755)
        _fill(package, root, unpacked)
        size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
        _control(package, root, size)
        packing = ["-Znone"] if size > PACKED_MIB * 1024 else ["-Zgzip", "-z1"]
        deb = Path(folder) / package.file
        run("dpkg-deb", *packing, "--root-owner-group", "--build", root, deb, env={"SOURCE_DATE_EPOCH": EPOCH})
        place(package).parent.mkdir(exist_ok=True)
        deb.replace(place(package))


def _fill(package, root, unpacked):
    for pattern, target in package.files.items():
        found = wheels.matched(unpacked, pattern, target)
        if not found:
            raise MirrorError(f"{package.name} {package.version}: its wheels have no {pattern}")
        for file, path in found:
            _take(file, root / path)
    for name, patterns in package.distribution.items():
        _take_distributions(package, name, patterns, root)
    for name, path in package.own.items():
        text = (HERE / "contents" / name).read_text(encoding="utf-8")
        text = re.sub(r"@(\w+)@", lambda match: str(package.values[match[1].lower()]), text)
        _write(root / path, text, 0o755 if text.startswith("#!") else 0o644)
    for path, text in package.text.items():
        _write(root / path, text, 0o644)
    for soname, path in package.libraries.items():
        _compile("int mlinabox_stand_in(void) { return 1; }\n", soname, root / path)
    for name, library in package.compiled.items():
        source = (HERE / "contents" / name).read_text(encoding="utf-8")
        _compile(source, library["soname"], root / library["place"], library.get("defines", {}))
    for name, path in package.keyrings.items():
        keys.keyring(name, _parent(root / path))
        (root / path).chmod(0o644)
    for path, target in package.links.items():
        _parent(root / path).symlink_to(target)
    note = "\n".join([package.description, *package.long_description, ""])
    _write(root / "usr/share/doc" / package.name / "README.test", note, 0o644)


def _take_distributions(package, name, patterns, root):
    with distribution.unpacked(package.release, name) as folder:
        for path in distribution.matched(folder, patterns):
            shutil.copy2(folder / path, _parent(root / path), follow_symlinks=False)


def _parent(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write(path, text, mode):
    _parent(path).write_text(text, encoding="utf-8")
    path.chmod(mode)


def _take(file, path):
    """Takes a wheel's file along; a program can be run, whatever the wheel says."""
    with file.open("rb") as stream:
        is_program = stream.read(4) == b"\x7fELF" and ".so" not in file.name
    mode = 0o755 if is_program or file.stat().st_mode & 0o111 else 0o644
    _parent(path)
    if file.stat().st_mode & 0o7777 == mode:
        try:
            # No second copy of half a gigabyte. It is uv's own file: nothing may be changed about it.
            os.link(file, path)
            return
        except OSError:
            pass
    shutil.copyfile(file, path)
    path.chmod(mode)


def _compile(source, soname, path, defines=None):
    """A library that asks nothing of the C library, so that it loads on older releases than this machine's, too."""
    given = [f"-D{name}={value}" for name, value in (defines or {}).items()]
    command = ["gcc", "-shared", "-fPIC", "-nostdlib", "-O1", f"-Wl,-soname,{soname}", *given, "-x", "c", "-", "-o"]
    run(*command, _parent(path), input=source)
    path.chmod(0o644)


def _control(package, root, size):
    folder = root / "DEBIAN"
    folder.mkdir(mode=0o755)
    (folder / "control").write_text(package.control(size), encoding="utf-8")
    conffiles = [f"/{path.relative_to(root)}\n" for path in sorted((root / "etc").rglob("*")) if path.is_file()]
    if conffiles:
        (folder / "conffiles").write_text("".join(conffiles))
    if any(".so" in path.name for path in root.rglob("*")):
        (folder / "triggers").write_text("activate-noawait ldconfig\n")
    for name, when in (("postinst", '"$1" = configure'), ("prerm", '"$1" = remove')):
        script = getattr(package, name)
        if script:
            indented = "".join(f"    {line}\n" for line in script.splitlines())
            _write(folder / name, f"#!/bin/sh\nset -e\nif [ {when} ]; then\n{indented}fi\n", 0o755)
