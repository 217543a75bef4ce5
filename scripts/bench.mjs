// npm run bench: bundles the bench once, since its hundreds of processes shall start as plain JavaScript, and runs it.
// The bundle stands beside dist, so that the addon and the packages are found from it; it is removed at the end.
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const prefix = '.bench-'

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** What benches left that were killed. */
for (const name of readdirSync(root)) {
  if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length))))
    rmSync(join(root, name), { recursive: true })
}

const folder = join(root, `${prefix}${process.pid}`)
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
await build({
  config: false,
  silent: true,
  format: 'esm',
  target: 'node20',
  splitting: true, // a process loads what it uses: memory is measured too
  skipNodeModulesBundle: true,
  outDir: folder,
  entry: {
    main: join(root, 'bench/main.ts'),
    call: join(root, 'bench/calls/cell.ts'),
    waker: join(root, 'bench/waking/waker.ts'),
    reader: join(root, 'bench/waking/reader.ts'),
    writer: join(root, 'bench/writers/writer.ts'),
    host: join(root, 'bench/cell/host.ts'),
    peer: join(root, 'bench/cell/peer.ts'),
  },
})
await import(join(folder, 'main.js'))
