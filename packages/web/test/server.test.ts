// The page as a browser and as an attacker ask for it. test/page.test.ts runs it in Chromium.
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Contest, Counters, OrbitCache, OrbitEventBus, OrbitStore } from '../../../src/index.js'
import { fleetName, joinShm } from '../../../test/help/fleets.js'
import { bytesOf, showcase } from '../../../test/help/orbit.js'
import { isLinux } from '../../../test/help/system.js'
import { serve } from '../src/server.mjs'

const main = fileURLToPath(new URL('../src/main.mjs', import.meta.url))

async function serveFleet(fleet: string) {
  const server = await serve({ fleet })
  onTestFinished(() => server.close())
  const { origin, searchParams } = new URL(server.url)
  const token = searchParams.get('token') as string
  const cookie = `orbit-web-${new URL(origin).port}=${token}`
  return { ...server, origin, token, cookie, headers: { cookie } }
}

/** A request with any headers, which fetch would not send; gives the code and the answer. */
function request(
  url: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { headers, method }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.once('end', () => resolve({ code: response.statusCode as number, text }))
    })
    asked.once('error', reject).end()
  })
}

/** How many child processes of this one have this word in their command line. */
function childrenRunning(word: string): number {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').filter(Boolean)
  return pids.filter((pid) => commandLineOf(pid).includes(`\0${word}\0`)).length
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return '' // it has ended
  }
}

/** The data of the events of a stream with this name. */
async function* eventsOf(url: string, headers: Record<string, string>, name: string) {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const response = await fetch(url, { headers, signal: abort.signal })
  let text = ''
  const body = response.body as NonNullable<Response['body']>
  for await (const part of body.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
    text += part
    const blocks = text.split('\n\n')
    text = blocks.pop() as string
    for (const block of blocks) {
      const [, event, data = ''] = /^event: (\w+)\ndata: (.*)$/s.exec(block) ?? []
      if (event === name) yield JSON.parse(data)
    }
  }
}

