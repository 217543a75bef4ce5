#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { serve } from './server.mjs'

const usage = `orbit-web - show the fleets of this user live, on a page that only this host can open

    orbit-web [FLEET] [--port PORT] [--allow-write]

    FLEET          show only this fleet
    --port PORT    the port on 127.0.0.1, 0..65535; 0: any free port; default: 9465
    --allow-write  let the page publish, delete, release and set, as a member of
                   the fleet; default: it only reads
    --help         print this help

The address that it prints contains a random token.
`

/** Prints a message and how to use the program. Gives exit code 2. */
function refuse(message) {
  process.stderr.write(`orbit-web: ${message}\n\n${usage}`)
  process.exitCode = 2
}

async function main() {
  const flag = { type: 'boolean' }
  const options = { port: { type: 'string' }, 'allow-write': flag, help: flag }
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  if (values.help) return process.stdout.write(usage)
  const port = values.port === undefined ? 9465 : /^\d+$/.test(values.port) ? Number(values.port) : -1
  if (positionals.length > 1) return refuse(`${positionals[1]} is one operand too many`)
  if (!(port >= 0 && port <= 65535)) return refuse(`--port=${values.port} must be an integer in 0..65535`)
  const server = await serve({ fleet: positionals[0], port, allowWrite: values['allow-write'] })
  process.stdout.write(`serving ${server.url}\n`)
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close())
}

try {
  await main()
} catch (error) {
  if (String(error.code).startsWith('ERR_PARSE_ARGS')) refuse(error.message)
  else {
    process.stderr.write(`orbit-web: ${error.message}\n`)
    process.exitCode = 1
  }
}
