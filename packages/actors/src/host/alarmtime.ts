import { Cron } from 'croner'
import { checkOptions, outOfRange, wrongType } from '../../../shared/check.js'
import type { AlarmTime } from '../actor/storage.js'

const latestMs = 8.64e15

/** When a cron pattern fires next after a time; undefined: never. Throws for a pattern or zone that is none. */
export function nextTime(cron: string, zone: string, afterMs: number): number | undefined {
  const options = { mode: '5-or-6-parts' as const, paused: true, ...(zone !== '' && { timezone: zone }) }
  return new Cron(cron, options).nextRun(new Date(afterMs))?.getTime()
}

/** A time as a store keeps it. Throws a TypeError or RangeError for another value. */
export function timeOf(time: AlarmTime, nowMs: number): { cron: string; zone: string; atMs: number } {
  if (time instanceof Date || typeof time === 'number') {
    const atMs = Math.ceil(Number(time))
    if (!(atMs >= 0 && atMs <= latestMs)) throw outOfRange('time', Number(time), 'a date since 1970')
    return { cron: '', zone: '', atMs }
  }
  if (typeof time !== 'object' || time === null) throw wrongType('time', time, 'a Date, milliseconds, or { cron }')
  checkOptions('time', time, ['cron', 'zone'])
  const { cron, zone = '' } = time
  if (typeof cron !== 'string') throw wrongType('time.cron', cron, 'a pattern such as "0 3 * * *"')
  if (typeof zone !== 'string') throw wrongType('time.zone', zone, 'a time zone such as "Europe/Berlin"')
  let atMs: number | undefined
  try {
    atMs = nextTime(cron, zone, nowMs)
  } catch (error) {
    throw outOfRange('time', `${cron} ${zone}`.trim(), `a cron pattern: ${(error as Error).message}`)
  }
  if (atMs === undefined) throw outOfRange('time.cron', cron, 'a pattern with a time to come')
  return { cron, zone, atMs }
}
