// Blobs: messages that are too large for a slot, each in an object of its own. Its writer gives it a number that it
// uses once, and a key; a reader that was told another key does not get it.
#include "node/failing.h"

namespace orbit {

namespace {

uint32_t number_at(const Napi::CallbackInfo& info, size_t index) {
  return info[index].As<Napi::Number>().Uint32Value();
}

std::vector<Bytes> parts_of(uint64_t* key, const Napi::CallbackInfo& info, size_t keyIndex) {
  *key = static_cast<uint64_t>(info[keyIndex].As<Napi::Number>().Int64Value());
  auto bytes = info[keyIndex + 1].As<Napi::Uint8Array>();
  return {{key, sizeof *key}, {bytes.Data(), bytes.ByteLength()}};
}

// blobWrite(fleet, number, key, bytes) -> false: this node has a blob of this number
Napi::Value blob_write_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    Fleet& fleet = fleet_of(info);
    uint64_t key;
    std::vector<Bytes> parts = parts_of(&key, info, 2);
    std::string blob = blob_object(fleet.name(), fleet.node(), number_at(info, 1));
    return Napi::Boolean::New(info.Env(), fleet.store().write_blob(blob, parts));
  });
}

// blobRead(fleet, node, number, key, bytes) -> false: there is none with this key and length
Napi::Value blob_read_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    Fleet& fleet = fleet_of(info);
    uint64_t found;
    std::vector<Bytes> parts = parts_of(&found, info, 3);
    uint64_t key = found;
    std::string blob = blob_object(fleet.name(), number_at(info, 1), number_at(info, 2));
    return Napi::Boolean::New(info.Env(), fleet.store().read_blob(blob, parts) && found == key);
  });
}

// blobRemove(fleet, node, number) -> false: there is none
Napi::Value blob_remove_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    Fleet& fleet = fleet_of(info);
    std::string blob = blob_object(fleet.name(), number_at(info, 1), number_at(info, 2));
    return Napi::Boolean::New(info.Env(), fleet.store().remove(blob));
  });
}

}  // namespace

bool export_blob_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_failing_calls(
      env, exports, addon,
      {{"blobWrite", blob_write_call}, {"blobRead", blob_read_call}, {"blobRemove", blob_remove_call}});
}

}  // namespace orbit
