// Runs the TypeScript suite with the objects of all fleets as regular files, in a folder with a long path:
//   npm run test:files                          all of it, which takes about as long as the suite on /dev/shm
//   npm run test:files -- test/core/rings       some files, as vitest takes them
//   node scripts/files.mjs --short              what CI runs: see `short`
// The folder is removed. A test that leaves something there fails the run.
// Exit code 0: all passed; 1: some failed.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** All tests of code that knows what an object is: creating, locking, mapping, damage, death, bells and removal. */
const short = [
  ...['crowds', 'deathwatch', 'folder', 'growing', 'hostile', 'leases', 'objects', 'orphans', 'processes'],
  ...['restarts', 'rings', 'shared', 'users', 'waking'],
].map((file) => `test/core/${file}.test.ts`)
/** And each layer that has an object of another type. */
short.push(
  ...['contest', 'counters', 'inbox', 'ratelimiter', 'store-processes'].map((file) => `test/layers/${file}.test.ts`),
)
short.push('test/examples/observer.test.ts', 'test/cli/writing.test.ts')

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const args = process.argv.slice(2)
const base = mkdtempSync(join(tmpdir(), 'orbit-files-'))
const folder = join(base, 'a-folder-with-a-long-name'.padEnd(250, '-'))
chmodSync(base, 0o755) // some tests look for the folder as another user
mkdirSync(folder, { mode: 0o700 })
let status = 1
try {
  const vitest = ['run', ...(args[0] === '--short' ? short : args)]
  const env = { ...process.env, ORBIT_DIRECTORY: folder }
  status = spawnSync(join(root, 'node_modules/.bin/vitest'), vitest, { cwd: root, stdio: 'inherit', env }).status ?? 1
  const left = readdirSync(folder)
  if (left.length > 0) {
    console.error(`test:files: ${left.length} objects were left in ORBIT_DIRECTORY: ${left.slice(0, 5).join(', ')}`)
    status = 1
  }
} finally {
  rmSync(base, { recursive: true, force: true })
}
process.exit(status)
