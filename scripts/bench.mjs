// npm run bench: bundles the bench once, since its hundreds of processes shall start as plain JavaScript, and runs it.
// The bundle stands beside dist, so that the addon and the packages are found from it; it is removed at the end.
import { readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** What benches left that were killed. */
function clear(folder, leftover) {
  for (const name of readdirSync(folder)) {
    const pid = leftover.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { recursive: true, force: true })
  }
}
clear(root, /^\.bench-(\d+)$/)
clear(tmpdir(), /^orbit-bench-(\d+)-/)

const folder = join(root, `.bench-${process.pid}`)
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
/** Until main has its own way to end: now, or when the bundle is written, which would come after its removal. */
let isBuilt = false
let isEnding = false
function endEarly(signal) {
  isEnding = true
  if (isBuilt && process.listenerCount(signal) === 1) process.exit(130)
}
process.on('SIGINT', endEarly).on('SIGTERM', endEarly)
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
}).catch((error) => {
  if (!isEnding) throw error // Ctrl-C ended esbuild too.
})
isBuilt = true
if (isEnding) process.exit(130)
await import(join(folder, 'main.js'))
