#!/bin/sh
# `kernel build`, `list` and `gc` as a process, with a kernel tree of ten lines: exit codes, Ctrl-C, what is left.
# Usage: kernel_build.sh PATH_OF_KTSTR_INTERP. Boots nothing and touches no network.
set -u
program=$(realpath "$1")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export XDG_CACHE_HOME="$work/cache"
failures=0

fail() {
  echo "FAILED: $*"
  sed 's/^/  out: /' out
  sed 's/^/  err: /' err
  failures=$((failures + 1))
}
# expect CODE COMMAND...: runs COMMAND, its output to ./out and ./err.
expect() {
  wanted=$1
  shift
  "$@" >out 2>err
  got=$?
  [ "$got" -eq "$wanted" ] || fail "$*: exit code $got, wanted $wanted"
}
# says TEXT: the whole of standard error's last line.
says() {
  [ "$(tail -n 1 err)" = "$1" ] || fail "the last line is not: $1"
}

mkdir -p src/arch/x86
: >src/Kconfig
cat >src/Makefile <<'MAKEFILE'
allnoconfig: ; @cp $(KCONFIG_ALLCONFIG) $(O)/.config
olddefconfig: ;
bzImage: $(O)/one.o ; @if [ -e ../started ]; then echo go >../started; sleep 1000; fi; echo 'cc.c:1: error: no compiler'; exit 1
$(O)/one.o: ; @echo '  CC      one.o'; echo made >>../made; touch $@
MAKEFILE

expect 2 "$program" kernel build --source missing
says "ktstr-interp: the kernel source 'missing' does not exist"
expect 2 "$program" kernel build --source src/arch
says "ktstr-interp: 'src/arch' is not a kernel tree (it has no Makefile)"
expect 2 env PATH="$work" "$program" kernel build --source src
says "ktstr-interp: building a kernel needs make, gcc, ld, bc, flex, bison, pahole, cpio, lz4 and xz; install \
them with: sudo apt-get install make gcc binutils bc flex bison dwarves cpio lz4 xz-utils"
[ ! -e cache/ktstr-interp ] || fail 'something was made before the tools were there'

# A signal while make runs: the program ends it and says so. (SIGTERM, for sh lets background jobs ignore SIGINT.)
mkfifo started
"$program" kernel build --source src >out 2>err &
pid=$!
read -r _ <started
kill -TERM "$pid"
wait "$pid"
[ $? -eq 2 ] || fail 'an interrupted build has another exit code'
says 'ktstr-interp: the kernel build was interrupted; the same command goes on with it'
rm started

expect 2 "$program" kernel build --source src
log=$(ls -d "$work"/cache/ktstr-interp/kernels/.build-*/build.log)
says "ktstr-interp: make failed: cc.c:1: error: no compiler (log: $log)"
[ "$(cat made)" = made ] || fail 'the second try began anew'

expect 0 "$program" kernel list --json
[ "$(cat out)" = '[]' ] || fail 'half a kernel is listed'
expect 0 "$program" kernel gc
grep -q '^removed an abandoned build (.build-' out || fail 'the build tree is still there'
expect 0 "$program" kernel gc
[ "$(cat out)" = 'nothing to remove' ] || fail 'gc is not done'
expect 64 "$program" kernel bulid

[ "$failures" -eq 0 ] && echo 'all well'
exit "$((failures > 0))"
