// A hot call on one box of an inbox object.
#pragma once

#include "node/call.h"
#include "protocol/calls.h"

namespace orbit {

struct BoxCall : Call {
  BoxCall(napi_env environment, napi_callback_info info) : Call(environment, info), index(u32(1)) {
    if (opened == nullptr || index >= ring().spec.boxes) {
      opened = nullptr;
      return;
    }
    RingHandle& own = addon->rings[handle];
    if (own.senders.empty()) {
      own.senders.resize(ring().spec.boxes);
      own.consumers.resize(ring().spec.boxes);
      for (uint32_t i = 0; i < ring().spec.boxes; i++) own.senders[i].box = box_of(ring(), i);
    }
  }
  Box box() const { return box_of(ring(), index); }
  Sender* sender() const { return &addon->rings[handle].senders[index]; }
  Consumer* consumer() const { return &addon->rings[handle].consumers[index]; }
  uint64_t incarnation() const { return opened->fleet->incarnation(); }
  auto is_alive() const {
    return [fleet = opened->fleet](uint32_t node, uint64_t incarnation) { return fleet->is_alive(node, incarnation); };
  }
  auto signal() const {
    return [fleet = opened->fleet](uint32_t node) { fleet->signal(node); };
  }
  // InboxStatus::kFull has a number of its own in JavaScript.
  napi_value inbox_status(InboxStatus value) const {
    return status(value == InboxStatus::kFull ? kStatusFull : static_cast<int32_t>(value));
  }
  uint32_t payload_bytes(size_t length) const {
    return length > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(length);
  }

  uint32_t index;
};

inline void write_record_of(uint8_t* at, const Frame& frame) {
  FrameRecord* record = reinterpret_cast<FrameRecord*>(at);
  record->position = static_cast<double>(frame.position);
  record->version = static_cast<double>(frame.version);
  record->node = frame.node;
  record->length = frame.length;
  record->frameKind = frame.frameKind;
}

}  // namespace orbit
