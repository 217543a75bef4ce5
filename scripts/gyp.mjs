// What node-gyp needs to know here.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Environment of node-gyp: all cores, and the headers of Node where they are beside it; else it fetches them. */
export function gypSettings() {
  const prefix = join(dirname(process.execPath), '..')
  const nodedir = existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {}
  return { npm_config_jobs: 'max', ...nodedir }
}
