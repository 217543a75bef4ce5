// The page in a real browser: Debian's Chromium, driven by playwright-core.
import { spawnSync } from 'node:child_process'
import { chromium, type Page } from 'playwright-core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName } from '../../../test/help/fleets.js'
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

/** A page of this fleet, in a window of this size. */
async function open(fleet: string, viewport = { width: 1000, height: 800 }): Promise<Page> {
  const server = await serve({ fleet })
  onTestFinished(() => server.close())
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  onTestFinished(() => browser.close())
  const page = await browser.newPage({ viewport })
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
    await page.getByText('<b>here</b>').waitFor()
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

  it('shows a killed worker as dead, on the screen of a phone in the dark', async (context) => {
    browserOrSkip(context)
    const name = fleetName('page')
    const child = await showcase(name)
    const page = await open(name, { width: 360, height: 640 })
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
