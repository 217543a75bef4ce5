import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { ask } from './command.mjs'
import { cookieHeader, pageHeaders, refusalOf } from './door.mjs'
import { Samples, streamTail } from './streams.mjs'

const pageFile = (name) => fileURLToPath(new URL(`../page/${name}`, import.meta.url))
const chartFile = (name) => fileURLToPath(import.meta.resolve(`uplot/dist/${name}`))

const files = {
  '/': [pageFile('index.html'), 'text/html'],
  '/app.js': [pageFile('app.js'), 'text/javascript'],
  '/views.js': [pageFile('views.js'), 'text/javascript'],
  '/style.css': [pageFile('style.css'), 'text/css'],
  '/uplot.js': [chartFile('uPlot.esm.js'), 'text/javascript'],
  '/uplot.css': [chartFile('uPlot.min.css'), 'text/css'],
}

/** Commands that end by themselves, and that a page may ask for. All of them only read. */
const questions = ['cache', 'claims', 'doctor', 'stat']

const isFleet = (name) => /^[A-Za-z0-9._][A-Za-z0-9._-]{0,63}$/.test(name)

/** The operands and options of a question: the ring of `stat`, and the name of the cache or contest. */
function optionsOf(query) {
  if (query('what') === 'stat') return [...(/^\d{1,3}$/.test(query('kind')) ? [query('kind')] : []), '--rate-ms=0']
  const isNamed = ['cache', 'claims'].includes(query('what')) && query('name') !== ''
  return isNamed ? [`--name=${query('name')}`] : []
}

/** Answers a request that was not refused. */
async function answer(url, response, { samples, headers }) {
  const query = (name) => url.searchParams.get(name) ?? ''
  const file = files[url.pathname]
  const fleet = query('fleet')
  if (file !== undefined) {
    const [path, type] = file
    response.writeHead(200, { ...headers, 'content-type': `${type}; charset=utf-8` }).end(readFileSync(path))
  } else if (url.pathname === '/samples') samples.add(response, headers)
  else if (url.pathname === '/tail' && isFleet(fleet) && /^\d{1,3}$/.test(query('kind'))) {
    streamTail(response, headers, { fleet, kind: query('kind'), pattern: query('pattern') })
  } else if (url.pathname === '/ask' && questions.includes(query('what')) && isFleet(fleet)) {
    const found = await ask([query('what'), fleet, ...optionsOf(query)])
    response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(found))
  } else response.writeHead(404, headers).end('there is no such page\n')
}

/**
 * Serves the page on 127.0.0.1.
 *
 * @param {{ fleet?: string | undefined, port?: number }} options the one fleet to show, default all of this user; the
 *   port, default 0, which is any free one
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} the address with the token; `close` ends all streams
 */
export async function serve({ fleet, port = 0 } = {}) {
  if (fleet !== undefined && !isFleet(fleet))
    throw new TypeError(`fleet=${JSON.stringify(fleet)} is not a name of a fleet`)
  const samples = new Samples(fleet)
  const door = { port, token: randomBytes(24).toString('base64url') }
  const server = createServer((request, response) => {
    const [target, base] = [request.url ?? '/', 'http://127.0.0.1']
    const url = URL.canParse(target, base) ? new URL(target, base) : null
    const refusal = refusalOf(request, url, door)
    if (refusal !== undefined) response.writeHead(refusal.code, pageHeaders).end(`${refusal.text}\n`)
    else {
      const headers = url.searchParams.has('token') ? { ...pageHeaders, 'set-cookie': cookieHeader(door) } : pageHeaders
      answer(url, response, { samples, headers }).catch((error) => response.destroy(error))
    }
  })
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  door.port = server.address().port
  return {
    url: `http://127.0.0.1:${door.port}/?token=${door.token}`,
    async close() {
      samples.close()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
