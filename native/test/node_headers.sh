#!/bin/sh
# Prints the -isystem flags for node_api.h and napi.h of the Node that runs: node_headers.sh [node].
set -e
node=${1:-node}
root=$(cd "$(dirname "$0")/../.." && pwd)
version=$($node -p process.versions.node)
beside=$($node -p 'require("node:path").resolve(process.execPath, "../../include/node")')
for folder in "$beside" "$HOME/.cache/node-gyp/$version/include/node" "$HOME/Library/Caches/node-gyp/$version/include/node" /usr/include/node; do
  if [ -f "$folder/node_api.h" ]; then
    echo "-isystem $folder -isystem $root/node_modules/node-addon-api"
    exit 0
  fi
done
echo "node_headers.sh: no node_api.h for Node $version; run npx node-gyp install" >&2
exit 1
