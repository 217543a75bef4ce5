// The exception of this code: a stable code, a message with the values, and errno where a system call failed.
#pragma once

#include <errno.h>
#include <string.h>

#include <stdexcept>
#include <string>

namespace orbit {

struct Failure : std::runtime_error {
  Failure(std::string errorCode, const std::string& message)
      : std::runtime_error(message), code(std::move(errorCode)) {}
  // Copied, not moved: the move of a runtime_error needs a newer libstdc++ than Node itself.
  Failure(const Failure&) = default;
  std::string code;  // ERR_ORBIT_...; src/base/errors.ts has the list
  int errnoValue = 0;
  std::string syscall;
};

// A failed system call on an object, with the code for its errno.
inline Failure system_failure(const char* syscall, int errnoValue, const std::string& object) {
  const char* code = "ERR_ORBIT_SYSTEM";
  if (errnoValue == ENOSPC || errnoValue == EFBIG || errnoValue == ENOMEM) code = "ERR_ORBIT_NO_SPACE";
  if (errnoValue == EACCES || errnoValue == EPERM || errnoValue == ELOOP) code = "ERR_ORBIT_PERMISSION";
  Failure failure(code, object + ": " + syscall + ": " + strerror(errnoValue));
  failure.errnoValue = errnoValue;
  failure.syscall = syscall;
  return failure;
}

}  // namespace orbit
