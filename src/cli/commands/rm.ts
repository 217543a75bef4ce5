import { OrbitError } from '../../base/errors.js'
import { findObjects } from '../../inspect/objects.js'
import type { Call, Command } from '../command.js'
import { kindNumber } from '../kindoperand.js'
import { isLive, printRemoved, remove } from '../removal.js'

function run(call: Call): void {
  const { output } = call
  const name = call.operand(0)
  const operand = call.optional(1)
  const kind = operand === undefined ? undefined : kindNumber(operand)
  const force = call.flag('force')
  const isDryRun = call.flag('dry-run')
  const objects = findObjects().filter((object) => object.fleet === name)
  const wanted = objects.filter(({ form, number }) => kind === undefined || (form === 'ring' && number === kind))
  if (wanted.length === 0) {
    const what = kind === undefined ? `fleet ${name}` : `ring of KIND ${kind} in fleet ${name}`
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no ${what}`)
  }
  if (isDryRun && !force && objects.some(({ form }) => form === 'fleet') && isLive(name)) {
    throw new OrbitError('ERR_ORBIT_IN_USE', `fleet ${name} has living members: close them first, or pass --force`)
  }
  const removed = isDryRun
    ? wanted.map(({ file }) => file)
    : remove(name, { ...(kind !== undefined && { kind }), force })
  if (output.isJson) output.json({ fleet: name, isDryRun, removed })
  else printRemoved(output, removed, isDryRun)
}

export const rm: Command = {
  name: 'rm',
  summary: 'remove a fleet, or one of its rings',
  operands: ['FLEET', '[KIND]'],
  about: [
    'Removes a fleet with all its rings, or the ring of one KIND, and prints what it has removed.',
    '',
    'A fleet that has living members is refused, unless you pass --force; their next publish then fails with',
    'ERR_ORBIT_RETIRED. A damaged fleet object needs --force too, because it does not show whether it is in use.',
  ],
  options: {
    force: { type: 'boolean', about: 'remove it even if it has living members or is damaged' },
    'dry-run': { type: 'boolean', about: 'print what would be removed, and remove nothing' },
  },
  writes: ['rm'],
  examples: [{ line: 'orbit rm web --dry-run', about: 'what would be removed?' }],
  run,
}
