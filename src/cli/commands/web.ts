import { Fleet } from '../../core/fleet.js'
import { type Call, type Command, UsageError } from '../command.js'
import { interrupt } from '../interrupt.js'
import { loadOptional } from '../optional.js'

/** What the package `orbit-web` exports. */
interface Web {
  serve(options: {
    fleet?: string
    port: number
    allowWrite: boolean
  }): Promise<{ url: string; close(): Promise<void> }>
}

const packageName = 'orbit-web'
const defaultPort = 9465

/** Loads the page's package, which is not a dependency of this one. */
async function loadWeb(): Promise<Web> {
  const found = await loadOptional<Web>(packageName)
  if (found !== undefined) return found
  throw new UsageError(`the page is a package of its own: npm install ${packageName}, or run npx ${packageName}`)
}

async function run(call: Call): Promise<void> {
  const { output } = call
  const port = call.integer('port', 0, 65535) ?? defaultPort
  const signal = interrupt()
  const fleet = call.optional(0)
  if (fleet !== undefined) Fleet.observe(fleet).close() // throws if there is no such fleet
  const { serve } = await loadWeb()
  const server = await serve({ ...(fleet !== undefined && { fleet }), port, allowWrite: call.flag('allow-write') })
  if (output.isJson) output.json({ url: server.url })
  else output.line(`serving ${server.url}`)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve())
  })
  await server.close()
}

export const web: Command = {
  name: 'web',
  summary: 'show fleets live on a page in a browser',
  operands: ['[FLEET]'],
  about: [
    'Serves a page on 127.0.0.1 until Ctrl-C: fleets, members, rates as charts, the newest frames of rings, caches,',
    'stores, counters, claims, and the findings of doctor. The page only reads, unless --allow-write lets it do what',
    'pub, set, add, release, cache and store do to a fleet. It needs the package orbit-web, which is not installed with',
    'this one.',
    '',
    'The address that it prints has a random token, without which nothing is answered. Requests of other sites are',
    'refused.',
  ],
  options: {
    port: { type: 'string', value: 'PORT', about: `the port, 0..65535; 0: any free port; default: ${defaultPort}` },
    'allow-write': { type: 'boolean', about: 'let the page publish, delete, release and set; default: it only reads' },
  },
  writes: ['web --allow-write'],
  examples: [{ line: 'orbit web web', about: 'open the address that it prints' }],
  run,
}
