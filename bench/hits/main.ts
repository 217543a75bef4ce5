// npm run bench:hits: how many gets of a trace a cache answers, at one budget of bytes. OrbitStore is the real one,
// with four members of a fleet; the others are exact, in one process.
import { parseArgs } from 'node:util'
import { OrbitStorePolicy } from './orbitstore.js'
import { overheadBytes, type Policy, PrivateLrus, S3Fifo, SharedLru, workers } from './policy.js'
import { randomOf, readTrace, rows, type Trace } from './trace.js'

const help = `npm run bench:hits -- [options]

  --trace FILE     measure this trace and not the generated ones; may be repeated. FILE.bin is libCacheSim's
                   oracleGeneral, other files are text: a key in each line, and a size behind it or none. FILE.gz is
                   either, compressed
  --columns K,S    of a text: the columns of the key and of the size, from 1 on; default 1,2
  --fraction F     how much of the trace's distinct bytes fits the caches; default 0.1
  --requests N     so many requests of each trace; default 2000000
  --only PATTERN   only traces with a name that matches this regular expression
`

const { values } = parseArgs({
  options: {
    trace: { type: 'string', multiple: true, default: [] },
    columns: { type: 'string', default: '1,2' },
    fraction: { type: 'string', default: '0.1' },
    requests: { type: 'string', default: '2000000' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})

/** The hit rate of the gets after the first fifth, in percent. A miss is put. */
function hitRate(trace: Trace, policy: Policy): number {
  const random = randomOf(7)
  const { keys, bytes, isUpdate } = trace
  const warm = keys.length / 5
  let gets = 0
  let hits = 0
  for (let i = 0; i < keys.length; i++) {
    const worker = Math.floor(random() * workers)
    const key = keys[i] as number
    const isHit = isUpdate[i] === 0 && policy.get(key, worker)
    if (!isHit) policy.put(key, bytes[i] as number, worker)
    if (isUpdate[i] === 1 || i < warm) continue
    gets++
    hits += isHit ? 1 : 0
  }
  return (100 * hits) / gets
}

/** The bytes of all keys of a trace, as the exact caches charge them, and what one key has. */
function sizesOf({ keys, bytes }: Trace): { all: number; each: number } {
  const sizes = new Map<number, number>()
  for (let i = 0; i < keys.length; i++) sizes.set(keys[i] as number, bytes[i] as number)
  let all = 0
  for (const size of sizes.values()) all += size + overheadBytes
  return { all, each: all / sizes.size - overheadBytes }
}

function measure(trace: Trace, fraction: number): string {
  const { all, each } = sizesOf(trace)
  const budget = Math.max(4 << 20, Math.round(all * fraction))
  const rates = [new PrivateLrus(budget), new SharedLru(budget), new S3Fifo(budget)].map((policy) =>
    hitRate(trace, policy),
  )
  const store = new OrbitStorePolicy(budget, each)
  rates.push(hitRate(trace, store))
  const moved = store.close()
  const cells = rates.map((rate) => rate.toFixed(1).padStart(5))
  return [trace.name.padEnd(30), `${(budget / 2 ** 20).toFixed(0)} MiB`, ...cells, moved.toFixed(2)].join(' | ')
}

if (values.help) process.stdout.write(help)
else {
  const requests = Number(values.requests)
  const [key = 1, size = 2] = values.columns.split(',').map(Number)
  const given = values.trace.map((file) => ({
    fraction: Number(values.fraction),
    trace: () => readTrace(file, requests, { key, size }),
  }))
  const pattern = new RegExp(values.only, 'i')
  process.stdout.write(
    'trace | budget | lru x4 private | lru shared | s3-fifo | OrbitStore | bytes moved per byte put\n',
  )
  for (const { trace, fraction } of given.length > 0 ? given : rows(requests)) {
    const made = trace()
    if (pattern.test(made.name)) process.stdout.write(`${measure(made, fraction)}\n`)
  }
}
