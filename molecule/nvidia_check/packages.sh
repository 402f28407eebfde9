#!/bin/sh
# Tiny packages with the names and versions of a driver and of what is none, installed, one of them on hold; and an archive
# with newer ones of the same.
set -eu

here=/srv/packages
native=$(dpkg --print-architecture)
rm -rf "$here"
mkdir -p "$here/newer"

build() { # NAME VERSION FOLDER
    mkdir -p "$here/tree/DEBIAN"
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: nobody <nobody@example.org>\nDescription: a stand-in\n' \
        "$1" "$2" "$native" >"$here/tree/DEBIAN/control"
    dpkg-deb --build --root-owner-group "$here/tree" "$3/$1_$2.deb" >/dev/null
    rm -rf "$here/tree"
}

for name in nvidia-driver nvidia-kernel-dkms libcuda1 libnvidia-ml1 nvidia-smi libnvidia-container1; do
    build "$name" 535.183.06-1 "$here"
    build "$name" 535.309.01-1 "$here/newer"
done
dpkg -i "$here"/*.deb >/dev/null
apt-mark hold nvidia-smi >/dev/null

cd "$here/newer"
for file in *.deb; do
    dpkg-deb -f "$file"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)"
done >Packages
printf 'deb [trusted=yes] file:%s/newer ./\n' "$here" >"$here/sources.list"
