import { createServer, type ServerResponse } from 'node:http'
import { Fleet } from '../../core/fleet.js'
import { collectMetrics } from '../../inspect/metrics.js'
import type { Call, Command } from '../command.js'
import { interrupt } from '../interrupt.js'

const host = '127.0.0.1'
const defaultPort = 9464

/** Opens the fleet anew for each scrape: it may have been removed and created again. */
function answer(fleet: string, response: ServerResponse): void {
  try {
    using observer = Fleet.observe(fleet)
    const text = String(collectMetrics(observer))
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text)
  } catch (error) {
    response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8' }).end(`${(error as Error).message}\n`)
  }
}

async function run(call: Call): Promise<void> {
  const { output } = call
  const fleet = call.operand(0)
  const port = call.integer('port', 0, 65535) ?? defaultPort
  const signal = interrupt()
  Fleet.observe(fleet).close() // throws if there is no such fleet
  const server = createServer(({ method, url }, response) => {
    if (url !== '/metrics') response.writeHead(404).end('GET /metrics\n')
    else if (method !== 'GET' && method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end()
    else answer(fleet, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  const { port: bound } = server.address() as { port: number }
  const url = `http://${host}:${bound}/metrics`
  if (output.isJson) output.json({ fleet, url })
  else output.line(`serving ${url}`)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

export const serveMetrics: Command = {
  name: 'serve-metrics',
  summary: 'serve Prometheus metrics of a fleet on loopback',
  operands: ['FLEET'],
  about: [
    'Serves GET /metrics on 127.0.0.1 until Ctrl-C: frames, retained frames, lost spare chunks and sleepers of each',
    'ring, nodes alive and dead, age and delay of heartbeats, and claims.',
    '',
    'Each scrape reads the fleet that has the name at that moment, and answers 503 if there is none. Prometheus',
    'computes rates: rate(orbit_frames_total[1m]).',
  ],
  options: {
    port: { type: 'string', value: 'PORT', about: `the port, 0..65535; 0: any free port; default: ${defaultPort}` },
  },
  examples: [{ line: 'orbit serve-metrics web --port 9464', about: 'curl http://127.0.0.1:9464/metrics' }],
  run,
}
