#!/bin/sh
# Runs Spin on every configuration that a model's head comment names, two at a time:
#
#   check.sh MODEL.pml DIRECTORY
#
# The comment's lines `// run NAME FLAGS` must be searched to the end without an error, its lines `// mutant NAME FLAGS`
# must end in a violated property. FLAGS are macros of the model; -DNP looks for runs that never end instead.
# What a run wrote stays in DIRECTORY/MODEL-NAME: out, and for an error MODEL.pml.trail, to replay with spin -t -p.
set -eu

named() { grep -E '^// (run|mutant) [a-z-]+( |$)' "$1" | sed 's,^// ,,; s, *$,,'; }

check_one() {
  model=$1 directory=$2 kind=$3 name=$4
  shift 4
  title="model $(basename "$model" .pml)"
  pan=-DSAFETY
  options=
  for flag; do
    if [ "$flag" = -DNP ]; then pan=-DNP options=-l; fi
  done

  model=$(realpath "$model")
  mkdir -p "$directory/$(basename "$model" .pml)-$name"
  cd "$directory/$(basename "$model" .pml)-$name"
  rm -f out ./*.trail
  # -b: a search cut off at the depth -m is an error, not a pass.
  if spin "$@" -a "$model" >out 2>&1 && ${CC:-cc} -O2 -w -DMEMLIM=4096 $pan -o pan pan.c >>out 2>&1; then
    nice ./pan -b -m20000 -w24 $options >>out 2>&1 || :
  fi
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out)
  violated=$(sed -n 's/^pan:1: \(assertion violated.*\|invalid end state\|non-progress cycle\)\( (at depth [0-9]*)\)$/\1/p' out)

  case $kind in
    run)
      if grep -q ', errors: 0$' out && ! grep -qi 'not completed\|too small\|truncated' out; then
        echo "$title $name: $states states, no error"
        return
      fi
      echo "$title $name: FAILED, see $PWD/out"
      ;;
    mutant)
      if [ -n "$violated" ]; then
        echo "$title mutant $name: caught ($violated)"
        return
      fi
      echo "$title mutant $name: NOT CAUGHT, see $PWD/out"
      ;;
  esac
  return 1
}

case $1 in
  --one)
    shift
    check_one "$@"
    ;;
  *)
    [ -n "$(named "$1")" ]
    named "$1" | xargs -r -L 1 -P 2 sh "$0" --one "$1" "$2"
    ;;
esac
