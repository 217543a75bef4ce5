// The call of FileLock: takes the lock of an open file, which ends with the file's descriptor.
#include "node/failing.h"
#include "posix/lease.h"

namespace orbit {

namespace {

// lockFile(descriptor, path) -> whether this description holds the lock now; false: another one does
Napi::Value lock_file_call(const Napi::CallbackInfo& info) {
  return translated(info, [&]() -> Napi::Value {
    int fd = info[0].As<Napi::Number>().Int32Value();
    return Napi::Boolean::New(info.Env(), try_lock_byte(fd, 0, info[1].As<Napi::String>()));
  });
}

}  // namespace

bool export_file_lock_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_failing_calls(env, exports, addon, {{"lockFile", lock_file_call}});
}

}  // namespace orbit