describe.runIf(isLinux)('orbit-web', () => {
  it('serves the page, its chart library and nothing from elsewhere', async () => {
    const { url, origin, headers } = await serveFleet(fleetName('web'))
    const page = await fetch(url)
    expect(page.status).toBe(200)
    expect(page.headers.get('set-cookie')).toMatch(/^orbit-web-\d+=[\w-]{32}; HttpOnly; SameSite=Strict; Path=\/$/)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    const paths = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string)
    expect(paths).toEqual(['/uplot.css', '/style.css', '/app.js'])
    for (const path of [
      ...paths,
      '/uplot.js',
      ...['actions', 'charts', 'contents', 'views'].map((name) => `/${name}.js`),
    ]) {
      const { status, headers: sent } = await fetch(origin + path, { headers })
      expect([status, sent.get('set-cookie')], path).toEqual([200, null])
    }
    expect((await fetch(`${origin}/package.json`, { headers })).status).toBe(404)
  })

  it('refuses another Host, another Origin, a missing or wrong token, and everything but GET', async () => {
    const { url, origin, cookie, token } = await serveFleet(fleetName('web'))
    const codeOf = async (headers: Record<string, string>, path = '/samples', method = 'GET') =>
      (await request(origin + path, headers, method)).code
    expect(await codeOf({ cookie, host: 'evil.example' })).toBe(403)
    expect(await codeOf({ cookie, host: '127.0.0.1' })).toBe(403)
    expect(await codeOf({ cookie, origin: 'http://evil.example' })).toBe(403)
    expect(await codeOf({ cookie, origin: 'null' })).toBe(403)
    expect(await codeOf({}, '/')).toBe(401)
    expect(await codeOf({ cookie: `${cookie}x` }, '/')).toBe(401)
    expect(await codeOf({}, `/?token=${token.slice(0, -1)}`)).toBe(401)
    expect(await codeOf({}, `/?token=${'%C3%A9'.repeat(token.length)}`)).toBe(401)
    expect(await codeOf({ cookie }, '//')).toBe(400)
    expect(await codeOf({ cookie }, '/', 'POST')).toBe(405)
    expect(await codeOf({ cookie, origin }, '/app.js')).toBe(200)
    const { port } = new URL(url)
    expect(await codeOf({ cookie, host: `localhost:${port}` }, '/app.js')).toBe(200)
  })

  it('streams samples with members and rings, and changes no byte', async () => {
    const name = fleetName('web')
    const { pid } = await showcase(name)
    const before = bytesOf(name)
    const { origin, headers } = await serveFleet(name)
    for await (const { fleets } of eventsOf(`${origin}/samples`, headers, 'sample')) {
      expect(fleets).toMatchObject([{ fleet: name, nodesAlive: 1, members: [{ pid, state: 'alive' }] }])
      expect(fleets[0].rings).toHaveLength(5)
      break
    }
    // biome-ignore lint/suspicious/noExplicitAny: the tests of the command check its JSON.
    const ask = async (query: string): Promise<any> =>
      (await fetch(`${origin}/ask?fleet=${name}&${query}`, { headers })).json()
    expect((await ask('what=cache')).entries).toMatchObject([{ key: '17', payload: { name: 'Ada' } }, { key: '19' }])
    expect((await ask('what=claims')).claims).toMatchObject([{ subject: { label: 'leader' } }])
    expect((await ask('what=stat&kind=222')).rings).toMatchObject([{ name: 'orbit.contest' }])
    expect((await ask('what=doctor')).findings).toContainEqual(expect.objectContaining({ check: 'fleet', level: 'ok' }))
    expect((await ask('what=cache&name=none')).error).toMatchObject({ code: 'ERR_ORBIT_NOT_FOUND' })
    expect(bytesOf(name)).toEqual(before)
  })

  it('answers for stores and counters, and changes no byte', async () => {
    const name = fleetName('web')
    await showcase(name, { hasMore: true })
    const before = bytesOf(name)
    const { origin, headers } = await serveFleet(name)
    // biome-ignore lint/suspicious/noExplicitAny: the tests of the command check its JSON.
    const ask = async (query: string): Promise<any> =>
      (await fetch(`${origin}/ask?fleet=${name}&${query}`, { headers })).json()
    expect((await ask('what=store')).prefixes).toMatchObject([{ prefix: 'user:', keys: 2 }, { prefix: null }])
    expect((await ask('what=store&name=pages')).store).toMatchObject({ name: 'orbit.store:pages' })
    const keys = await ask('what=store&part=keys&namespace=users&key=user:')
    expect(keys.entries.map(({ key }: { key: string }) => key)).toEqual(['user:17', 'user:18'])
    expect((await ask('what=store&part=value&namespace=users&key=user:17')).payload).toEqual({ name: 'Ada' })
    expect((await ask('what=store&part=value&key=--reset')).error).toMatchObject({ code: 'ERR_ORBIT_NOT_FOUND' })
    expect((await ask('what=counters')).counters).toHaveLength(2)
    expect(bytesOf(name)).toEqual(before)
  })

  it('runs at most four commands at a time, and refuses more than 16 that wait', async () => {
    const name = fleetName('web')
    await showcase(name)
    const { origin, headers } = await serveFleet(name)
    const asked = Array.from({ length: 26 }, async () => {
      const answer = await fetch(`${origin}/ask?fleet=${name}&what=claims`, { headers })
      return (await answer.json()) as { claims?: unknown[]; error?: { message: string } }
    })
    let most = 0
    let isOver = false
    const answers = Promise.all(asked).finally(() => {
      isOver = true
    })
    while (!isOver) {
      most = Math.max(most, childrenRunning('claims'))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const refused = (await answers).filter(({ error }) => error?.message.startsWith('too many questions'))
    expect([most, refused.length]).toEqual([4, 26 - 4 - 16])
    expect((await answers).filter(({ claims }) => claims?.length === 1)).toHaveLength(20)
  })

  it('says that no process could be started, and goes on', async () => {
    const name = fleetName('web')
    await showcase(name)
    const { origin, headers } = await serveFleet(name)
    const { execPath } = process
    onTestFinished(() => {
      process.execPath = execPath
    })
    process.execPath = '/no/such/node'
    const answer = await fetch(`${origin}/ask?fleet=${name}&what=claims`, { headers })
    expect(await answer.json()).toMatchObject({ error: { message: expect.stringContaining('ENOENT') } })
    for (const path of ['/samples', `/tail?fleet=${name}&kind=220`]) {
      for await (const problem of eventsOf(origin + path, headers, 'problem')) {
        expect(problem.message, path).toContain('ENOENT')
        break
      }
    }
    process.execPath = execPath
    expect((await fetch(`${origin}/ask?fleet=${name}&what=claims`, { headers })).status).toBe(200)
  })

  it('runs no command but those of its list, and passes no options', async () => {
    const name = fleetName('web')
    await showcase(name)
    const { origin, headers } = await serveFleet(name)
    for (const path of [
      `/ask?what=rm&fleet=${name}`,
      '/ask?what=cache&fleet=--yes',
      `/ask?what=cache&fleet=${name}%20--reset`,
      `/tail?fleet=${name}&kind=--hex`,
      `/tail?fleet=${name}`,
    ]) {
      expect((await fetch(origin + path, { headers })).status, path).toBe(404)
    }
  })

  it('streams the events of a pattern as they come', async () => {
    const name = fleetName('web')
    const child = await showcase(name)
    const { origin, headers } = await serveFleet(name)
    const topics: string[] = []
    for await (const { items } of eventsOf(
      `${origin}/tail?fleet=${name}&kind=220&pattern=orders.*`,
      headers,
      'items',
    )) {
      topics.push(...items.map(({ topic }: { topic: string }) => topic))
      if (topics.length === 2) {
        await child.ask('event', 'users.late', 'other')
        await child.ask('event', 'orders.late', 'here')
      } else if (topics.length > 2) break
    }
    expect(topics).toEqual(['orders.created', 'orders.paid', 'orders.late'])
  })

  it('shows samples of a busy ring, and says how many items it left out', async () => {
    const name = fleetName('web')
    const child = await showcase(name, { events: 65_536 })
    const { origin, headers } = await serveFleet(name)
    let [shown, skipped] = [0, 0]
    let storm: Promise<number> | undefined
    for await (const batch of eventsOf(`${origin}/tail?fleet=${name}&kind=220`, headers, 'items')) {
      storm ??= child.ask<number>('storm', 30_000, 100_000) // from the batch on that shows that it tails
      expect(batch.items.length).toBeLessThanOrEqual(100)
      shown += batch.items.length
      skipped += batch.skipped
      if (batch.items.at(-1).payload === '29999') break
    }
    await storm
    expect(skipped).toBeGreaterThan(shown)
  })
})

