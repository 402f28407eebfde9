# shellcheck shell=sh
# As nobody, with a home that is removed in the end: an environment is made, runs Python over its base, and goes again.
mlbox=$1
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
chown nobody "$home"
as_nobody() { runuser -u nobody -- env -i HOME="$home" PATH="$PATH" "$@"; }
# A verification that was killed may have left its registration; this one replaces it.
as_nobody "$mlbox" env create verify >/dev/null
place=$(as_nobody "$mlbox" env path verify)
as_nobody "$place/bin/python" -c 'import os, sys; print(sys.prefix); print(os.path.realpath(sys.prefix + "/base"))'
as_nobody "$mlbox" env remove verify >/dev/null
[ -e "$place" ] || echo gone
