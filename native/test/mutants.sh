#!/bin/bash
# Breaks the protocol on purpose: builds each mutant of mutants.txt from copies of the headers, and expects its tests to
# fail. A concurrency test that cannot fail proves nothing.
#
#   mutants.sh FOLDER [NAME ...]   run in native/; FOLDER: for the copies; NAME: only these mutants
#
# CXX and SECONDS_EACH (how long a threads test may search for the fault) come from the Makefile.
set -u
out=$1
shift
wanted=" $* "
table=test/mutants.txt
seconds=${SECONDS_EACH:-3}
survivors=0

die() { echo "mutants.sh: $*" >&2; exit 2; }

copy_headers() { rm -rf "${out:?}/$1" && mkdir -p "$out/$1" && cp -r protocol posix "$out/$1/"; }

# Replaces the one place in FILE that reads as $from; white space in it matches any white space.
apply_edit() {
  [ -n "$from" ] || return
  local path
  [ -f "test/$file" ] && [ ! -f "$out/$name/$file" ] && cp "test/$file" "$out/$name/"
  path=$(find "$out/$name" -name "$file")
  [ -n "$path" ] || die "$name: there is no $file"
  FROM=$from TO=${to%$'\n'} perl -0777 -pi -e '
    my $from = join "\\s+", map { quotemeta } split " ", $ENV{FROM};
    my $count = () = /$from/g;
    die "$count places read: $ENV{FROM}" if $count != 1;
    s/$from/$ENV{TO}/' "$path" || die "$name does not fit $file any more"
  from= to=
}

# One thread finds a fault in unoptimised code, too, and building takes longer than the search.
build() {  # MUTANT TEST MODE
  local flags=-O0 source=test/$2.cc
  case $2 in threads_* | step_*) flags=-O2 ;; esac
  [ "$3" = tsan ] && flags="-O1 -fsanitize=thread -fno-builtin-memcpy"
  [ "$3 $(uname -m)" = "tsan x86_64" ] && flags+=" -mcx16"
  [ -f "$out/$1/$2.cc" ] && source=$out/$1/$2.cc
  # shellcheck disable=SC2086
  ${CXX:-g++} -std=c++17 -Wall -Wextra -Werror -Wno-unused -pthread $flags "-I$out/$1" -Itest "$source" \
    -o "$out/$1/$2-$3" || die "$1 does not compile"
}

# The exit code of the test; 124: the watchdog ended it. The unbroken headers get long: the machine may be busy.
run() {  # MUTANT TEST MODE
  local limit=$((20 + seconds))
  [ "$1" = none ] && limit=$((120 + seconds))
  case $2 in step_*) limit=300 ;; esac
  (ulimit -c 0; TSAN_OPTIONS=halt_on_error=1 timeout -k 1 $limit \
    "$out/$1/$2-$3" --seconds "$seconds") >"$out/$1/$2-$3.log" 2>&1
}

# The unbroken headers must pass, or a failure means nothing. Once for each test and mode.
check_unbroken() {  # TEST MODE
  [ -d "$out/none" ] || copy_headers none
  [ -f "$out/none/$1-$2.log" ] && return
  build none "$1" "$2"
  run none "$1" "$2" || { cat "$out/none/$1-$2.log" >&2; die "the unbroken $1 ($2) fails"; }
}

expect_failure() {  # TEST MODE MESSAGE
  local code log=$out/$name/$1-$2.log why
  check_unbroken "$1" "$2"
  grep -q skipped "$out/none/$1-$2.log" && return  # ptrace is forbidden here
  build "$name" "$1" "$2"
  run "$name" "$1" "$2" 2>/dev/null
  code=$?
  why=$(grep -m 1 -E 'failed:|WARNING: ThreadSanitizer' "$log" | sed 's/ (pid [0-9]*)//')
  [ $code -eq 124 ] && why="ended by the watchdog"
  if [ $code -eq 0 ]; then
    echo "mutant $name: SURVIVED $1 ($2)"
    survivors=$((survivors + 1))
  elif ! grep -qF -- "$3" "$log"; then
    echo "mutant $name: $1 ($2) failed, but not with \"$3\": $why"
    survivors=$((survivors + 1))
  else
    echo "mutant $name: caught by $1 ($2): ${why:-exit code $code}"
  fi
}

rm -rf "${out:?}/none"
from= to= name= file= count=0
while IFS= read -r line; do
  case $line in '+'* | '') ;; '-'*) [ -n "$to" ] && apply_edit ;; *) apply_edit ;; esac
  case $line in
    'mutant '*)
      name=${line#mutant }
      case $wanted in '  ' | *" $name "*) copy_headers "$name"; count=$((count + 1)) ;; *) name= ;; esac
      ;;
    '#'* | '') ;;
    *) [ -n "$name" ] && case $line in
      'in '*) file=${line#in } ;;
      '- '*) from+=${line#- }$'\n' ;;
      '+ '*) to+=${line#+ }$'\n' ;;
      'by '*)
        [[ $line =~ ^by\ ([a-z_]+)(\ tsan)?(:\ (.*))?$ ]] || die "$name: cannot read: $line"
        mode=plain
        [ -n "${BASH_REMATCH[2]}" ] && mode=tsan
        expect_failure "${BASH_REMATCH[1]}" $mode "${BASH_REMATCH[4]}"
        ;;
      *) die "$name: cannot read: $line" ;;
    esac ;;
  esac
done <$table

[ $count -gt 0 ] || die "no such mutant:$wanted"
[ $survivors -eq 0 ] || { echo "mutants.sh: $survivors survived"; exit 1; }
