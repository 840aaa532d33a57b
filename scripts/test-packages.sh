#!/bin/sh
# The host packages that the tests need beyond those that banger installs by itself.
set -eu
cd -- "$(dirname -- "$0")/.."
exec bin/node scripts/install-packages.ts testing gpg:gpg openssl:openssl busybox:busybox-static python3:python3 docker-registry:docker-registry skopeo:skopeo umoci:umoci minisign:minisign zstd:zstd
