{
  "target_defaults": {
    "include_dirs": ["."],
    "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
    "defines": [
      "NAPI_VERSION=8",
      "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      "ORBIT_VERSION=<!(node -p \"JSON.stringify(require('../package.json').version)\")"
    ],
    "cflags": ["-Wall", "-Wextra", "-fPIC", "-ffunction-sections", "-fdata-sections"],
    # Without type information make_shared needs a symbol of GCC 9's libstdc++. Node's headers bring a newer standard.
    "cflags_cc!": ["-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++17", "-fvisibility=hidden"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "11.0"
    }
  },
  "targets": [
    {
      # Calls that open, wait and inspect. Compiled for size, they take half the bytes.
      "target_name": "orbit_cold",
      "type": "static_library",
      "sources": [
        "fleet/fleet.cc",
        "fleet/limits.cc",
        "fleet/naming.cc",
        "fleet/object.cc",
        "fleet/opening.cc",
        "fleet/removal.cc",
        "node/abi.cc",
        "node/clock_calls.cc",
        "node/fleet_calls.cc",
        "node/inspect.cc",
        "node/ring_calls.cc",
        "node/watch.cc",
        "posix/bell.cc",
        "posix/forked.cc",
        "posix/lease.cc",
        "posix/libc.cc",
        "posix/local.cc",
        "posix/name.cc",
        "posix/shm.cc"
      ],
      "cflags!": ["-O3"],
      "cflags": ["-Os"],
      "xcode_settings": { "GCC_OPTIMIZATION_LEVEL": "s" }
    },
    {
      # Calls on the data paths, and the module, which no other file refers to.
      "target_name": "orbit",
      "dependencies": ["orbit_cold"],
      "sources": [
        "node/bell_calls.cc",
        "node/binding.cc",
        "node/cache.cc",
        "node/call_calls.cc",
        "node/contest.cc",
        "node/entries.cc",
        "node/frame_calls.cc",
        "node/inbox_calls.cc",
        "node/limit.cc"
      ],
      "cflags!": ["-O3"],
      "cflags": ["-O2"],
      "ldflags": ["-Wl,--gc-sections"],
      "xcode_settings": { "GCC_OPTIMIZATION_LEVEL": "2" }
    }
  ]
}
