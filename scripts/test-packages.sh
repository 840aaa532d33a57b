#!/bin/sh
# The host packages that the tests need beyond those that banger installs by itself.
set -eu
cd -- "$(dirname -- "$0")/.."
missing=
for pair in gpg:gpg busybox:busybox-static python3:python3; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -z "$missing" ] || sh scripts/install-packages.sh "the tests" $missing
