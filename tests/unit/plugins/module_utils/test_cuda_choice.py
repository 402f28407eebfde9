"""Which packages a CUDA release and a cuDNN are, out of lists made as NVIDIA's are: names, versions, who needs whom."""

from __future__ import annotations

import pytest
from ansible_collections.mlinabox.core.plugins.module_utils import _cuda_choice, _deb_archive


def paragraph(name, version, depends="", **fields):
    lines = [f"Package: {name}", f"Version: {version}", "Description: x", " Depends: not a field"]
    lines += [f"Depends: {depends}"] if depends else []
    return "\n".join(lines + [f"{key.replace('_', '-')}: {value}" for key, value in fields.items()])


def series(release, nvcc, cudart, more=""):
    """The paragraphs of one CUDA release."""
    two = "-".join(release.split(".")[:2])
    config = f"cuda-toolkit-{two}-config-common, cuda-toolkit-config-common"
    return [
        paragraph(
            f"cuda-toolkit-{two}",
            f"{release}-1",
            f"cuda-compiler-{two} (>= {release}), cuda-libraries-{two} (>= {release}){more}",
        ),
        paragraph(f"cuda-compiler-{two}", f"{release}-1", f"cuda-nvcc-{two} (>= {nvcc})"),
        paragraph(f"cuda-libraries-{two}", f"{release}-1", f"cuda-cudart-dev-{two} (>= {cudart}), libc6 (>= 2.17)"),
        paragraph(f"cuda-nvcc-{two}", f"{nvcc}-1", Size=1000, Installed_Size=3),
        paragraph(f"cuda-cudart-dev-{two}", f"{cudart}-1", f"cuda-cudart-{two} (>= {cudart})"),
        paragraph(f"cuda-cudart-{two}", f"{cudart}-1", config),
        paragraph(f"cuda-toolkit-{two}-config-common", f"{cudart}-1"),
        paragraph("cuda-toolkit-config-common", f"{cudart}-1"),
    ]


CUDNN_8 = [
    paragraph(name, version, needs.format(version))
    for version in ("8.5.0.96-1+cuda10.2", "8.5.0.96-1+cuda11.7", "8.9.0.131-1+cuda11.8", "8.9.0.131-1+cuda12.1")
    for name, needs in (("libcudnn8", ""), ("libcudnn8-dev", "libcudnn8 (= {})"))
]
CUDNN_9 = [
    paragraph("libcudnn9-cuda-12", "9.10.2.21-1", "cuda-cudart-12-4 | cuda-cudart-12-1"),
    paragraph("libcudnn9-headers-cuda-12", "9.10.2.21-1"),
    paragraph(
        "libcudnn9-dev-cuda-12",
        "9.10.2.21-1",
        "libcudnn9-cuda-12 (= 9.10.2.21-1), libcudnn9-headers-cuda-12 (= 9.10.2.21-1)",
    ),
    paragraph("libcudnn9-cuda-13", "9.10.2.21-1"),
    paragraph("libcudnn9-dev-cuda-13", "9.10.2.21-1", "libcudnn9-cuda-13 (= 9.10.2.21-1)"),
]
LIST = [
    *series("11.7.0", "11.7.64", "11.7.60"),
    *series("11.7.1", "11.7.99", "11.7.99"),
    *series("12.4.1", "12.4.131", "12.4.127"),
    *series("12.9.1", "12.9.86", "12.9.79", more=", cuda-drivers (>= 575.57.08)"),
    paragraph("cuda-drivers", "575.57.08-1", "nvidia-driver (>= 575.57.08) | nvidia-driver-575"),
    paragraph("nvidia-driver", "575.57.08-1"),
    paragraph("cuda-toolkit", "12.9.1-1", "cuda-toolkit-12-9 (>= 12.9.1)"),
    *CUDNN_8,
    *CUDNN_9,
]


def archive(paragraphs=LIST):
    return _deb_archive.parse("\n\n".join(paragraphs) + "\n")


def specs(chosen):
    return [offer.spec for offer in chosen.values()]


WHOLE = {
    "11.7.1": [
        "cuda-compiler-11-7=11.7.1-1",
        "cuda-cudart-11-7=11.7.99-1",
        "cuda-cudart-dev-11-7=11.7.99-1",
        "cuda-libraries-11-7=11.7.1-1",
        "cuda-nvcc-11-7=11.7.99-1",
        "cuda-toolkit-11-7=11.7.1-1",
        "cuda-toolkit-11-7-config-common=11.7.99-1",
        # Not 12.9.79, which apt would take.
        "cuda-toolkit-config-common=11.7.99-1",
    ],
    "11.7.0": [
        "cuda-compiler-11-7=11.7.0-1",
        "cuda-cudart-11-7=11.7.60-1",
        "cuda-cudart-dev-11-7=11.7.60-1",
        "cuda-libraries-11-7=11.7.0-1",
        "cuda-nvcc-11-7=11.7.64-1",
        "cuda-toolkit-11-7=11.7.0-1",
        # Of what is needed in no version in particular, the newest of the series.
        "cuda-toolkit-11-7-config-common=11.7.99-1",
        "cuda-toolkit-config-common=11.7.99-1",
    ],
}


