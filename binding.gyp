{
  "targets": [
    {
      "target_name": "orbit",
      "sources": [
        "native/bell.cc",
        "native/binding.cc",
        "native/cache.cc",
        "native/contest.cc",
        "native/fleet.cc",
        "native/forked.cc",
        "native/hot.cc",
        "native/inspect.cc",
        "native/lease.cc",
        "native/libc.cc",
        "native/local.cc",
        "native/removal.cc",
        "native/setup.cc",
        "native/shm.cc"
      ],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except"],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "ORBIT_VERSION=<!(node -p \"JSON.stringify(require('./package.json').version)\")"
      ],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-O3"],
      # Without type information make_shared needs a symbol of GCC 9's libstdc++.
      "cflags_cc!": ["-fno-rtti"],
      "cflags_cc": ["-std=c++17", "-fvisibility=hidden"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "GCC_OPTIMIZATION_LEVEL": "3",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "MACOSX_DEPLOYMENT_TARGET": "11.0"
      }
    }
  ]
}
