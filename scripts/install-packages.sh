#!/bin/sh
# install-packages.sh PURPOSE PACKAGE...: installs Debian packages when that needs no password, and says so in one line;
# otherwise names the exact command and fails.
set -eu
purpose=$1
shift
command="apt-get install -y --no-install-recommends $*"

if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root="sudo -n"
else
  printf 'error: %s needs host packages that are not installed: %s\n╰▶ hint: Install them: sudo %s\n' \
    "$purpose" "$*" "$command" >&2
  exit 1
fi
command -v apt-get >/dev/null 2>&1 || {
  printf 'error: %s needs these packages of Debian, by the names your distribution gives them: %s\n' "$purpose" "$*" >&2
  exit 1
}

printf 'banger: installing host packages for %s: %s\n' "$purpose" "$*" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the words of as_root are words
if ! $as_root $command >"$log" 2>&1; then
  if ! { $as_root apt-get update && $as_root $command; } >"$log" 2>&1; then
    cat "$log" >&2
    printf 'error: the host packages could not be installed; the lines above are apt-get'\''s own\n' >&2
    exit 1
  fi
fi
