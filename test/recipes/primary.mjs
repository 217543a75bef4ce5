// The primary of a recipe's cluster: forks workers on request, passes messages to them, and reports their events.
import cluster from 'node:cluster'
import { createInterface } from 'node:readline'

cluster.setupPrimary({ exec: JSON.parse(process.argv[2]), execArgv: ['--import', 'tsx'], silent: true })

const tell = ({ id, process: { pid } }, event) =>
  process.stdout.write(`${JSON.stringify({ worker: id, pid, ...event })}\n`)
cluster.on('online', (worker) => tell(worker, { online: true }))
cluster.on('message', (worker, said) => tell(worker, { said }))
cluster.on('listening', (worker, { port }) => tell(worker, { port }))
cluster.on('exit', (worker, code, signal) => tell(worker, { ended: signal ?? code }))

function fork() {
  const worker = cluster.fork()
  worker.process.stdout.pipe(process.stderr)
  worker.process.stderr.pipe(process.stderr)
  worker.on('error', () => {}) // it died before the message arrived; its exit event reports that
}

const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const [id, ...words] = JSON.parse(line)
  if (id === 'fork') fork()
  else cluster.workers[id]?.send(words)
})
lines.on('close', () => {
  for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGKILL')
  cluster.disconnect(() => process.exit())
})
