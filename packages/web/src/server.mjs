import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { ask } from './command.mjs'
import { cookieHeader, pageHeaders, refusalOf } from './door.mjs'
import { actionOf, isFleet, questionOf } from './requests.mjs'
import { Samples, streamTail } from './streams.mjs'

const pageFile = (name) => fileURLToPath(new URL(`../page/${name}`, import.meta.url))
const chartFile = (name) => fileURLToPath(import.meta.resolve(`uplot/dist/${name}`))

const files = {
  '/': [pageFile('index.html'), 'text/html'],
  '/app.js': [pageFile('app.js'), 'text/javascript'],
  '/actions.js': [pageFile('actions.js'), 'text/javascript'],
  '/charts.js': [pageFile('charts.js'), 'text/javascript'],
  '/contents.js': [pageFile('contents.js'), 'text/javascript'],
  '/views.js': [pageFile('views.js'), 'text/javascript'],
  '/style.css': [pageFile('style.css'), 'text/css'],
  '/uplot.js': [chartFile('uPlot.esm.js'), 'text/javascript'],
  '/uplot.css': [chartFile('uPlot.min.css'), 'text/css'],
}

/** The most bytes of an action: the longest payload that is worth typing. */
const mostBodyBytes = 1 << 20

/** Sends a value as JSON. */
const sendJson = (response, headers, value) =>
  response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(value))

/** The page says by an attribute whether it may write. */
const pageText = (path, type, { allowWrite }) => {
  const bytes = readFileSync(path)
  return allowWrite && type === 'text/html' ? String(bytes).replace('data-writes="no"', 'data-writes="yes"') : bytes
}

/** The value in the body of a request; undefined: it is no JSON, or too long. */
async function bodyOf(request) {
  let text = ''
  for await (const part of request.setEncoding('utf8')) {
    text += part
    if (text.length > mostBodyBytes) return undefined
  }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Does what the page asks for, which was not refused. */
async function act(request, response, { headers, fleet }) {
  const given = await bodyOf(request)
  const action = fleet === undefined || given?.fleet === fleet ? actionOf(given) : undefined
  if (action === undefined) response.writeHead(400, headers).end('this is no action of the page\n')
  else sendJson(response, headers, await ask(action.args, action.stdin))
}

/** Answers a request that was not refused. */
async function answer(url, response, { samples, headers, allowWrite }) {
  const query = (name) => url.searchParams.get(name) ?? ''
  const file = files[url.pathname]
  const fleet = query('fleet')
  const question = url.pathname === '/ask' ? questionOf(query) : undefined
  if (file !== undefined) {
    const [path, type] = file
    const typeHeader = { 'content-type': `${type}; charset=utf-8` }
    response.writeHead(200, { ...headers, ...typeHeader }).end(pageText(path, type, { allowWrite }))
  } else if (url.pathname === '/samples') samples.add(response, headers)
  else if (url.pathname === '/tail' && isFleet(fleet) && /^\d{1,3}$/.test(query('kind'))) {
    streamTail(response, headers, { fleet, kind: query('kind'), pattern: query('pattern') })
  } else if (question !== undefined) sendJson(response, headers, await ask(question))
  else response.writeHead(404, headers).end('there is no such page\n')
}

/**
 * Serves the page on 127.0.0.1.
 *
 * @param {{ fleet?: string | undefined, port?: number, allowWrite?: boolean }} options the one fleet to show, default
 *   all of this user; the port, default 0, which is any free one; whether the page may change fleets, default false
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} the address with the token; `close` ends all streams
 */
export async function serve({ fleet, port = 0, allowWrite = false } = {}) {
  if (fleet !== undefined && !isFleet(fleet))
    throw new TypeError(`fleet=${JSON.stringify(fleet)} is not a name of a fleet`)
  const samples = new Samples(fleet)
  const door = { port, token: randomBytes(24).toString('base64url'), allowWrite }
  const server = createServer((request, response) => {
    const [target, base] = [request.url ?? '/', 'http://127.0.0.1']
    const url = URL.canParse(target, base) ? new URL(target, base) : null
    const refusal = refusalOf(request, url, door)
    if (refusal !== undefined) response.writeHead(refusal.code, pageHeaders).end(`${refusal.text}\n`)
    else {
      const headers = url.searchParams.has('token') ? { ...pageHeaders, 'set-cookie': cookieHeader(door) } : pageHeaders
      const isAction = request.method === 'POST'
      const done = isAction
        ? act(request, response, { headers, fleet })
        : answer(url, response, { samples, headers, allowWrite })
      done.catch((error) => response.destroy(error))
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
