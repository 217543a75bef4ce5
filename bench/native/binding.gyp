{
  "targets": [
    {
      "target_name": "baseline",
      "sources": ["baseline.cc"],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-Wall", "-Wextra", "-Werror", "-O3"]
    }
  ]
}
