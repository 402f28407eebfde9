"""Reads what is made: archives.yml, and the sets of packages in packages/*.yml."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import string
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from . import CACHE, HERE, MirrorError

#: What a package's content is, of which each has one.
KINDS = ("real", "remade", "stand_in", "empty", "meta")


#: Keys that came later: where they are empty, a recipe without them is the same, and what was made of it is kept.
_LATER = ("distribution", "release")


@dataclass(frozen=True)
class Package:
    """A .deb to be. Paths have no leading slash; `files` and `own` are patterns and the places of what they match."""

    name: str
    version: str
    description: str
    kind: str
    #: Where real content is from, what was written here to be the same, or what stands in the place of NVIDIA's.
    says: str = ""
    architecture: str = "amd64"
    depends: tuple = ()
    relations: dict = field(default_factory=dict)
    #: The lock (wheels/<name>.txt) whose wheels `files` are taken out of.
    wheels: str = ""
    files: dict = field(default_factory=dict)
    #: Of the folder contents/, with @NAME@ replaced by the set's values.
    own: dict = field(default_factory=dict)
    text: dict = field(default_factory=dict)
    #: soname -> place of a library that has none of the functions of NVIDIA's.
    libraries: dict = field(default_factory=dict)
    #: C file of contents/ -> {soname, place, and values for -D}: a library that answers a few of the functions.
    compiled: dict = field(default_factory=dict)
    links: dict = field(default_factory=dict)
    postinst: str = ""
    prerm: str = ""
    #: Package of the distribution's -> patterns of those of its files that are taken, from this release of Debian.
    distribution: dict = field(default_factory=dict)
    release: str = ""
    #: Name of a key of this archive -> place of a keyring with it.
    keyrings: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)

    @property
    def file(self):
        """The .deb's name (str); an epoch is no part of it."""
        return f"{self.name}_{self.version.split(':')[-1]}_{self.architecture}.deb"

    @property
    def long_description(self):
        """The description's further lines (list of str): what is in a package that is not NVIDIA's."""
        said = {
            "real": f"Test package with real content: {self.says}.",
            "remade": f"Test package, written after NVIDIA's: {self.says}.",
            "stand_in": f"STAND-IN for a test: {self.says}.",
            "empty": "STAND-IN for a test: nothing is in it.",
            "meta": "Test package: a metapackage, as its vendor's.",
        }[self.kind]
        return [" ".join(said.split())]

    def control(self, size):
        """The control file (str); `size` is what is installed, in KiB."""
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "a test of mlinabox.core, not the vendor <nobody@mirror.test>",
            "Installed-Size": size,
            "Section": "multiverse/devel",
            "Priority": "optional",
            **self.relations,
            "Depends": ", ".join(self.depends),
            "Description": "\n ".join([self.description, *self.long_description]),
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items() if value not in ("", None))

    def digest(self):
        """What tells one recipe from another (str): its data, and the files of this folder that it uses."""
        kept = {name: value for name, value in dataclasses.asdict(self).items() if value or name not in _LATER}
        data = json.dumps(kept, sort_keys=True)
        used = [HERE / "contents" / name for name in (*self.own, *self.compiled)]
        used += [path for path in map(public_key, self.keyrings) if path.exists()]
        if self.files:
            used.append(lock(self.wheels))
        return hashlib.sha256(b"\0".join([data.encode(), *(path.read_bytes() for path in used)])).hexdigest()


@dataclass(frozen=True)
class Part:
    """One repository of an archive: the one for a release."""

    archive: str
    image: str
    #: Below the served folder, and so in the address.
    folder: str
    origin: str
    label: str
    key: str
    key_sha1: bool
    packages: tuple
    #: Of dists/<suite>/<component>; both are empty where it is flat.
    suite: str = ""
    component: str = ""


def lock(name):
    """The path of the lock of wheels `name`."""
    return HERE / "wheels" / f"{name}.txt"


def public_key(name):
    """The path of the public key `name`, armored, once it has been made."""
    return CACHE / "keys" / f"{name}.pub"


def packages(name, values):
    """The packages (list of Package) of a set. `values` (dict) fill in $NAME beside the set's own."""
    path = HERE / "packages" / f"{name}.yml"
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MirrorError(f"{path}: no such set of packages; archives.yml names it") from None
    return [
        _package(path, row, loaded.get("wheels", ""), loaded.get("values", {}), values) for row in loaded["packages"]
    ]


def _package(path, row, wheels, own, values):
    row = dict(row)
    kinds = [kind for kind in KINDS if kind in row]
    if len(kinds) != 1:
        raise MirrorError(f"{path}: {row.get('name')}: one of {', '.join(KINDS)} says what is in it, not {kinds}")
    says = row.pop(kinds[0])
    row["depends"] = tuple(row.get("depends", ()))
    if row.get("files"):
        row["wheels"] = wheels
    known = {field.name for field in dataclasses.fields(Package)}
    if unknown := sorted(set(row) - known):
        raise MirrorError(f"{path}: {row.get('name')}: no such key: {', '.join(unknown)}")
    filled = _filled(row, {**values, **own})
    # What its files do not use is no part of the recipe: one .deb serves several releases.
    used = own if row.get("own") else {}
    return Package(kind=kinds[0], says=says if isinstance(says, str) else "", **filled, values=used)


def _filled(value, values):
    """`value` with $NAME filled in wherever a string is."""
    if isinstance(value, str):
        return string.Template(value).safe_substitute(values)
    if isinstance(value, dict):
        return {_filled(name, values): _filled(one, values) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(one, values) for one in value)
    return value


def parts(path=None):
    """All that can be made (list of Part). path (Path): archives.yml."""
    table = yaml.safe_load((path or Path(HERE / "archives.yml")).read_text(encoding="utf-8"))
    made = []
    for archive, row in table.items():
        for image, part in row["parts"].items():
            values = {"distro": part["folder"].split("/")[0], "key": part["key"]}
            values["folder"] = f"{row['folder']}/{part['folder']}"
            values.update(part.get("values", {}))
            inside = [package for name in part["sets"] for package in packages(name, values)]
            made.append(
                Part(
                    archive=archive,
                    image=image,
                    folder=values["folder"],
                    origin=row["origin"],
                    label=row["label"],
                    key=part["key"],
                    key_sha1=row["keys"][part["key"]]["sha1"],
                    packages=tuple(inside),
                    suite=part.get("suite", ""),
                    component=part.get("component", ""),
                )
            )
    return made