@pytest.mark.parametrize("release", WHOLE)
def test_a_release_is_all_that_its_metapackage_stands_on_in_its_own_versions(release):
    assert specs(_cuda_choice.toolkit(archive(), release)) == WHOLE[release]


def test_a_lean_one_compiles_and_links_in_the_same_versions():
    assert specs(_cuda_choice.toolkit(archive(), "11.7.1", lean=True)) == [
        "cuda-cudart-11-7=11.7.99-1",
        "cuda-cudart-dev-11-7=11.7.99-1",
        "cuda-nvcc-11-7=11.7.99-1",
        "cuda-toolkit-11-7-config-common=11.7.99-1",
        "cuda-toolkit-config-common=11.7.99-1",
    ]


@pytest.mark.parametrize(("wanted", "shared"), [("", "11.7.99-1"), (" (>= 12.4)", "12.4.127-1")])
def test_two_releases_share_the_oldest_that_serves_both(wanted, shared):
    lists = [
        line.replace("cuda-toolkit-config-common", f"cuda-toolkit-config-common{wanted}")
        if line.startswith("Package: cuda-cudart-12-4\n")
        else line
        for line in LIST
    ]
    both = _cuda_choice.together([_cuda_choice.toolkit(archive(lists), release) for release in ("12.4.1", "11.7.1")])
    assert f"cuda-toolkit-config-common={shared}" in specs(both)
    assert {"cuda-nvcc-11-7=11.7.99-1", "cuda-nvcc-12-4=12.4.131-1"} <= set(specs(both))


def test_sizes_are_known():
    offer = _cuda_choice.toolkit(archive(), "11.7.1")["cuda-nvcc-11-7"]
    assert (offer.download, offer.installed) == (1000, 3072)


@pytest.mark.parametrize(
    ("release", "message"),
    [
        ("12.1.1", r"it has no CUDA toolkit 12\.1\.1; it has 11\.7\.0, 11\.7\.1, 12\.4\.1, 12\.9\.1$"),
        ("11.7", r"CUDA 11\.7 is no exact release; write it with three numbers"),
        ("12.9.1", r"wants cuda-drivers=575\.57\.08-1, nvidia-driver=575\.57\.08-1, which is the driver"),
    ],
)
def test_what_cannot_be_had_is_said_with_what_can(release, message):
    with pytest.raises(ValueError, match=message):
        _cuda_choice.toolkit(archive(), release)


def test_an_archive_of_something_else():
    with pytest.raises(ValueError, match=r"it has none$"):
        _cuda_choice.toolkit(archive([paragraph("jq", "1")]), "11.7.1")


def test_a_need_that_nothing_satisfies_is_named():
    broken = [line for line in LIST if "Package: cuda-nvcc-11-7\nVersion: 11.7.99" not in line]
    with pytest.raises(
        ValueError, match=r"cuda-compiler-11-7=11\.7\.1-1 wants cuda-nvcc-11-7 >= 11\.7\.99; it has 11\.7\.64-1"
    ):
        _cuda_choice.toolkit(archive(broken), "11.7.1")


def test_no_lean_one_without_its_parts():
    broken = [line for line in LIST if "cuda-cudart-dev-12-4" not in line]
    with pytest.raises(ValueError, match="has no cuda-cudart-dev-12-4; take the whole toolkit"):
        _cuda_choice.toolkit(archive(broken), "12.4.1", lean=True)


@pytest.mark.parametrize(
    ("versions", "cuda", "found"),
    [
        (["8.5.0.96"], "11.7.1", "8.5.0.96-1+cuda11.7"),
        (["8.5.0.96-1+cuda11.7"], "11.7.1", "8.5.0.96-1+cuda11.7"),
        # Of one for an older and one for a newer release the older.
        (["8.9.0.131"], "12.4.1", "8.9.0.131-1+cuda12.1"),
        # In the order in which they are accepted.
        (["8.9.3.28", "8.9.0.131"], "12.1.1", "8.9.0.131-1+cuda12.1"),
        (["8.9.0.131", "8.5.0.96"], "11.8.0", "8.9.0.131-1+cuda11.8"),
    ],
)
def test_a_cudnn_is_for_the_cuda_that_is_there(versions, cuda, found):
    version, chosen = _cuda_choice.cudnn(archive(), versions, cuda)
    assert version in versions
    assert specs(chosen) == [f"libcudnn8={found}", f"libcudnn8-dev={found}"]


def test_a_cudnn_brings_what_it_loads_of_a_toolkit_that_is_lean():
    cublas = [paragraph("libcublas-11-7", "11.10.3.66-1"), paragraph("cuda-nvrtc-11-7", "11.7.99-1")]
    with_cublas = [
        line.replace("libc6 (>= 2.17)", "libcublas-11-7 (>= 11.10.3.66), cuda-nvrtc-11-7 (>= 11.7.99)")
        for line in [*LIST, *cublas]
    ]
    cudnn = ["libcudnn8=8.5.0.96-1+cuda11.7", "libcudnn8-dev=8.5.0.96-1+cuda11.7"]
    for present, more in (
        ((), ["cuda-nvrtc-11-7=11.7.99-1", "libcublas-11-7=11.10.3.66-1"]),
        (("libcublas-11-7",), ["cuda-nvrtc-11-7=11.7.99-1"]),
        (("libcublas-11-7", "cuda-nvrtc-11-7"), []),
    ):
        _version, chosen = _cuda_choice.cudnn(archive(with_cublas), ["8.5.0.96"], "11.7.1", present)
        assert sorted(specs(chosen)) == sorted(cudnn + more)


