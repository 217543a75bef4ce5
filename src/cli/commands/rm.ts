import { OrbitError } from '../../base/errors.js'
import { abi } from '../../core/native.js'
import type { Call, Command } from '../command.js'
import { UsageError } from '../command.js'
import { findObjects } from '../objects.js'
import { isLive, printRemoved, remove } from '../removal.js'

function kindOf(operand: string | undefined): number | undefined {
  if (operand === undefined) return undefined
  const kind = /^\d+$/.test(operand) ? Number(operand) : Number.NaN
  if (!(kind <= abi.maxKind)) throw new UsageError(`KIND=${operand} is not an integer in 0..${abi.maxKind}`)
  return kind
}

function run(call: Call): void {
  const { output } = call
  const name = call.operand(0)
  const kind = kindOf(call.optional(1))
  const force = call.flag('force')
  const isDryRun = call.flag('dry-run')
  const objects = findObjects().filter((object) => object.fleet === name)
  const wanted = objects.filter(({ form, number }) => kind === undefined || (form === 'ring' && number === kind))
  if (wanted.length === 0) {
    const what = kind === undefined ? `fleet ${name}` : `ring of KIND ${kind} in fleet ${name}`
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no ${what}`)
  }
  if (isDryRun && !force && objects.some(({ form }) => form === 'fleet') && isLive(name)) {
    throw new OrbitError('ERR_ORBIT_IN_USE', `fleet ${name} has living members; --force removes it all the same`)
  }
  const removed = isDryRun
    ? wanted.map(({ file }) => file)
    : remove(name, { ...(kind !== undefined && { kind }), force })
  if (output.isJson) output.json({ fleet: name, isDryRun, removed })
  else printRemoved(output, removed, isDryRun)
}

export const rm: Command = {
  name: 'rm',
  summary: 'removes a fleet, or one of its rings',
  operands: ['FLEET', '[KIND]'],
  about: [
    "Removes what stands in shared memory under the fleet's name, or the ring of one KIND, and prints what it removed. A",
    'fleet with living members is refused unless forced: their next publish then fails with ERR_ORBIT_RETIRED. A damaged',
    'fleet object is removed only by force too, since nobody can tell whether it is in use.',
  ],
  options: {
    force: { type: 'boolean', about: 'also under living members; also damaged ones' },
    'dry-run': { type: 'boolean', about: 'only say what would be removed' },
  },
  examples: [{ line: 'orbit rm web --dry-run', about: 'what would go?' }],
  run,
}
