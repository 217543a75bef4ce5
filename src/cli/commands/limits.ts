import { OrbitError } from '../../base/errors.js'
import { Fleet } from '../../core/fleet.js'
import { inspectLimits, type LimitsReport } from '../../inspect/limits.js'
import type { Call, Command } from '../command.js'
import { printPairs } from '../table.js'
import { bytesText, counted } from '../text.js'

function run(call: Call): void {
  const { output } = call
  using fleet = Fleet.observe(call.operand(0))
  const report = inspectLimits(fleet)
  if (report === undefined) throw new OrbitError('ERR_ORBIT_NOT_FOUND', `fleet ${fleet.name} has no rate limiter`)
  if (output.isJson) output.json({ fleet: fleet.name, ...report })
  else printPairs(output, pairs(report))
}

function pairs({ entries, keys, tentative, full, objectBytes }: LimitsReport): [string, string][] {
  return [
    ['entries', `${entries}, for ${entries / 4} keys at once`],
    ['keys', `${keys}, and ${tentative} being entered`],
    ['load', `${((100 * (keys + tentative)) / entries).toFixed(1)} %`],
    ['full', full === 0 ? 'never' : counted(full, 'decision')],
    ['object', bytesText(objectBytes)],
  ]
}

export const limits: Command = {
  name: 'limits',
  summary: 'show how full the table of the rate limiters is',
  operands: ['FLEET'],
  about: [
    'Shows the table that all rate limiters of a fleet share: its entries, the keys that have taken something within',
    'their windows, and how many decisions found no place for a key. Above a load of 25 % a few keys in a million find',
    'none. Keys themselves are not stored, only hashes of them.',
  ],
  options: {},
  examples: [{ line: 'orbit limits web', about: 'is the table large enough?' }],
  run,
}
