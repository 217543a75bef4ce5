import { OrbitError } from '../../base/errors.js'
import { Fleet } from '../../core/fleet.js'
import { byFleet, type FoundObject, findObjects } from '../../inspect/objects.js'
import type { Call, Command } from '../command.js'
import { isConfirmed } from '../confirm.js'
import { type Problem, problemOf } from '../problem.js'
import { isLive, isPersistent, printRemoved, remove } from '../removal.js'

interface Sweep {
  readonly removed: string[]
  /** Fleets with living members. */
  readonly live: string[]
  /** Persistent fleets without living members: their contents may be wanted. */
  readonly kept: string[]
  readonly problems: Problem[]
}

/** Whether a fleet waits for its processes to come back; false where its object does not tell. */
function waits(name: string): boolean {
  try {
    using fleet = Fleet.observe(name)
    return isPersistent(fleet)
  } catch {
    return false
  }
}

/** Whether a persistent fleet that was not named may be removed. */
async function mayRemove(call: Call, fleet: string): Promise<boolean> {
  if (call.flag('yes')) return true
  if (call.output.isJson || call.flag('dry-run') || !process.stdin.isTTY) return false
  return isConfirmed(call, `remove the persistent fleet ${fleet}, with all that is in it`)
}

/** Removes a fleet if it has no living member. `remove` checks that again, under the lock of the fleet. */
async function sweepFleet(call: Call, fleet: string, objects: readonly FoundObject[], sweep: Sweep): Promise<void> {
  const isDryRun = call.flag('dry-run')
  const isNamed = call.optional(0) !== undefined
  try {
    if (objects.some(({ form }) => form === 'fleet') && isLive(fleet)) sweep.live.push(fleet)
    else if (!isNamed && waits(fleet) && !(await mayRemove(call, fleet))) sweep.kept.push(fleet)
    else sweep.removed.push(...(isDryRun ? objects.map(({ file }) => file) : remove(fleet, {})))
  } catch (error) {
    const problem = problemOf(fleet, error)
    if (problem.code === 'ERR_ORBIT_IN_USE') sweep.live.push(fleet)
    else sweep.problems.push(problem)
  }
}

async function run(call: Call): Promise<number> {
  const { output } = call
  const isDryRun = call.flag('dry-run')
  const sweep: Sweep = { removed: [], live: [], kept: [], problems: [] }
  const only = call.optional(0)
  const fleets = [...byFleet(findObjects())].filter(([fleet]) => only === undefined || fleet === only)
  if (only !== undefined && fleets.length === 0) {
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no fleet ${only}`)
  }
  for (const [fleet, objects] of fleets) await sweepFleet(call, fleet, objects, sweep)
  if (output.isJson) output.json({ isDryRun, ...sweep })
  else {
    printRemoved(output, sweep.removed, isDryRun)
    for (const { object, message } of sweep.problems)
      output.note(`fleet ${object} is kept: ${message}; orbit rm ${object} --force removes it`)
    for (const fleet of sweep.kept) output.note(`persistent fleet ${fleet} is kept: pass --yes, or its name`)
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
    'A persistent fleet may wait for its processes to come back, and its contents would be lost. Unless it is named, gc',
    'asks on a terminal whether to remove it, and elsewhere keeps it; --yes removes it.',
    '',
    'A damaged fleet object is kept and named, and the exit code is 1; orbit rm --force removes it.',
  ],
  options: {
    'dry-run': { type: 'boolean', about: 'print what would be removed, and remove nothing' },
    yes: { type: 'boolean', about: 'remove persistent fleets without asking' },
  },
  writes: ['gc'],
  examples: [{ line: 'orbit gc --dry-run', about: 'what have dead fleets left behind?' }],
  run,
}