describe.runIf(isLinux)('orbit-web with allowWrite', () => {
  /** A fleet that this process has joined, and a function that asks the page to change it. */
  async function writable() {
    const name = fleetName('web')
    const fleet = joinShm(name, { size: 4 })
    const server = await serve({ fleet: name, allowWrite: true })
    onTestFinished(() => server.close())
    const { origin, searchParams, port } = new URL(server.url)
    const cookie = `orbit-web-${port}=${searchParams.get('token')}`
    const act = async (action: object, headers: Record<string, string> = { cookie, origin }) => {
      const body = JSON.stringify({ fleet: name, ...action })
      const response = await fetch(`${origin}/act`, { method: 'POST', headers, body })
      return response.status === 200 ? response.json() : response.status
    }
    return { name, fleet, act, cookie, origin, url: server.url }
  }

  it('publishes, sets, deletes and releases as a member', async () => {
    const { fleet, act } = await writable()
    const cursor = new OrbitEventBus(fleet, { capacity: 8 }).cursor()
    const counters = new Counters(fleet, { capacity: 16 })
    const store = new OrbitStore(fleet, { bytes: 2 ** 19, namespace: 'pages' })
    for (const key of ['a', 'b', 'c', '--yes']) store.put(key, 'x', { tags: [key] })
    new OrbitCache(fleet, { capacity: 8, valueBytes: 8 }).put('key', 'x')
    expect(await act({ what: 'pub', topic: 'it', data: '--json\n' })).toMatchObject({ position: 0, bytes: 7 })
    expect(cursor.poll().events.map((event) => [event.topic, event.text()])).toEqual([['it', '--json\n']])
    expect(await act({ what: 'set', counter: 'jobs', value: '-3' })).toMatchObject({ value: -3 })
    expect(await act({ what: 'add', counter: 'jobs', value: '5' })).toMatchObject({ before: -3, value: 2 })
    expect(counters.counter('jobs').get()).toBe(2)
    expect(await act({ what: 'store delete', namespace: 'pages', value: '--yes' })).toMatchObject({ entries: 1 })
    expect(await act({ what: 'store invalidate', value: 'a' })).toMatchObject({ op: 'invalidate' })
    expect([...store.keys()].map(({ key }) => String(Buffer.from(key))).sort()).toEqual(['b', 'c'])
    expect(await act({ what: 'store reset', namespace: 'pages' })).toMatchObject({ entries: 2 })
    expect(await act({ what: 'cache delete', value: 'key' })).toMatchObject({ entries: 1 })
    expect(await act({ what: 'cache reset', value: '' })).toMatchObject({ entries: 0 })
    const guard = new Contest(fleet, { capacity: 8 }).tryClaim('leader', { ttlMs: 60_000 })
    expect('guard' in guard).toBe(true)
    // Its holder is this process, which runs.
    expect(await act({ what: 'release', subject: 'leader' })).toMatchObject({ error: { code: 'ERR_ORBIT_IN_USE' } })
    expect(fleet.nodes()).toHaveLength(1)
  })

  it('refuses actions of other sites, of other fleets, and all that are not in its list', async () => {
    const { name, fleet, act, cookie, origin, url } = await writable()
    const counters = new Counters(fleet, { capacity: 16 })
    const set = { what: 'set', counter: 'jobs', value: '1' }
    expect(await act(set, { cookie })).toBe(403)
    expect(await act(set, { cookie, origin: 'http://evil.example' })).toBe(403)
    expect(await act(set, { origin })).toBe(401)
    for (const wrong of [{ what: 'rm' }, { what: 'toString' }, { ...set, fleet: 'other' }, { ...set, counter: 7 }, {}])
      expect(await act(wrong), JSON.stringify(wrong)).toBe(400)
    expect((await fetch(`${origin}/act`, { method: 'POST', headers: { cookie, origin }, body: 'x' })).status).toBe(400)
    expect(counters.counter('jobs').get()).toBe(0)
    expect(await (await fetch(url)).text()).toContain('data-writes="yes"')
    const reader = await serveFleet(name)
    const body = JSON.stringify({ fleet: name, ...set })
    const headers = { ...reader.headers, origin: reader.origin }
    expect((await fetch(`${reader.origin}/act`, { method: 'POST', headers, body })).status).toBe(405)
    expect(await (await fetch(reader.url)).text()).toContain('data-writes="no"')
  })
})

describe.runIf(isLinux)('the program', () => {
  it('prints its address, and ends on Ctrl-C with all that it started', async () => {
    const name = fleetName('web')
    await showcase(name)
    const program = spawn(process.execPath, [main, name, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void program.kill('SIGKILL'))
    const { value } = await createInterface({ input: program.stdout })[Symbol.asyncIterator]().next()
    expect(value).toMatch(/^serving http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}$/)
    const { origin, searchParams } = new URL(value.slice('serving '.length))
    const samples = `${origin}/samples?token=${searchParams.get('token')}`
    for await (const { fleets } of eventsOf(samples, {}, 'sample')) {
      expect(fleets).toHaveLength(1)
      break
    }
    const ended = new Promise((resolve) => program.once('close', resolve))
    program.kill('SIGINT')
    expect(await ended).toBe(0)
  })

  it('explains wrong arguments', () => {
    const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('orbit-web [FLEET]') })
    for (const args of [['a', 'b'], ['--port', 'x'], ['--port', '65536'], ['--write']])
      expect(run(...args), args.join(' ')).toMatchObject({ status: 2, stdout: '' })
    expect(run('no fleet')).toMatchObject({ status: 1, stderr: expect.stringContaining('is not a name of a fleet') })
  })
})
