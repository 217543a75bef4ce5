// The calls that read a bell in the event loop of their environment: watchBell and unwatchBell.
//
// libuv is not part of Node-API, but Node exports it, with an ABI that is stable within libuv 1. Only functions are
// used here, and no struct of libuv has its size or a field compiled in. They are declared weak: where they are
// missing, watchBell returns undefined, and TypeScript reads the bell through a net.Socket.
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include <new>

#include "node/call.h"

extern "C" {
__attribute__((weak)) size_t uv_handle_size(uv_handle_type type);
__attribute__((weak)) int uv_poll_init(uv_loop_t* loop, uv_poll_t* handle, int fd);
__attribute__((weak)) int uv_poll_start(uv_poll_t* handle, int events, uv_poll_cb callback);
__attribute__((weak)) void uv_unref(uv_handle_t* handle);
__attribute__((weak)) void uv_close(uv_handle_t* handle, uv_close_cb callback);
}

namespace orbit {

namespace {

bool has_libuv() {
  return uv_handle_size != nullptr && uv_poll_init != nullptr && uv_poll_start != nullptr && uv_unref != nullptr &&
         uv_close != nullptr;
}

// A bell in an event loop. libuv's handle is behind it, in the same memory.
struct alignas(16) Watch {
  static Watch* of(void* handle) { return static_cast<Watch*>(handle) - 1; }
  uv_handle_t* handle() { return reinterpret_cast<uv_handle_t*>(this + 1); }
  uv_poll_t* poll() { return reinterpret_cast<uv_poll_t*>(this + 1); }

  napi_env env;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  int descriptor;
  bool isClosing;
};

// libuv has no reference to the handle any more.
void free_watch(uv_handle_t* handle) {
  Watch* watch = Watch::of(handle);
  napi_remove_async_cleanup_hook(watch->hook);
  free(watch);
}

// Idempotent until free_watch, which comes in a later turn of the loop.
void close_watch(Watch* watch) {
  if (watch->isClosing) return;
  watch->isClosing = true;
  napi_delete_reference(watch->env, watch->callback);
  napi_async_destroy(watch->env, watch->context);
  uv_close(watch->handle(), free_watch);
  ::close(watch->descriptor);  // the loop does not poll it any more
}

// Calls into JavaScript as from the event loop: its microtasks run before this returns.
void call_back(Watch* watch, bool isOpen) {
  napi_env env = watch->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver, argument, result;
  bool isReady = napi_get_reference_value(env, watch->callback, &callback) == napi_ok &&
                 napi_get_global(env, &receiver) == napi_ok && napi_get_boolean(env, isOpen, &argument) == napi_ok;
  if (isReady &&
      napi_make_callback(env, watch->context, receiver, callback, 1, &argument, &result) == napi_pending_exception) {
    napi_value error;  // none when the thread is being terminated
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

void on_readable(uv_poll_t* handle, int status, int) {
  Watch* watch = Watch::of(handle);
  char bytes[256];  // of a burst; their values do not matter, and what is left is read in the next turn
  ssize_t count = status < 0 ? -1 : read(watch->descriptor, bytes, sizeof bytes);
  bool isOpen = status == 0 && (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)));
  call_back(watch, isOpen);
}

bool start(Watch* watch, napi_value callback) {
  napi_env env = watch->env;
  uv_loop_t* loop;
  napi_value name;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || uv_poll_init(loop, watch->poll(), watch->descriptor) != 0) {
    return false;
  }
  // From here on the handle is in the loop, and only uv_close takes it out.
  napi_create_reference(env, callback, 1, &watch->callback);
  napi_create_string_utf8(env, "orbit:bell", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, nullptr, name, &watch->context);
  // A worker thread closes its loop when it ends, also when it is terminated asleep: the handle must be gone by then.
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void* data) { close_watch(static_cast<Watch*>(data)); }, watch,
      &watch->hook);
  uv_poll_start(watch->poll(), UV_READABLE, on_readable);
  uv_unref(watch->handle());
  return true;
}

// watchBell(descriptor, callback) -> a watch, which owns the descriptor from then on and does not keep the loop alive;
// undefined: libuv is missing or refuses it. It calls callback(true) when the bell was signalled, and callback(false)
// when the bell has ended, until unwatchBell.
napi_value watch_bell_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!has_libuv()) return nullptr;
  void* memory = aligned_alloc(alignof(Watch), (sizeof(Watch) + uv_handle_size(UV_POLL) + 15) / 16 * 16);
  if (memory == nullptr) return nullptr;
  Watch* watch = new (memory) Watch{env, nullptr, nullptr, nullptr, static_cast<int>(call.u32(0)), false};
  napi_value result;
  if (start(watch, call.arguments[1])) {
    napi_create_external(env, watch, nullptr, nullptr, &result);
    return result;
  }
  free(memory);
  return nullptr;
}

// unwatchBell(watch), once: closes the descriptor.
napi_value unwatch_bell_call(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* watch = nullptr;
  if (napi_get_value_external(env, call.arguments[0], &watch) == napi_ok) close_watch(static_cast<Watch*>(watch));
  return nullptr;
}

}  // namespace

bool export_watch_calls(napi_env env, napi_value exports, Addon* addon) {
  return export_hot_calls(env, exports, addon, {{"watchBell", watch_bell_call}, {"unwatchBell", unwatch_bell_call}});
}

}  // namespace orbit
