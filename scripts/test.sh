#!/bin/sh
# test.sh all|fast|e2e: sets up what the tests need and runs them. `fast` starts no machine and takes under a minute; `e2e`
# boots real ones; `all` is both, after the checks.
set -eu
lane=${1:-all}
root=$(cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

sh scripts/setup.sh "$root"

node=$root/bin/node
run_tests() { "$node" --test --test-reporter=spec --test-concurrency="$1" --test-timeout="$2" $3; }

fast() {
  run_tests 4 120000 "$(find test -name '*.test.ts' ! -path 'test/e2e/*' | sort | tr '\n' ' ')"
}

e2e() {
  sh scripts/test-packages.sh
  run_tests 1 1500000 "$(find test/e2e -name '*.e2e.test.ts' | sort | tr '\n' ' ')"
}

case $lane in
  fast) fast ;;
  e2e) e2e ;;
  all)
    "$node" scripts/check.ts
    fast
    e2e
    ;;
  *)
    echo "usage: test.sh all|fast|e2e" >&2
    exit 2
    ;;
esac
