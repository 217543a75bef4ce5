{
  "target_defaults": {
    "include_dirs": ["native"],
    "defines": [
      "NAPI_VERSION=8",
      "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      "ORBIT_VERSION=<!(node -p \"JSON.stringify(require('./package.json').version)\")"
    ],
    "cflags": ["-Wall", "-Wextra", "-Werror", "-fPIC", "-ffunction-sections", "-fdata-sections"],
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
      # Calls that open, wait and inspect, and those of presences. Compiled for size, they take half the bytes, and optimized when linked, a
      # fifth less. Calls on the data paths would lose speed by both. Fat objects are for an ar without the plugin.
      "target_name": "orbit_cold",
      "type": "static_library",
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "sources": [
        "native/fleet/fleet.cc",
        "native/fleet/limits.cc",
        "native/fleet/naming.cc",
        "native/fleet/object.cc",
        "native/fleet/opening.cc",
        "native/fleet/removal.cc",
        "native/fleet/settling.cc",
        "native/fleet/valuestore.cc",
        "native/fleet/waking.cc",
        "native/node/abi.cc",
        "native/node/blob_calls.cc",
        "native/node/clock_calls.cc",
        "native/node/entries.cc",
        "native/node/filelock.cc",
        "native/node/fleet_calls.cc",
        "native/node/inspect.cc",
        "native/node/limits_calls.cc",
        "native/node/ring_calls.cc",
        "native/node/store_setup.cc",
        "native/node/watch.cc",
        "native/posix/bell.cc",
        "native/posix/boot.cc",
        "native/posix/folder.cc",
        "native/posix/forked.cc",
        "native/posix/lease.cc",
        "native/posix/libc.cc",
        "native/posix/local.cc",
        "native/posix/name.cc",
        "native/posix/shm.cc"
      ],
      "cflags!": ["-O3"],
      "cflags": ["-Os", "-flto", "-ffat-lto-objects"],
      "xcode_settings": { "GCC_OPTIMIZATION_LEVEL": "s" }
    },
    {
      # Calls on the data paths, without failing.h, and the module, which no other file refers to. They throw nothing, so
      # they need no tables for exceptions, which would be a thirtieth of the addon.
      "target_name": "orbit",
      "dependencies": ["orbit_cold"],
      "sources": [
        "native/node/bell_calls.cc",
        "native/node/binding.cc",
        "native/node/cache.cc",
        "native/node/call_calls.cc",
        "native/node/contest.cc",
        "native/node/counter_calls.cc",
        "native/node/frame_calls.cc",
        "native/node/inbox_calls.cc",
        "native/node/limit.cc",
        "native/node/store_calls.cc"
      ],
      # -O3 is no faster, and takes a tenth more of the addon. The default of the parameter, 70, is no faster either, and
      # takes a twentieth more.
      "cflags!": ["-O3"],
      "cflags": ["-O2", "-fno-asynchronous-unwind-tables", "--param=max-inline-insns-single=45"],
      "ldflags": ["-Wl,--gc-sections", "-Wl,-z,noseparate-code", "-flto", "-flto-partition=one"],
      "xcode_settings": { "GCC_OPTIMIZATION_LEVEL": "2" }
    }
  ]
}
