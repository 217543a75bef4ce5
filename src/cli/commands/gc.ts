import { OrbitError } from '../../base/errors.js'
import { byFleet, type FoundObject, findObjects } from '../../inspect/objects.js'
import type { Call, Command } from '../command.js'
import { type Problem, problemOf } from '../problem.js'
import { isLive, printRemoved, remove } from '../removal.js'

interface Sweep {
  readonly removed: string[]
  /** Fleets with living members. */
  readonly live: string[]
  readonly problems: Problem[]
}

/** Removes a fleet if it has no living member. `remove` checks that again, under the lock of the fleet. */
function sweepFleet(fleet: string, objects: readonly FoundObject[], isDryRun: boolean, sweep: Sweep): void {
  try {
    if (objects.some(({ form }) => form === 'fleet') && isLive(fleet)) sweep.live.push(fleet)
    else sweep.removed.push(...(isDryRun ? objects.map(({ file }) => file) : remove(fleet, {})))
  } catch (error) {
    const problem = problemOf(fleet, error)
    if (problem.code === 'ERR_ORBIT_IN_USE') sweep.live.push(fleet)
    else sweep.problems.push(problem)
  }
}

function run(call: Call): number {
  const { output } = call
  const isDryRun = call.flag('dry-run')
  const sweep: Sweep = { removed: [], live: [], problems: [] }
  const only = call.optional(0)
  const fleets = [...byFleet(findObjects())].filter(([fleet]) => only === undefined || fleet === only)
  if (only !== undefined && fleets.length === 0) {
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no fleet ${only}`)
  }
  for (const [fleet, objects] of fleets) sweepFleet(fleet, objects, isDryRun, sweep)
  if (output.isJson) output.json({ isDryRun, ...sweep })
  else {
    printRemoved(output, sweep.removed, isDryRun)
    for (const { object, message } of sweep.problems)
      output.note(`fleet ${object} is kept: ${message}; orbit rm ${object} --force removes it`)
    if (sweep.removed.length === 0) output.none('nothing to remove')
  }
  return sweep.problems.length > 0 ? 1 : 0
}

export const gc: Command = {
  name: 'gc',
  summary: 'remove the fleets that have no living member',
  operands: ['[FLEET]'],
  about: [
    'Removes every fleet of this user that has no living member, or only the named one, with its rings and FIFOs, and',
    'rings that have no fleet. Prints what it has removed.',
    '',
    'The contents of such a fleet are lost. Do not run gc while a persistent fleet waits for its processes to come',
    'back.',
    '',
    'A damaged fleet object is kept and named, and the exit code is 1; orbit rm --force removes it.',
  ],
  options: { 'dry-run': { type: 'boolean', about: 'print what would be removed, and remove nothing' } },
  writes: ['gc'],
  examples: [{ line: 'orbit gc --dry-run', about: 'what have dead fleets left behind?' }],
  run,
}
