#!/bin/sh
# The built program as a process: what only shows there - exit codes, full and closed outputs, descriptors.
# Usage: cli.sh PATH_OF_KTSTR_INTERP. Boots nothing and touches no network.
set -u
program=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

# expect WHAT CODE COMMAND...: runs COMMAND, its output to ./out and ./err.
expect() {
  what=$1 wanted=$2
  shift 2
  "$@" >out 2>err
  got=$?
  if [ "$got" -ne "$wanted" ]; then
    echo "FAILED: $what: exit code $got, wanted $wanted"
    sed 's/^/  out: /' out; sed 's/^/  err: /' err
    failures=$((failures + 1))
  fi
}
# holds FILE TEXT: FILE has a line that contains TEXT.
holds() {
  if ! grep -qF -- "$2" "$1"; then
    echo "FAILED: $what: no '$2' in:"
    sed 's/^/  /' "$1"
    failures=$((failures + 1))
  fi
}

mkdir scenarios empty
printf 'version: 1\nname: tiny\nsteps:\n  - hold: 1s\n' >scenarios/tiny.yaml
printf 'version: 1\nsteps: [{hodl: 1s}]\n' >bad.yaml
mkfifo fifo.yaml

expect 'a clean directory' 0 "$program" lint scenarios
holds err '1 file, no errors'
expect 'a bad file' 1 "$program" lint bad.yaml scenarios
holds out "did you mean 'hold'?"
expect 'a missing file' 2 "$program" lint missing.yaml
expect 'an empty directory' 2 "$program" lint empty
expect 'a FIFO does not block' 2 "$program" lint fifo.yaml
expect 'no command' 64 "$program"
expect 'the version' 0 "$program" --version
expect 'a dry run' 0 "$program" run --dry-run scenarios
holds out 'hold 1s'

expect 'a full output' 2 sh -c '"$1" list scenarios >/dev/full' sh "$program"
holds err 'standard output cannot be written: No space left on device'
expect 'a full output hides no findings' 1 sh -c '"$1" lint bad.yaml >/dev/full' sh "$program"
expect 'a closed output' 2 sh -c '"$1" list scenarios >&-' sh "$program"
expect 'a reader that leaves early' 0 sh -c '"$1" explain --json | head -1' sh "$program"
holds out '{'

mkdir -p run/snapshots
printf '{"schema": "single", "run_queues": [{"cpu": 0, "nr_running": 2}]}\n' >run/snapshots/a.json
sed 's/: 2/: 5/' run/snapshots/a.json >run/snapshots/b.json
expect 'a value of a snapshot' 0 "$program" snapshot show run a 'run_queues[0].nr_running'
holds out 2
expect 'snapshots that differ' 1 "$program" snapshot diff run:a run:b
holds out 'nr_running 2 -> 5 (+3)'
expect 'snapshots that do not differ' 0 "$program" snapshot diff run:a run/snapshots/a.json
expect 'no such snapshot' 64 "$program" snapshot show run c
holds err 'there are a, b'

expect 'a bad scenario is an error' 2 "$program" run bad.yaml
holds out 'ERROR bad.yaml: bad scenario: '
expect 'a kernel that is none' 2 env KTSTR_KERNEL=/etc/passwd "$program" run scenarios
holds out 'ERROR scenarios/tiny.yaml: '
holds out 'is not a Linux kernel image'
expect 'results that cannot be kept' 2 env KTSTR_KERNEL=/etc/passwd "$program" run --out bad.yaml scenarios
holds err "the results directory 'bad.yaml' cannot be made: Not a directory"

[ "$failures" -eq 0 ] && echo 'all well'
exit "$((failures > 0))"
