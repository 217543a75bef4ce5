import { join } from 'node:path'
import type { Ref } from 'orbit-actors'
import { testActors } from 'orbit-actors/testing'
import { Fleet } from 'orbit-node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { dataFolder, drivers } from '../../packages/actors/test/help/stores.js'
import { fleetName } from '../help/fleets.js'
import { unpack } from './recipe.js'

const load = (file: string) => import(join(unpack('durable'), file))

async function system() {
  const folder = unpack('durable')
  const [{ Cart }, { Order }, { Account }] = await Promise.all(
    ['carts.ts', 'orders.ts', 'accounts.ts'].map((file) => import(join(folder, file))),
  )
  const test = testActors({ actors: { Cart, Order, Account } })
  onTestFinished(() => test.close())
  return test
}

// biome-ignore lint/suspicious/noExplicitAny: the classes are those of the recipe.
const refOf = (test: Awaited<ReturnType<typeof system>>, type: string, key: string): any =>
  test.get(type as 'Cart', key) as Ref<never>

it('keeps a cart over the death of its worker, with the items of both tabs', async () => {
  const test = await system()
  const cart = refOf(test, 'Cart', 'ada')
  await Promise.all([cart.add('book'), cart.add('pen', 2), cart.add('book')])
  test.kill()
  await test.restart()
  expect(await cart.items()).toEqual({ book: 2, pen: 2 })
  expect(await cart.add('pen', -2)).toEqual({ book: 2 })
})

it('ends a workflow over the death of its worker between two steps, and pays once', async () => {
  const test = await system()
  const [order, account] = [refOf(test, 'Order', '17'), refOf(test, 'Account', 'ada')]
  await account.deposit(100)
  // The recipe takes the time of the process, which differs from the virtual one: all its alarms are due.
  await order.place('ada', 30)
  await order.place('ada', 30)
  for (let kills = 0; (await order.step()) !== 'done'; kills++) {
    if (kills < 3) {
      test.kill()
      await test.restart()
    }
    await test.advance(1000)
  }
  expect(await account.balance()).toBe(70)
  const poor = refOf(test, 'Order', '18')
  await poor.place('bob', 30)
  while ((await poor.step()) !== 'refused') await test.advance(1000)
})

it('pays an invoice once, however often the client asks, and the shop gets it once', async () => {
  const test = await system()
  const { pay } = await load('pay.ts')
  const [customer, shop] = [refOf(test, 'Account', 'ada'), refOf(test, 'Account', 'shop')]
  await customer.deposit(50)
  test.dropReplies(1)
  expect(await pay(test, 'ada', 'shop', 'invoice 1').catch(() => 'no answer')).toBeDefined()
  expect(await pay(test, 'ada', 'shop', 'invoice 1')).toBe(true)
  expect(await pay(test, 'ada', 'shop', 'invoice 2')).toBe(false)
  await test.advance(1000)
  expect([await customer.balance(), await shop.balance()]).toEqual([20, 30])
})

describe.skipIf(drivers.length === 0)('on files', () => {
  it('begins with what the last processes have left', async () => {
    const { start } = await load('system.ts')
    const folder = dataFolder()
    for (const expected of [{ book: 1 }, { book: 2 }]) {
      const fleet = Fleet.join(fleetName('recipe'))
      const running = start(fleet, folder)
      expect(await running.get('Cart', 'ada').add('book')).toEqual(expected)
      await running.close()
      fleet.close()
    }
  })
})
