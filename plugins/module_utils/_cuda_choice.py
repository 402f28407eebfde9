# Copyright (c) 2026 The ML in a Box authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packages, in which versions, are a CUDA release or a cuDNN, out of what an archive offers. No Ansible import.

A release such as 11.7.1 is the metapackage cuda-toolkit-11-7 of that version and what it stands on. NVIDIA's packages
need one another with lower bounds (`cuda-nvcc-11-7 (>= 11.7.99)`), which apt satisfies with the newest; the release
itself is the lowest version within each bound, so that 11.7.0 stays 11.7.0 where the archive has 11.7.1 too.
"""

from __future__ import annotations

import re

from . import _deb_version
from ._nvidia_driver_packages import LIBRARIES, is_driver

#: What compiles and links a program, without the mathematical libraries and the tools.
LEAN = ("cuda-nvcc-{0}", "cuda-cudart-dev-{0}")
#: What cuDNN loads of the toolkit while it runs: without libcublas even cudnnGetVersion() of 8.5 ends the program.
OF_CUDNN = ("libcublas-{0}", "cuda-nvrtc-{0}")
_TOOLKIT = re.compile(r"cuda-toolkit-(\d+)-(\d+)\Z")
_RELEASE = re.compile(r"\d+\.\d+\.\d+\Z")
_CUDNN = re.compile(r"\d+(?:\.\d+){2,3}\Z")
_BUILT_FOR = re.compile(r"\+cuda(\d+)\.(\d+)")


def toolkit(archive, release, lean=False):
    """Return {name: Offer} of a CUDA release ('11.7.1'), whole or `lean`. ValueError says what the archive has."""
    if not _RELEASE.match(release):
        raise ValueError(f"CUDA {release} is no exact release; write it with three numbers, such as 11.7.1")
    series = "-".join(release.split(".")[:2])
    meta = archive.offers(f"cuda-toolkit-{series}", lambda version: _deb_version.upstream(version) == release)
    if not meta:
        raise ValueError(f"it has no CUDA toolkit {release}; it has {', '.join(releases(archive)) or 'none'}")
    chosen = _closure(archive, [meta[-1]], release)
    if lean:
        names = [name.format(series) for name in LEAN]
        lacking = [name for name in names if name not in chosen]
        if lacking:
            raise ValueError(f"its CUDA toolkit {release} has no {' and no '.join(lacking)}; take the whole toolkit")
        chosen = _reached(chosen, names)
    _refuse_drivers(chosen, f"its CUDA toolkit {release}")
    return chosen


def distributions(archive, name, driver=None):
    """Return (release, {name: Offer}) of the toolkit that a distribution has as the package `name`, the newest.

    driver: names that the packages of the host's driver have or provide; None where there is no driver, and then the
    libraries of the distribution's own may come along, without which its toolkit cannot be installed.
    """
    offers = archive.offers(name)
    if not offers:
        raise ValueError(f"it has no {name}")
    chosen = _closure(archive, offers[-1:], "0.0", driver or ())
    _refuse_drivers(chosen, f"its {name}", LIBRARIES if driver is None else ())
    # Debian writes 11.8.89~11.8.0-5: the compiler's own version, and the release's.
    return _deb_version.upstream(offers[-1].version).rpartition("~")[2], chosen


def releases(archive):
    """Return the CUDA releases that an archive offers, the oldest first."""
    found = set()
    for name, offers in archive.by_name.items():
        if _TOOLKIT.match(name):
            found |= {_deb_version.upstream(offer.version) for offer in offers}
    return sorted(found, key=_deb_version.key)


def together(choices):
    """Return {name: Offer} of several releases side by side: of what they share, the oldest that serves them all.

    A newer cuda-toolkit-config-common than its own is what a release of CUDA 11 or 12 does not get along with.
    """
    found = {}
    for chosen in choices:
        for name, offer in chosen.items():
            found.setdefault(name, {})[offer.version] = offer
    needs = [need for chosen in choices for offer in chosen.values() for group in offer.needs for need in group]
    merged = {}
    for name, offers in found.items():
        versions = sorted(offers, key=_deb_version.key)
        serving = [one for one in versions if all(need.takes(one) for need in needs if need.name == name)]
        merged[name] = offers[(serving or versions[-1:])[0]]
    return merged


def cudnn(archive, versions, cuda, present=()):
    """Return (version, {name: Offer}): the first of `versions` that an archive offers for a CUDA release.

    versions: such as '8.5.0.96', or with what it was built for, '8.5.0.96-1+cuda11.7', in the order of preference.
    cuda: the release that it is for ('11.7.1'). present: names that are there already, or will be. ValueError says what
    the archive has.
    """
    for version in versions:
        if not _CUDNN.match(_deb_version.upstream(version)):
            raise ValueError(f"cuDNN {version} is no exact version; write it as 8.5.0.96")
    for version in versions:
        chosen = _cudnn(archive, version, cuda, present)
        if chosen:
            chosen = together([chosen, _loaded_by_cudnn(archive, cuda, present)])
            _refuse_drivers(chosen, f"its cuDNN {version}")
            return version, chosen
    major = cuda.split(".")[0]
    have = ", ".join(_cudnn_versions(archive, major)) or "none"
    raise ValueError(f"it has no cuDNN {' and no '.join(versions)} for CUDA {major}; for that it has {have}")


def _cudnn(archive, version, cuda, present):
    """Return {name: Offer} of one version of cuDNN, or None."""
    major, cuda_major = version.split(".")[0], cuda.split(".")[0]

    def fits(offered):
        return version in (offered, _deb_version.upstream(offered)) and _fits_cuda(offered, cuda_major)

    # From 9 on the CUDA that it is for is in the name, before in the version.
    names = [f"libcudnn{major}", f"libcudnn{major}-dev"]
    if int(major) >= 9:
        names = [f"libcudnn{major}-cuda-{cuda_major}", f"libcudnn{major}-dev-cuda-{cuda_major}"]
    offered = [{offer.version: offer for offer in archive.offers(name, fits)} for name in names]
    both = [found for found in offered[0] if found in offered[1]]
    if not both:
        return None
    wanted = min(both, key=lambda found: (_distance(found, cuda), -both.index(found)))
    return _closure(archive, [one[wanted] for one in offered], cuda, present)


def _loaded_by_cudnn(archive, cuda, present):
    """Return {name: Offer} of the toolkit's libraries that cuDNN loads and that are not there; of one that the archive
    does not have, none.
    """
    series = "-".join(cuda.split(".")[:2])
    lacking = [name.format(series) for name in OF_CUDNN if name.format(series) not in present]
    if not lacking or cuda not in releases(archive):
        return {}
    return {name: offer for name, offer in _reached(toolkit(archive, cuda), lacking).items() if name not in present}


def _fits_cuda(offered, cuda_major):
    match = _BUILT_FOR.search(offered)
    return not match or match[1] == cuda_major


def _distance(offered, cuda):
    """How far the CUDA release that a cuDNN was built for is from the one it is for; a newer one is further."""
    match = _BUILT_FOR.search(offered)
    if not match:
        return 0
    apart = int(match[2]) - int(cuda.split(".")[1])
    return apart * 100 if apart > 0 else -apart


def _cudnn_versions(archive, cuda_major):
    """Return the versions of cuDNN that an archive offers for a CUDA major release, the oldest first."""
    found = set()
    for name, offers in archive.by_name.items():
        if re.match(rf"libcudnn\d+(-cuda-{cuda_major})?\Z", name):
            found |= {offer.version for offer in offers if _fits_cuda(offer.version, cuda_major)}
    return [_deb_version.upstream(version) for version in sorted(found, key=_deb_version.key)]


def _closure(archive, roots, release, present=()):
    """Return {name: Offer} of the roots and of all that they need and the archive offers.

    A need that `present` satisfies brings nothing. ValueError where two needs contradict each other.
    """
    bounds = {offer.name: [("", "=", offer.version)] for offer in roots}
    chosen, waiting = {}, list(bounds)
    while waiting:
        name = waiting.pop(0)
        offer = _within(archive, name, bounds[name], release)
        if chosen.get(name) == offer:
            continue
        chosen[name] = offer
        for group in offer.needs:
            need = _ours(archive, group, chosen, present)
            if need and need.relation:
                bounds.setdefault(need.name, []).append((offer.spec, need.relation, need.version))
            if need and (need.relation or need.name not in bounds):
                bounds.setdefault(need.name, [])
                waiting.append(need.name)
    # What a version needed that was replaced meanwhile is not needed any more.
    return _reached(chosen, [offer.name for offer in roots])


def _within(archive, name, bounds, release):
    """Return the lowest offer within all bounds; without a lower one, the newest of the release's own series."""

    def takes(version):
        return all(_deb_version.satisfies(version, relation, wanted) for _who, relation, wanted in bounds)

    offers = archive.offers(name, takes)
    if not offers:
        said = "; ".join(f"{who or 'this'} wants {name} {relation} {wanted}" for who, relation, wanted in bounds)
        have = ", ".join(offer.version for offer in archive.offers(name)) or "none"
        raise ValueError(f"{said}; it has {have}")
    if any(relation in ("=", ">=", ">>") for _who, relation, _wanted in bounds):
        return offers[0]
    series = ".".join(release.split(".")[:2]) + "."
    return ([offer for offer in offers if _deb_version.upstream(offer.version).startswith(series)] or offers)[-1]


def _ours(archive, group, chosen, present):
    """Return the alternative of a need that is to come from the archive, or None where it brings nothing."""
    if any(need.name in present for need in group):
        return None
    offered = [need for need in group if archive.offers(need.name, need.takes)]
    for need in offered:
        if need.name in chosen:
            return need
    # Where the first alternative is not the archive's it is the distribution's, and comes from there. Where all are,
    # and in no version that would do, the first is what is said to be missing.
    if (offered and offered[0] == group[0]) or all(need.name in archive.by_name for need in group):
        return (offered or group)[0]
    return None


def _reached(chosen, names):
    """Return those of `chosen` that `names` need, and these."""
    found, waiting = {}, list(names)
    while waiting:
        name = waiting.pop(0)
        if name in chosen and name not in found:
            found[name] = chosen[name]
            waiting += [need.name for group in chosen[name].needs for need in group]
    return dict(sorted(found.items()))


def _refuse_drivers(chosen, what, allowed=()):
    drivers = [offer.spec for name, offer in chosen.items() if is_driver(name) and name not in allowed]
    if drivers:
        raise ValueError(f"{what} wants {', '.join(drivers)}, which is the driver, and that is not for this to bring")
