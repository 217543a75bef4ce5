#!/bin/bash
# Breaks the protocol on purpose, one line at a time, in copies of the headers, and expects a test to notice each.
# A concurrency test that cannot fail proves nothing. Usage: mutants.sh <folder for the copies>; run in native/.
# CXX and SECONDS_EACH (how long a threads test may look for the fault) come from the Makefile.
set -u
out=$1
cxx=${CXX:-g++}
seconds=${SECONDS_EACH:-3}
flags="-std=c++17 -Wall -Wextra -Werror -Wno-unused -pthread"
# What one thread finds it finds unoptimised too, and building takes longer than looking.
plain="-O0"
raced="-O2"
tsan="-O1 -fsanitize=thread -fno-builtin-memcpy"
survivors=0

fresh_copy() {  # <mutant>
  rm -rf "${out:?}/$1" && mkdir -p "$out/$1" && cp -r protocol posix "$out/$1/"
}

# Replaces one literal text in the mutant's copy of a header; anything but exactly one match is an error of this script.
edit() {  # <mutant> <file> <from> <to>
  FROM=$3 TO=$4 perl -0777 -pi -e '
    my $from = $ENV{FROM}; my $to = $ENV{TO};
    my $count = () = /\Q$from\E/g;
    die "$ARGV: $count matches, not 1, of: $from\n" if $count != 1;
    s/\Q$from\E/$to/;
  ' "$(find "$out/$1" -name "$2")" || { echo "mutants.sh: $1 does not fit the headers any more" >&2; exit 2; }
}

# The same in a test of the mutant's own, for an order that no header decides.
edit_test() {  # <mutant> <test> <from> <to>
  cp "test/$2.cc" "$out/$1/" && edit "$1" "$2.cc" "$3" "$4"
}

build() {  # <mutant> <test> <plain|tsan>
  local mode=$plain source="test/$2.cc"
  case $2 in threads_* | step_*) mode=$raced ;; esac
  [ "$3" = tsan ] && mode=$tsan
  [ -f "$out/$1/$2.cc" ] && source="$out/$1/$2.cc"
  # shellcheck disable=SC2086
  $cxx $flags $mode "-I$out/$1" -Itest "$source" -o "$out/$1/$2-$3" ||
    { echo "mutants.sh: $1 does not compile" >&2; exit 2; }
}

run() {  # <mutant> <test> <plain|tsan>: the test's own exit code, 124 when the watchdog ended it
  (ulimit -c 0; TSAN_OPTIONS=halt_on_error=1 timeout -k 1 $((20 + seconds)) \
    "$out/$1/$2-$3" --seconds "$seconds") >"$out/$1/$2-$3.log" 2>&1
}

