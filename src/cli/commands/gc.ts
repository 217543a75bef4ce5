import { OrbitError } from '../../base/errors.js'
import type { Call, Command } from '../command.js'
import { byFleet, type FoundObject, findObjects, type Problem, problemOf } from '../objects.js'
import { isLive, printRemoved, remove } from '../removal.js'

interface Sweep {
  readonly removed: string[]
  /** Fleets with living members. */
  readonly live: string[]
  readonly problems: Problem[]
}

/** What a fleet left, if it is dead; it is `remove` that decides, under the fleet's lock. */
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
      output.note(`kept fleet ${object}: ${message}; orbit rm ${object} --force`)
    if (sweep.removed.length === 0) output.note('nothing to remove')
  }
  return sweep.problems.length > 0 ? 1 : 0
}

export const gc: Command = {
  name: 'gc',
  summary: 'removes what dead fleets left',
  operands: ['[FLEET]'],
  about: [
    "Removes every fleet of this user, or the one named, that has no living member by the kernel's word, rings without a",
    'fleet, and bells; prints what it removed. What a dead fleet holds is lost with it: a fleet that shall outlive its processes until',
    'they come back must not be swept. Damaged fleet objects are kept and named, with exit code 1; rm --force removes them.',
  ],
  options: { 'dry-run': { type: 'boolean', about: 'only say what would be removed' } },
  examples: [{ line: 'orbit gc --dry-run', about: 'what did the dead leave?' }],
  run,
}
