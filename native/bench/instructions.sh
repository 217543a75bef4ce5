#!/bin/sh
# The arm64 instructions of one publish and one read, by payload: how many more the emulator logs for 300 of them than
# for 200. make -C native arm64-count
set -eu
program=$1 emulator=$2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
instructions() {
  "$emulator" -singlestep -d exec,nochain -D "$log" "$program" "$@"
  wc -l <"$log"
}
printf '%-9s %8s %13s\n' operation payload instructions
for bytes in 16 64 256 1024 4096; do
  for operation in publish read; do
    long=$(instructions $operation 300 $bytes)
    short=$(instructions $operation 200 $bytes)
    printf '%-9s %8s %13s\n' $operation $bytes $(((long - short) / 100))
  done
done
