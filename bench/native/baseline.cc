// The least that a call into a Node-API addon costs, for the bench alone.
#include <node_api.h>

namespace {

constexpr size_t kFetched = 6;  // as many as orbit's hot calls

// empty(...) -> undefined: fetches its arguments and does nothing else
napi_value empty_call(napi_env env, napi_callback_info info) {
  size_t count = kFetched;
  napi_value arguments[kFetched];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  return nullptr;
}

// decode(handle, payload) -> 0: decodes what publish decodes and does nothing else
napi_value decode_call(napi_env env, napi_callback_info info) {
  size_t count = kFetched, length = 0;
  napi_value arguments[kFetched], answer = nullptr;
  void* data = nullptr;
  void* bytes = nullptr;
  uint32_t handle = 0;
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
  napi_get_value_uint32(env, arguments[0], &handle);
  napi_get_typedarray_info(env, arguments[1], nullptr, &length, &bytes, nullptr, nullptr);
  napi_create_double(env, handle, &answer);
  return answer;
}

}  // namespace

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"empty", nullptr, empty_call, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"decode", nullptr, decode_call, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions);
  return exports;
}
