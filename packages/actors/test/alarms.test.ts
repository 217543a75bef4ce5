import { describe, expect, it } from 'vitest'
import { Actor, type Alarm, type AlarmTime, memory } from '../src/index.js'
import { testActors } from '../src/testing.js'
import { Log } from './help/systems.js'

/** The date at which virtual time begins. */
const begin = Date.UTC(2030, 0, 1)
const [second, minute, hour] = [1000, 60_000, 3_600_000]

interface Fired extends Alarm {
  firedAt: number
}

class Reminder extends Actor<{ fired: Fired[] }> {
  static now = () => 0
  static failures = 0
  set(name: string, time: AlarmTime) {
    this.ctx.setAlarm(name, time)
  }
  setAndThrow(name: string, time: AlarmTime) {
    this.ctx.setAlarm(name, time)
    throw new Error('no')
  }
  take(name: string) {
    return this.ctx.deleteAlarm(name)
  }
  list() {
    return this.ctx.alarms()
  }
  fired() {
    return this.ctx.storage.get('fired') ?? []
  }
  override onAlarm(alarm: Alarm) {
    const fired = [...this.fired(), { ...alarm, firedAt: Reminder.now() }]
    this.ctx.storage.put('fired', fired)
    if (alarm.name === 'again') this.ctx.setAlarm('again', alarm.scheduledAt.getTime() + minute)
    if (alarm.name === 'fails' && alarm.attempt < Reminder.failures) throw new Error('not yet')
  }
}

function reminders(log = new Log(), store = memory()) {
  const test = testActors({ actors: { Reminder }, log, store })
  Reminder.now = () => test.date.getTime()
  return { test, log, store, reminder: test.get('Reminder', 'a') }
}

const at = (ms: number, name: string, attempt = 0, firedAt = ms) => ({
  name,
  scheduledAt: new Date(begin + ms),
  attempt,
  firedAt: begin + firedAt,
})

describe('an alarm', () => {
  it('fires once at its time, also after a restart, and not when it was taken back or replaced', async () => {
    const { test, reminder } = reminders()
    await using _ = test
    await reminder.set('one', begin + minute)
    await reminder.set('two', new Date(begin + 2 * minute))
    await reminder.set('gone', begin + minute)
    await reminder.set('later', begin + minute)
    await reminder.set('later', begin + 3 * minute)
    expect(await reminder.take('gone')).toBe(true)
    expect(await reminder.take('gone')).toBe(false)
    expect((await reminder.list()).map(({ name }) => name)).toEqual(['later', 'one', 'two'])
    await test.advance(minute - 1)
    expect(await reminder.fired()).toEqual([])
    await test.advance(1)
    expect(await reminder.fired()).toEqual([at(minute, 'one')])
    await test.restart()
    await test.advance(10 * minute)
    expect(await reminder.fired()).toEqual([at(minute, 'one'), at(2 * minute, 'two'), at(3 * minute, 'later')])
    expect(await reminder.list()).toEqual([])
  })

  it('is not set by a method that throws', async () => {
    const { test, reminder } = reminders()
    await using _ = test
    await expect(reminder.setAndThrow('one', begin + minute)).rejects.toThrow('no')
    await test.advance(hour)
    expect(await reminder.fired()).toEqual([])
  })

  it('fires late, once, when no process was there at its time, and says when it was due', async () => {
    const { test, reminder } = reminders()
    await using _ = test
    await reminder.set('late', begin + minute)
    await reminder.set('hourly', { cron: '0 * * * *', zone: 'UTC' })
    test.kill()
    await test.advance(5 * hour + 30 * minute)
    await test.restart()
    await test.advance(0)
    const late = 5 * hour + 30 * minute
    expect(await reminder.fired()).toEqual([at(minute, 'late', 0, late), at(hour, 'hourly', 0, late)])
    await test.advance(hour)
    expect((await reminder.fired()).slice(2)).toEqual([at(6 * hour, 'hourly')])
  })

  it('is tried again with growing pauses when onAlarm fails, and keeps none of its changes', async () => {
    const { test, reminder, log } = reminders()
    await using _ = test
    Reminder.failures = 3
    await reminder.set('fails', begin + second)
    await test.advance(second)
    expect(log.lines.flat()).toContainEqual('the alarm fails failed, and is tried again:')
    await test.restart()
    await test.advance(1 * second + 2 * second + 4 * second - 1)
    expect(await reminder.fired()).toEqual([])
    await test.advance(1)
    expect(await reminder.fired()).toEqual([at(second, 'fails', 3, 8 * second)])
  })

  it('can set itself anew, and fires again after the death of its process in the middle', async () => {
    const { test, reminder } = reminders()
    await using _ = test
    await reminder.set('again', begin + minute)
    await test.advance(3 * minute)
    expect((await reminder.fired()).map(({ firedAt }) => firedAt - begin)).toEqual([1, 2, 3].map((n) => n * minute))
    Reminder.failures = 0
    await reminder.set('fails', begin + 3 * minute)
    test.kill() // before the turn of the alarm is committed
    await test.restart()
    await test.advance(0)
    expect((await reminder.fired()).at(-1)).toEqual(at(3 * minute, 'fails'))
  })

  it('follows a cron pattern with seconds in a time zone', async () => {
    const { test, reminder } = reminders()
    await using _ = test
    await reminder.set('berlin', { cron: '30 15 9 * * *', zone: 'Europe/Berlin' })
    await test.advance(48 * hour)
    const first = 8 * hour + 15 * minute + 30 * second
    expect(await reminder.fired()).toEqual([at(first, 'berlin'), at(first + 24 * hour, 'berlin')])
  })

  it('refuses times that are none', async () => {
    const { test, reminder } = reminders()
    await using _ = test
    await expect(reminder.set('a', -5)).rejects.toThrow('time=-5 must be a date since 1970')
    await expect(reminder.set('a', { cron: 'every day' })).rejects.toThrow(/must be a cron pattern/)
    await expect(reminder.set('a', { cron: '0 0 * * *', zone: 'Mars' })).rejects.toThrow(/must be a cron pattern/)
    await expect(reminder.set('a', { cron: '0 0 30 2 *' })).rejects.toThrow(/must be a pattern with a time to come/)
    await expect(reminder.set('', 5)).rejects.toThrow(/name="" must be/)
  })

  it('fires for each of many actors', async () => {
    const { test } = reminders()
    await using _ = test
    const all = Array.from({ length: 700 }, (_, i) => test.get('Reminder', `many ${i}`))
    for (let i = 0; i < all.length; i += 50)
      await Promise.all(all.slice(i, i + 50).map((each) => each.set('x', begin + second)))
    await test.advance(second)
    for (let i = 0; i < all.length; i += 50) {
      const fired = await Promise.all(all.slice(i, i + 50).map((each) => each.fired()))
      expect(fired.flat()).toEqual(fired.map(() => at(second, 'x')))
    }
  })
})
