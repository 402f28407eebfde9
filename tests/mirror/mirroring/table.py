"""What is in the archives, as the table in README.md."""

from __future__ import annotations

from . import recipes


def markdown():
    """The table (str): a row for each package that has content, and one line for those of a set that have none."""
    lines = ["| package | version | for | content |", "|---|---|---|---|"]
    kinds = {"real": "real", "remade": "remade", "stand_in": "**stand-in**"}
    for package, images in _grouped(lambda package: package.kind in kinds):
        content = f"{kinds[package.kind]}: {package.says}"
        lines.append(f"| {package.name} | {package.version} | {', '.join(images)} | {' '.join(content.split())} |")
    for title, kind in (("Metapackages, as the vendors'", "meta"), ("**Empty**, under the vendors' names", "empty")):
        named = [
            f"{package.name} {package.version}"
            for package, _images in _grouped(lambda one, kind=kind: one.kind == kind)
        ]
        lines += ["", f"{title}: {', '.join(sorted(set(named)))}."]
    return "\n".join(lines)


def _grouped(wanted):
    """[(Package, [image])] of the packages that are `wanted`, each once, in the order of the sets."""
    found = {}
    for part in recipes.parts():
        for package in part.packages:
            if wanted(package):
                found.setdefault((package.name, package.version, package.says), (package, []))[1].append(part.image)
    return found.values()
