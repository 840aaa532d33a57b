#!/bin/sh
# Builds build/banger-agent, one static binary; with --sanitize build/banger-agent-asan, for tests.
# Does nothing when neither the sources nor the compiler have changed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=$(dirname "$here")/build
name=banger-agent
sanitize=
[ "${1-}" = --sanitize ] && sanitize=1 name=banger-agent-asan

# musl makes it a sixth of the size that glibc does.
compiler=${CC-}
if [ -z "$compiler" ]; then
  if [ -z "$sanitize" ] && command -v musl-gcc >/dev/null 2>&1; then compiler=musl-gcc; else compiler=cc; fi
fi
command -v "$compiler" >/dev/null 2>&1 || {
  echo "build.sh: no C compiler ($compiler); install gcc and musl-tools" >&2
  exit 1
}

# The same sources in the same order, whatever the locale.
LC_ALL=C
export LC_ALL
cd "$here/src"
hash=$(cat -- *.c *.h | sha256sum | cut -c1-12)
stamp="$hash $(cksum <"$here/build.sh" | tr ' ' -) $("$compiler" --version | sed 1q) $compiler"
if [ -x "$out/$name" ] && [ "$(cat "$out/$name.stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

flags="-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -fno-common -fstack-protector-strong -Wl,--build-id=none"
if [ -n "$sanitize" ]; then
  flags="$flags -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
else
  flags="$flags -Os -static -s -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
    -fstack-clash-protection -Wl,--gc-sections -Wl,-z,noexecstack -Wl,-z,relro -Wl,-z,now"
fi

# Two builds at once must not see each other's halves.
mkdir -p "$out"
half="$out/$name.$$"
trap 'rm -f "$half"' EXIT
# shellcheck disable=SC2086
"$compiler" $flags "-ffile-prefix-map=$here/=" "-DBUILD_ID=\"$hash\"" -o "$half" *.c
mv -f "$half" "$out/$name"
printf '%s\n' "$stamp" >"$out/$name.stamp"