expect_caught() {  # <mutant> <test> <plain|tsan> [what the log must say]
  build "$1" "$2" "$3"
  run "$1" "$2" "$3" 2>/dev/null
  local code=$?
  local why
  why=$(grep -m 1 -E 'failed:|WARNING: ThreadSanitizer' "$out/$1/$2-$3.log" | sed 's/ (pid [0-9]*)//')
  [ $code -eq 124 ] && why="ended by the watchdog"
  if [ $code -eq 0 ]; then
    echo "mutant $1: SURVIVED $2 ($3)"
    survivors=$((survivors + 1))
  elif [ $# -gt 3 ] && ! grep -q "$4" "$out/$1/$2-$3.log"; then
    echo "mutant $1: $2 ($3) failed, but not with \"$4\": $why"
    survivors=$((survivors + 1))
  else
    echo "mutant $1: caught by $2 ($3): ${why:-exit code $code}"
  fi
}

# The unbroken copies must pass, or being caught means nothing.
fresh_copy none
for test in ring_test topic_test settle_test threads_test wake_test threads_wake_test beat_test threads_beat_test step_beat_test \
  table_test threads_table_test index_test threads_index_test; do
  build none $test plain
  run none $test plain || { echo "mutants.sh: the unbroken $test fails" >&2; cat "$out/none/$test-plain.log" >&2; exit 2; }
done
build none threads_test tsan
run none threads_test tsan || { echo "mutants.sh: the unbroken threads_test fails" >&2; cat "$out/none/threads_test-tsan.log" >&2; exit 2; }

# Readers.
fresh_copy no-validating-load
edit no-validating-load ring.h 'if (load_acquire(slot) != word) return RingStatus::kOverwritten;' ''
expect_caught no-validating-load threads_test plain
expect_caught no-validating-load ring_test plain

fresh_copy validate-chunk-only
edit validate-chunk-only ring.h 'if (load_acquire(slot) != word)' 'if (chunk_in(load_acquire(slot)) != chunk_in(word))'
expect_caught validate-chunk-only threads_test plain

fresh_copy trusted-hint
edit trusted-hint ring.h 'if (!representable(ring, head) || (head > 0 && !filled(ring, head - 1))) return search_head(ring);' ''
expect_caught trusted-hint ring_test plain

fresh_copy newest-one-lap-old
edit newest-one-lap-old ring.h 'if (status != RingStatus::kOverwritten) return status;' 'return status;'
expect_caught newest-one-lap-old ring_test plain

# Copies.
fresh_copy plain-memcpy
edit plain-memcpy word.h 'const uint8_t* from = static_cast<const uint8_t*>(source);' \
  'memcpy(target, source, bytes); return; const uint8_t* from = static_cast<const uint8_t*>(source);'
edit plain-memcpy word.h 'uint8_t* to = static_cast<uint8_t*>(target);' \
  'memcpy(target, source, bytes); return; uint8_t* to = static_cast<uint8_t*>(target);'
expect_caught plain-memcpy threads_test tsan 'data race'

# Writers.
fresh_copy gap-allowed
edit gap-allowed ring.h 'lost = lap + 1 != wanted || !(follows || filled(ring, head - 1));' 'lost = lap + 1 != wanted;'
expect_caught gap-allowed ring_test plain

fresh_copy hand-kept
edit hand-kept ring.h 'writer->hand = received;' ''
expect_caught hand-kept threads_test plain
expect_caught hand-kept ring_test plain

fresh_copy swap-compares-chunk-only
edit swap-compares-chunk-only ring.h 'if (exchange_if(slot_of(ring, head), word,' \
  'uint64_t now = load_acquire(slot_of(ring, head)); if (exchange_if(slot_of(ring, head), chunk_in(now) == chunk_in(word) ? now : word,'
expect_caught swap-compares-chunk-only ring_test plain

# The yield holds the gap of two instructions open: a busy machine seldom puts two writers into it by itself.
fresh_copy swap-is-a-store
edit swap-is-a-store ring.h 'if (exchange_if(slot_of(ring, head), word, slot_word(lap_of(ring, head), hand))) {' \
  'if (load_acquire(slot_of(ring, head)) == word) { sched_yield(); store_release(slot_of(ring, head), slot_word(lap_of(ring, head), hand));'
expect_caught swap-is-a-store threads_test plain

fresh_copy hand-of-another-node
edit hand-of-another-node ring.h 'uint32_t hand = writer->hand;' 'uint32_t hand = writer->ring.entries[0].hand;'
expect_caught hand-of-another-node threads_test plain

# Settlers.
fresh_copy settle-guesses-the-hand
edit settle-guesses-the-hand settle.h 'if (!take_spare(ring, &owned)) return RingStatus::kNoSpare;' ''
expect_caught settle-guesses-the-hand settle_test plain

fresh_copy settle-trusts-a-moving-hand
edit settle-trusts-a-moving-hand settle.h 'load_acquire(&entry.intentPosition) == 0 && load_acquire(&entry.hand) == chunk' \
  'load_acquire(&entry.hand) == chunk'
expect_caught settle-trusts-a-moving-hand settle_test plain

fresh_copy settle-ignores-the-swap
edit settle-ignores-the-swap settle.h 'if (lap == wanted && chunk_in(word) == owned) {' 'if (false) {'
expect_caught settle-ignores-the-swap settle_test plain

fresh_copy audit-deals-twice
edit audit-deals-twice settle.h 'marks[chunk >> 6] |= uint64_t{1} << (chunk & 63);' ''
expect_caught audit-deals-twice settle_test plain

# Waking. model/bell.pml has the same mutants, and those of the bells themselves.
fresh_copy clear-first
edit clear-first wake.h 'ringBell(sleeper);
        exchange_if(word, generation, generation + 1);' 'exchange_if(word, generation, generation + 1);
        ringBell(sleeper);'
expect_caught clear-first wake_test plain 'arm_word(node)'

fresh_copy same-generation
edit same-generation wake.h 'generation + (generation % 2 == 0 ? 1 : 2)' 'generation + (generation % 2 == 0 ? 1 : 0)'
expect_caught same-generation wake_test plain

fresh_copy look-before-arm
edit_test look-before-arm wake_test 'arm(ring, node);
  gaps[1]();
  bool sleeps = !has_news(ring, position);' 'bool sleeps = !has_news(ring, position);
  gaps[1]();
  arm(ring, node);'
expect_caught look-before-arm wake_test plain '!sleeps || isRung'

fresh_copy group-forgotten
edit group-forgotten wake.h 'set_bits_ordered(&ring.header->sleeperGroups, group);' '{}'
expect_caught group-forgotten wake_test plain

fresh_copy first-word-of-a-group
edit first-word-of-a-group wake.h 'node < first + kNodesPerSleeperGroup && node' 'node < first + 64 && node'
expect_caught first-word-of-a-group wake_test plain

fresh_copy foreign-bits
edit foreign-bits wake.h 'if (sleeper >= ring.spec.fleetSize) break;' ''
expect_caught foreign-bits wake_test plain

fresh_copy settler-zeroes
edit settler-zeroes settle.h 'disarm(ring, node);' 'disarm(ring, node); store_release(&entry->arm, 0);'
expect_caught settler-zeroes wake_test plain

fresh_copy settler-forgets-the-bit
edit settler-forgets-the-bit settle.h 'disarm(ring, node);' ''
expect_caught settler-forgets-the-bit wake_test plain

fresh_copy publisher-clears-the-bit
edit publisher-clears-the-bit wake.h 'exchange_if(word, generation, generation + 1);' \
  'exchange_if(word, generation, generation + 1); clear_bits(sleepers_word(ring, sleeper), sleeper_bit(sleeper));'
expect_caught publisher-clears-the-bit wake_test plain

# ptrace may be forbidden here; then there is nothing to catch them with.
expect_caught_stepping() {  # <mutant> <test>
  grep -q skipped "$out/none/$2-plain.log" || expect_caught "$1" "$2" plain
}

# Hearts. Where a copy must fall together with a beat, or with a new owner, the yield holds it open.
slow_copy='copy_from_shared(beat, beat_words(record, count), 24); sched_yield();
    copy_from_shared(beat->status, beat_words(record, count) + 3, kStatusBytes);'
slow_reader() {  # <mutant>
  edit "$1" beat.h 'copy_from_shared(beat, beat_words(record, count), sizeof *beat);' "$slow_copy"
  edit "$1" beat.h '#pragma once' '#pragma once
#include <sched.h>'
}

fresh_copy beat-not-validated
slow_reader beat-not-validated
edit beat-not-validated beat.h 'if (load_acquire(&record->beatCount) != count) continue;' ''
expect_caught beat-not-validated threads_beat_test plain

fresh_copy beat-of-the-last-owner
slow_reader beat-of-the-last-owner
edit beat-of-the-last-owner beat.h 'if (load_acquire(&record->incarnation) != incarnation) return false;' ''
expect_caught beat-of-the-last-owner threads_beat_test plain
expect_caught beat-of-the-last-owner beat_test plain

fresh_copy beat-in-one-place
edit beat-in-one-place beat.h 'copy_to_shared(beat_words(record, count), &beat' 'copy_to_shared(beat_words(record, count + 1), &beat'
expect_caught beat-in-one-place beat_test plain
expect_caught_stepping beat-in-one-place step_beat_test

fresh_copy beat-counted-first
edit beat-counted-first beat.h 'copy_to_shared(beat_words(record, count), &beat, sizeof beat);
  store_release(&record->beatCount, count);' 'store_release(&record->beatCount, count);
  if (count % 8 == 0) sched_yield();
  copy_to_shared(beat_words(record, count), &beat, sizeof beat);'
edit beat-counted-first beat.h '#pragma once' '#pragma once
#include <sched.h>'
expect_caught_stepping beat-counted-first step_beat_test
expect_caught beat-counted-first threads_beat_test plain

# Tables. model/table.pml has most of these too.
fresh_copy token-before-the-load
edit token-before-the-load table.h 'inline TableStatus append_claim(' \
  'inline thread_local uint64_t early = 0; inline TableStatus append_claim('
edit token-before-the-load table.h 'room = card_room(ring);' \
  'room = card_room(ring); early = draw_token(ring); if (early % 8 == 0) sched_yield();'
edit token-before-the-load table.h 'uint64_t token = draw_token(writer.ring);' 'uint64_t token = early;'
expect_caught token-before-the-load threads_table_test plain

fresh_copy counter-went-back
edit counter-went-back table.h 'if (token <= card->newestToken) return TableStatus::kCorrupt;' \
  'if (token <= card->newestToken) card->newestToken = 0;'
expect_caught counter-went-back table_test plain

fresh_copy stamp-kept
edit stamp-kept table.h 'uint64_t stamp = lap_in(card.word) + 1' 'uint64_t stamp = lap_in(card.word) == 0 ? 1 : lap_in(card.word)'
expect_caught stamp-kept table_test plain
expect_caught stamp-kept threads_table_test plain

fresh_copy copy-not-validated
edit copy-not-validated table.h 'if (load_acquire(slot) != word) continue;' ''
expect_caught copy-not-validated table_test plain
expect_caught copy-not-validated threads_table_test plain

fresh_copy card-swap-is-a-store
edit card-swap-is-a-store table.h 'if (!exchange_if(&ring.slots[bucket], card.word, slot_word(stamp, hand))) {' \
  'bool same = load_acquire(&ring.slots[bucket]) == card.word; sched_yield();
  if (same) store_release(&ring.slots[bucket], slot_word(stamp, hand));
  if (!same) {'
expect_caught card-swap-is-a-store threads_table_test plain

fresh_copy expired-is-renewed
edit expired-is-renewed table.h 'if (has_expired(standing, nowMs)) return false;
      if (standing.token == token) {' 'if (standing.token == token) {'
expect_caught expired-is-renewed table_test plain

fresh_copy expired-blocks
edit expired-blocks table.h 'if (has_expired(standing, request.nowMs)) return false;' ''
expect_caught expired-blocks table_test plain

fresh_copy death-not-asked
edit death-not-asked table.h 'yields = lives(standing);' 'yields = true;'
expect_caught death-not-asked table_test plain

fresh_copy life-not-asked
edit life-not-asked table.h 'return isOurs || isAlive(standing.node, standing.incarnation);' 'return isOurs;'
expect_caught life-not-asked table_test plain

fresh_copy node-is-enough
edit node-is-enough table.h 'standing.node == writer->node && standing.incarnation == request.incarnation' 'standing.node == writer->node'
expect_caught node-is-enough table_test plain

fresh_copy inserted-without-looking
edit inserted-without-looking table.h 'if (yields || !is_on(standing, bytes, subject)) return true;' 'return true;'
expect_caught inserted-without-looking table_test plain

fresh_copy living-evicted
edit living-evicted table.h 'if (card->length + size > room) return TableStatus::kFull;' 'if (card->length + size > room) card->length = 0;'
expect_caught living-evicted table_test plain

fresh_copy intent-left-behind
edit intent-left-behind table.h 'store_release(&entry->intentPosition, 0);
    back_off(writer);' 'back_off(writer);'
expect_caught intent-left-behind table_test plain

fresh_copy intent-cleared-first
edit intent-cleared-first table.h 'store_release(&entry->hand, received);
  store_release(&entry->intentPosition, 0);' 'store_release(&entry->intentPosition, 0);
  store_release(&entry->hand, received);'
expect_caught intent-cleared-first step_table_test plain 'victim.hand'

fresh_copy no-intent
edit no-intent table.h 'store_release(&entry->intentPosition, position + 1);' ''
expect_caught no-intent step_table_test plain 'victim.hand'

# The cache's index. The yields hold the gaps open, as above.
fresh_copy index-copies-unvalidated
edit index-copies-unvalidated index.h 'if (isOurs) copy_from_shared(' 'if (position % 8 == 0) sched_yield();
    if (isOurs) copy_from_shared('
edit index-copies-unvalidated index.h 'if (has_moved(word, position)) return RingStatus::kOverwritten;  // validate
    *valueBytes' '*valueBytes'
expect_caught index-copies-unvalidated threads_index_test plain

# In rings so small that a lookup may give up.
fresh_copy index-notes-unvalidated
edit index-notes-unvalidated index.h 'Shape shape = shape_at(word);
    bool isReset' 'if (ring_.mask < 16 && position % 8 == 0) sched_yield();
    Shape shape = shape_at(word);
    bool isReset'
edit index-notes-unvalidated index.h 'if (has_moved(word, position)) return RingStatus::kOverwritten;  // validate
    if (!shape.isWhole)' 'if (!shape.isWhole)'
expect_caught index-notes-unvalidated threads_index_test plain

fresh_copy index-keeps-the-older
edit index-keeps-the-older index.h '*named = link->older;
        break;' '*link_at(position) = *link;
        link_at(position)->position = position;
        return;'
expect_caught index-keeps-the-older index_test plain

fresh_copy index-forgets-the-order
edit index-forgets-the-order index.h 'link != nullptr && link->position > position;' 'link != nullptr && link->position > position && false;'
expect_caught index-forgets-the-order index_test plain

fresh_copy index-believes-what-lay-before-a-gap
edit index-believes-what-lay-before-a-gap index.h 'oldest_ = position;' ''
expect_caught index-believes-what-lay-before-a-gap index_test plain what_was_noted_before_a_gap

fresh_copy index-forgets-a-gap
edit index-forgets-a-gap index.h 'if (oldest > oldest_) oldest_ = oldest;' 'oldest_ = oldest;'
expect_caught index-forgets-a-gap index_test plain what_was_noted_before_a_gap

fresh_copy index-ignores-resets
edit index-ignores-resets index.h 'if (decided_by_reset(key, candidate, answer)) return CacheStatus::kMiss;' ''
expect_caught index-ignores-resets index_test plain

fresh_copy index-resets-every-namespace
edit index-resets-every-namespace index.h 'reset.namespaceBytes != key.namespaceBytes || ' ''
edit index-resets-every-namespace index.h 'mix(&low, &high, tag << 48 | uint64_t{namespaceBytes} << 32 | length);' 'mix(&low, &high, tag << 48 | length);'
expect_caught index-resets-every-namespace index_test plain

fresh_copy index-takes-an-older-reset
edit index-takes-an-older-reset index.h ' || (candidate != kNoPosition && link->position < candidate)' ''
expect_caught index-takes-an-older-reset index_test plain

fresh_copy index-follows-any-link
edit index-follows-any-link index.h 'link->position == named - 1 && link->position >= oldest_' 'link->position >= oldest_'
expect_caught index-follows-any-link index_test plain

fresh_copy index-follows-overwritten-links
edit index-follows-overwritten-links index.h 'link->position == named - 1 && link->position >= oldest_' 'link->position == named - 1'
expect_caught index-follows-overwritten-links index_test plain

fresh_copy index-expires-late
edit index-expires-late index.h 'link->expiresAtMs <= now()' 'link->expiresAtMs < now()'
expect_caught index-expires-late index_test plain

fresh_copy index-compares-no-key
edit index-compares-no-key index.h 'isOurs = ours(at, bytes) == theirs(at, bytes);' ''
expect_caught index-compares-no-key index_test plain

fresh_copy index-hashes-tags-plainly
edit index-hashes-tags-plainly index.h 'mix(&low, &high, tag << 48 | uint64_t{namespaceBytes} << 32 | length);' 'low ^= tag << 48 | uint64_t{namespaceBytes} << 32 | length;'
expect_caught index-hashes-tags-plainly index_test plain

fresh_copy index-gives-up-when-lapped
edit index-gives-up-when-lapped index.h '// Overwritten since we caught up: there are newer frames to look at.' 'return CacheStatus::kMiss;'
expect_caught index-gives-up-when-lapped threads_index_test plain

fresh_copy index-believes-a-cut-walk
edit index-believes-a-cut-walk index.h 'isWhole || head_of(ring_) == answer->head' 'true'
expect_caught index-believes-a-cut-walk threads_index_test plain

fresh_copy index-misses-the-last-bytes
edit index-misses-the-last-bytes index.h 'word & ((uint64_t{1} << count * 8) - 1)' 'word & ((uint64_t{1} << (count - 1) * 8) - 1)'
expect_caught index-misses-the-last-bytes index_test plain

fresh_copy index-stays-ahead
edit index-stays-ahead index.h 'if (head < next_) forget();' ''
expect_caught index-stays-ahead index_test plain

fresh_copy index-knows-for-ever
edit index-knows-for-ever index.h 'if (status == RingStatus::kOk) return candidate == known' 'if (status == RingStatus::kOk) return known != kNoPosition'
expect_caught index-knows-for-ever index_test plain

# Topics.
fresh_copy topic-beyond-its-frame
edit topic-beyond-its-frame topic.h 'if (header.topicBytes > length - sizeof header) return Verdict::kMalformed;' ''
expect_caught topic-beyond-its-frame topic_test plain

fresh_copy half-a-topic
edit half-a-topic topic.h 'return at == topicBytes;' 'return true;'
expect_caught half-a-topic topic_test plain

fresh_copy skipped-counts-as-kept
edit skipped-counts-as-kept cursor.h 'poll.skipped++;' 'poll.count++;'
expect_caught skipped-counts-as-kept topic_test plain

if [ $survivors -ne 0 ]; then
  echo "mutants.sh: $survivors survived"
  exit 1
fi
