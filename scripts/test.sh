#!/bin/sh
# test.sh all|fast|slow|e2e: sets up what the tests need and runs them. `fast` starts no machine and takes about a minute; `slow` starts
# none either, but hundreds of processes, to kill or to compare with; `e2e` boots real machines; `all` is all of it, after the checks.
set -eu
lane=${1:-all}
root=$(cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

sh scripts/setup.sh "$root"

node=$root/bin/node
# Every test file is a process of its own, and half of what most of them need is Node reading the same modules again.
compiled() { NODE_COMPILE_CACHE="$root/build/compile-cache" "$@"; }
run_tests() { "$node" --test --test-reporter=spec --test-concurrency="$1" --test-timeout="$2" $3; }

# What machines need and what the tests need besides; nothing happens when it is there.
packages() {
  ./banger setup >/dev/null
  sh scripts/test-packages.sh
}

fast() {
  compiled run_tests 4 120000 "$(find test -name '*.test.ts' ! -name '*.slow.test.ts' ! -path 'test/e2e/*' | sort | tr '\n' ' ')"
}

slow() {
  compiled run_tests 2 240000 "$(find test -name '*.slow.test.ts' | sort | tr '\n' ' ')"
}

# The first run comes first: what it makes, the others find.
e2e() {
  first=test/e2e/first-run.e2e.test.ts
  run_tests 1 1500000 "$first"
  run_tests 1 1500000 "$(find test/e2e -name '*.e2e.test.ts' ! -path "$first" | sort | tr '\n' ' ')"
}

case $lane in
  fast) fast ;;
  slow)
    packages
    slow
    ;;
  e2e)
    packages
    e2e
    ;;
  all)
    packages
    "$node" scripts/check.ts
    fast
    slow
    e2e
    ;;
  *)
    echo "usage: test.sh all|fast|slow|e2e" >&2
    exit 2
    ;;
esac