def test_a_cudnn_9_brings_its_headers_and_no_second_cuda():
    version, chosen = _cuda_choice.cudnn(archive(), ["9.10.2.21"], "12.1.1", present={"cuda-cudart-12-1"})
    assert version == "9.10.2.21"
    assert list(chosen) == ["libcudnn9-cuda-12", "libcudnn9-dev-cuda-12", "libcudnn9-headers-cuda-12"]
    _version, alone = _cuda_choice.cudnn(archive(), ["9.10.2.21"], "12.4.1")
    assert "cuda-cudart-12-4" in alone


@pytest.mark.parametrize(
    ("versions", "cuda", "message"),
    [
        (
            ["8.9.3.28", "8.9.1.23"],
            "12.1.1",
            r"it has no cuDNN 8\.9\.3\.28 and no 8\.9\.1\.23 for CUDA 12; for that it has 8\.9\.0\.131, 9\.10\.2\.21$",
        ),
        (["8.5.0.96"], "12.4.1", r"no cuDNN 8\.5\.0\.96 for CUDA 12; for that it has 8\.9\.0\.131, 9\.10\.2\.21$"),
        (["8"], "11.7.1", r"cuDNN 8 is no exact version"),
    ],
)
def test_a_cudnn_that_cannot_be_had_is_said_with_those_that_can(versions, cuda, message):
    with pytest.raises(ValueError, match=message):
        _cuda_choice.cudnn(archive(), versions, cuda)


#: As Debian 11 has it, shortened.
DEBIAN = [
    paragraph("nvidia-cuda-toolkit", "11.2.2-3+deb11u3", "nvidia-cuda-dev (= 11.2.2-3+deb11u3), g++-10 | clang-11"),
    paragraph("nvidia-cuda-dev", "11.2.2-3+deb11u3", "libcudart11.0, libcuda1 (>= 460) | libcuda.so.1 (>= 460)"),
    paragraph("libcudart11.0", "11.2.152~11.2.2-3+deb11u3"),
    paragraph("libcuda1", "470.256.02-2", "nvidia-alternative (= 470.256.02-2)"),
    paragraph("nvidia-alternative", "470.256.02-2"),
    paragraph("nvidia-driver", "470.256.02-2"),
]


def test_a_distributions_toolkit_brings_the_drivers_libraries_only_where_there_is_no_driver():
    release, chosen = _cuda_choice.distributions(archive(DEBIAN), "nvidia-cuda-toolkit")
    assert release == "11.2.2"
    assert list(chosen) == ["libcuda1", "libcudart11.0", "nvidia-alternative", "nvidia-cuda-dev", "nvidia-cuda-toolkit"]
    # Ubuntu's driver package provides it.
    driver = {"libnvidia-compute-535", "libcuda.so.1"}
    _release, chosen = _cuda_choice.distributions(archive(DEBIAN), "nvidia-cuda-toolkit", driver)
    assert list(chosen) == ["libcudart11.0", "nvidia-cuda-dev", "nvidia-cuda-toolkit"]
    # One of NVIDIA's own installer is no package's.
    with pytest.raises(ValueError, match=r"wants libcuda1=470\.256\.02-2, nvidia-alternative=470\.256\.02-2, which is"):
        _cuda_choice.distributions(archive(DEBIAN), "nvidia-cuda-toolkit", set())


def test_more_of_a_driver_than_libraries_never_comes():
    whole = [line.replace("nvidia-alternative (=", "nvidia-driver, nvidia-alternative (=") for line in DEBIAN]
    with pytest.raises(ValueError, match=r"wants nvidia-driver=470\.256\.02-2, which is the driver"):
        _cuda_choice.distributions(archive(whole), "nvidia-cuda-toolkit")


@pytest.mark.parametrize(
    ("version", "release"),
    [("11.8.89~11.8.0-5~deb12u1", "11.8.0"), ("12.4.131~12.4.1-2", "12.4.1"), ("11.2.2-3", "11.2.2")],
)
def test_a_distributions_release_is_told_by_its_version(version, release):
    lists = archive([paragraph("nvidia-cuda-toolkit", version)])
    assert _cuda_choice.distributions(lists, "nvidia-cuda-toolkit")[0] == release


def test_needs_are_read_with_their_versions():
    text = "a (>= 1:2.0~rc1), b:any | c (<< 3), d [amd64]"
    groups = _deb_archive.parse_needs(text)
    assert [[(need.name, need.relation, need.version) for need in group] for group in groups] == [
        [("a", ">=", "1:2.0~rc1")],
        [("b", "", ""), ("c", "<<", "3")],
    ]
