// The page in a real browser: Debian's Chromium, driven by playwright-core.
import { spawnSync } from 'node:child_process'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { Presence } from '../../../src/index.js'
import { fleetName, joinShm } from '../../../test/help/fleets.js'
import { showcase } from '../../../test/help/orbit.js'
import { isLinux } from '../../../test/help/system.js'
import { serve } from '../src/server.mjs'

const executablePath = '/usr/bin/chromium'
const hasChromium = spawnSync(executablePath, ['--version']).status === 0

/** Without Chromium the tests are skipped, but fail where CI is set. */
function browserOrSkip(context: { skip: (note?: string) => void }): void {
  if (hasChromium) return
  expect(process.env['CI'], 'Chromium is missing, and must not be in CI').toBeUndefined()
  context.skip('there is no Chromium')
}

let browser: Browser | undefined
afterAll(() => browser?.close())

/** A page that shares nothing with other ones, in the one browser of this file. */
async function newPage(viewport = { width: 1000, height: 800 }): Promise<Page> {
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--host-resolver-rules=MAP evil.example 127.0.0.1']
  browser ??= await chromium.launch({ executablePath, args })
  const page = await browser.newPage({ viewport }) // in a context of its own
  onTestFinished(() => page.context().close())
  return page
}

/** A page of this fleet, in a window of this size. */
async function open(
  fleet: string,
  { viewport = { width: 1000, height: 800 }, allowWrite = false } = {},
): Promise<Page> {
  const server = await serve({ fleet, allowWrite })
  onTestFinished(() => server.close())
  const page = await newPage(viewport)
  const failures: string[] = []
  page.on('pageerror', (error) => failures.push(error.message))
  page.on('console', (message) => message.type() === 'error' && failures.push(message.text()))
  onTestFinished(() => expect(failures).toEqual([]))
  await page.goto(server.url)
  return page
}

