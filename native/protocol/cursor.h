// Walking a ring: frames in position order, and an exact count of those that were lost on the way.
//
// "Loss is not an error condition" (Agrona's BroadcastReceiver): a cursor that was lapped goes on at the oldest
// retained frame, and its poll says how many frames it missed. A poll ends before a loss unless the loss comes first:
// so the frames that a poll reports as lost are always those right behind `from`.
#pragma once

#include "protocol/debug.h"
#include "protocol/ring.h"

namespace orbit {

struct Poll {
  uint64_t from = 0;       // the cursor before
  uint64_t to = 0;         // and after: to - from == lost + count + malformed + skipped
  uint64_t lost = 0;       // overwritten by newer frames, or reset away; they come first
  uint64_t malformed = 0;  // passed because their bytes contradict the invariants or the format
  uint64_t skipped = 0;    // whole, and not asked for
  uint64_t head = 0;       // where the ring ended when the poll began, at least `from`
  uint32_t count = 0;      // frames handed out
};

// What a reader makes of a whole frame.
enum class Verdict { kKeep, kSkip, kMalformed };

// The head, for a poll that begins at `position`. Most polls find nothing, or one frame, and then the slots say so
// without a search: a position with an unfilled slot is not below the head (I3).
inline uint64_t head_from(const Ring& ring, uint64_t position) {
  if (!representable(ring, position) || !filled(ring, position)) return position;
  if (!representable(ring, position + 1) || !filled(ring, position + 1)) return position + 1;
  return head_of(ring);
}

// Reads up to `max` frames from `position` on. `room(payloadBytes)` says where the next payload goes, or null to stop;
// `judge(frame)` follows for each whole frame, and only a frame that it keeps is handed out. `isContinued`: calls
// before this one belong to the same poll, and have passed positions that were not lost. Never reads past the head of
// the moment it began, so that it ends.
template <typename Room, typename Judge>
inline Poll poll_frames(const Ring& ring, uint64_t position, uint32_t max, bool isContinued, Room room, Judge judge) {
  Poll poll;
  poll.from = poll.to = position;
  uint64_t head = poll.head = head_from(ring, position);
  // Contradictory slots can make every position look overwritten; a healthy ring laps a poll a few times at most.
  uint64_t patience = 4 * (uint64_t{ring.mask} + 1) + max;
  while (poll.count < max && poll.to < head && patience-- > 0) {
    void* payload = room(ring.spec.payloadBytes);
    if (payload == nullptr) break;
    Frame frame;
    RingStatus status = read_frame(ring, poll.to, &frame, payload);
    if (status == RingStatus::kOk) {
      Verdict verdict = judge(frame);
      if (verdict == Verdict::kKeep) {
        poll.count++;
      } else if (verdict == Verdict::kSkip) {
        poll.skipped++;
      } else {
        poll.malformed++;
      }
      poll.to++;
    } else if (status == RingStatus::kCorrupt) {
      poll.malformed++;
      poll.to++;
    } else if (status == RingStatus::kOverwritten) {
      bool isFirst = !isContinued && poll.to - poll.from == poll.lost;
      if (!isFirst) break;
      uint64_t oldest = oldest_of(ring, head_of(ring));
      if (oldest <= poll.to) oldest = poll.to + 1;
      poll.lost += oldest - poll.to;
      poll.to = oldest;
    } else {
      break;
    }
  }
  ORBIT_CHECK(poll.to - poll.from == poll.lost + poll.count + poll.malformed + poll.skipped);
  ORBIT_CHECK(poll.count <= max);
  return poll;
}

}  // namespace orbit