describe.runIf(isLinux)('the page', () => {
  it('drills down to the events of a bus, filters them, and shows one that comes', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    const child = await showcase(name)
    const page = await open(name)
    await page.locator('main').getByRole('row', { name }).click()
    await page.getByRole('cell', { name: 'worker \u001b[31m0' }).waitFor()
    expect(page.url()).not.toContain('token')
    expect(await page.locator('canvas').count()).toBe(1)
    await page.getByText(`fleet ${name}: 1 node alive of 8`).waitFor() // doctor
    await page.locator('main').getByRole('row', { name: 'orbit.events' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: 'orders.paid' }).waitFor()
    await page.locator('#pattern').fill('orders.*')
    await page.locator('#pattern').press('Enter')
    await page.getByRole('row', { name: 'users.' }).waitFor({ state: 'detached' })
    await child.ask('event', 'users.late', 'other')
    await child.ask('event', 'orders.late', '<b>here</b>')
    const published = performance.now()
    await page.getByText('<b>here</b>').waitFor()
    console.log(`an event is on the page ${Math.round(performance.now() - published)} ms after its publication`)
    expect(await page.getByText('users.late').count()).toBe(0)
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'members' }).waitFor()
  })

  it('shows the entries of a cache and the holders of claims', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    await showcase(name)
    const page = await open(name)
    await page.locator('main').getByRole('row', { name }).click()
    await page.locator('main').getByRole('row', { name: 'orbit.cache' }).click()
    await page.getByText('{"name":"Ada"}').waitFor()
    await page.getByRole('link', { name }).click()
    await page.locator('main').getByRole('row', { name: 'orbit.contest' }).click()
    await page.getByText('leader').waitFor()
  })

  it('shows the processes with actors, of which the calls wait for long', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    const fleet = joinShm(name)
    const counts = { partitions: 16, active: 7, waiting: 3, oldestMs: 12_345, callsPerSecond: 4 }
    const presence = new Presence(fleet, { name: 'actors.shop', capacity: 256, entryBytes: 1024 })
    presence.set(`${fleet.node}.${fleet.incarnation}`, { counts })
    const page = await open(name)
    await page.locator('main').getByRole('row', { name }).click()
    await page.getByRole('row', { name: 'shop 0 16 4 7 3 12.3 s' }).waitFor()
    await page.getByText('3 calls waiting, for 12').waitFor() // doctor
  })

  it('opens a store down to a value, and counters', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    await showcase(name, { hasMore: true })
    const page = await open(name)
    const row = (text: string) => page.locator('main').getByRole('row', { name: text })
    await row(name).click()
    await page.getByRole('heading', { name: 'stores' }).waitFor()
    await row('230 orbit.store').click()
    await row('users user: 2').click()
    await row('user:18').waitFor()
    await row('user:17').click()
    await page.getByText('{"name":"Ada"}').waitFor()
    await page.keyboard.press('Escape')
    await row('users user: 2').waitFor()
    await page.getByRole('link', { name }).click()
    await row('orbit.counters').click()
    await row('jobs.done counter 17').waitFor()
    expect(await page.getByRole('button', { name: 'delete' }).count()).toBe(0)
    expect(await page.locator('form').count()).toBe(0)
  })

  it('publishes and deletes if it may, after a question where it destroys', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    await showcase(name, { hasMore: true })
    const page = await open(name, { allowWrite: true })
    const questions: string[] = []
    page.on('dialog', (dialog) => {
      questions.push(dialog.message())
      return questions.length === 1 ? dialog.dismiss() : dialog.accept()
    })
    await page.goto(`${new URL(page.url()).origin}/#${name}/220`)
    await page.getByPlaceholder('topic', { exact: true }).fill('orders.new')
    await page.getByPlaceholder('text of the payload').fill('by hand')
    await page.getByRole('button', { name: 'publish' }).click()
    await page.locator('main').getByRole('row', { name: 'orders.new by hand' }).waitFor()
    await page.goto(`${new URL(page.url()).origin}/#${name}/230/keys/users/user:`)
    const row = page.locator('main').getByRole('row', { name: 'user:18' })
    await row.getByRole('button', { name: 'delete' }).click()
    await row.waitFor()
    await row.getByRole('button', { name: 'delete' }).click()
    await row.waitFor({ state: 'detached' })
    expect(questions).toEqual(Array(2).fill('delete "user:18" of "users"?'))
    await page.getByRole('status', { name: 'what was done' }).filter({ hasText: 'store delete: done' }).waitFor()
  })

  it('stays alive while 100,000 events a second come, and says how many it does not show', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    const child = await showcase(name, { events: 65_536 })
    const page = await open(name)
    await page.goto(`${new URL(page.url()).origin}/#${name}/220`)
    await page.locator('main').getByRole('row', { name: 'orders.paid' }).waitFor()
    await page.evaluate(`new PerformanceObserver((list) => {
      globalThis.longest = Math.max(globalThis.longest ?? 0, ...list.getEntries().map(({ duration }) => duration))
    }).observe({ entryTypes: ['longtask'] })`)
    const storm = child.ask('storm', 300_000, 100_000)
    await page.getByText(/newest frames, [\d,]+ not shown: too many/).waitFor()
    await page.getByRole('button', { name: 'pause' }).click()
    await page.getByRole('button', { name: 'go on' }).click()
    await storm
    await page.locator('main').getByRole('row', { name: 'storm 299999' }).waitFor()
    console.log(`longest task of the page: ${await page.evaluate('globalThis.longest ?? 0')} ms`)
  })

  it('is not shown under another name of this host, nor without its token', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    await showcase(name)
    const server = await serve({ fleet: name })
    onTestFinished(() => server.close())
    const page = await newPage()
    const codeOf = async (url: string) => (await page.goto(url))?.status()
    expect(await codeOf(server.url.replace('127.0.0.1', 'evil.example'))).toBe(403)
    expect(await page.locator('main').count()).toBe(0)
    expect(await codeOf(new URL('/', server.url).href)).toBe(401)
    expect(await page.locator('main').count()).toBe(0)
    expect(await codeOf(server.url)).toBe(200)
    await page.locator('main').getByRole('row', { name }).waitFor()
  })

  it('shows a killed worker as dead, on the screen of a phone in the dark', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    const child = await showcase(name)
    const page = await open(name, { viewport: { width: 360, height: 640 } })
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.reload()
    await page.locator('main').getByRole('row', { name }).click()
    await page.getByRole('cell', { name: 'alive', exact: true }).waitFor()
    await child.kill()
    await page.getByRole('status').filter({ hasText: '1 dead' }).waitFor()
    await page.getByRole('cell', { name: 'dead', exact: true }).waitFor()
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark')
    const [width, visible] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as [
      number,
      number,
    ]
    expect(width).toBeLessThanOrEqual(visible)
  })
})
