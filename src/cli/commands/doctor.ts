import { OrbitError } from '../../base/errors.js'
import type { Call, Command } from '../command.js'
import type { Finding } from '../finding.js'
import { fleetFindings } from '../fleetfindings.js'
import { hostFindings } from '../hostfindings.js'
import { byFleet, canList, findObjects } from '../objects.js'
import { printable } from '../text.js'

const marks = {
  ok: ['green', 'ok'],
  note: ['blue', 'note'],
  warning: ['yellow', 'warning'],
  problem: ['red', 'PROBLEM'],
} as const

function findings(fleet: string | undefined): Finding[] {
  if (!canList()) return hostFindings() // they say so
  const fleets = [...byFleet(findObjects())].filter(([name]) => fleet === undefined || name === fleet)
  if (fleet !== undefined && fleets.length === 0) {
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no fleet ${fleet}`)
  }
  return [...hostFindings(), ...fleets.flatMap(([name, objects]) => fleetFindings(name, objects))]
}

function run(call: Call): number {
  const { output } = call
  const found = findings(call.optional(0))
  if (output.isJson) output.json({ findings: found })
  else {
    for (const { level, found: text, meaning, fix } of found) {
      const [style, word] = marks[level]
      output.line(`${output.paint(style, word.padEnd(7))}  ${printable(text)}`)
      if (meaning !== '') output.line(`         ${printable(meaning)}`)
      if (fix !== null) output.line(`         ${output.paint('bold', 'fix:')} ${printable(fix)}`)
    }
  }
  return found.some(({ level }) => level === 'problem') ? 1 : 0
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'what is wrong on this host, and how to fix it',
  operands: ['[FLEET]'],
  about: [
    "Looks at /dev/shm (size, free space, access), the container's memory limit, systemd's RemoveIPC, namespaces, and at",
    'every fleet of this user, or one: objects that are foreign, damaged or of another layout version, dead nodes and what',
    'they had in hand, hearts that have stopped, burned chunks, stale bells. Each finding has its meaning and, where there',
    'is one, the command that fixes it. Exit code 1: there is a problem; warnings and notes do not count.',
  ],
  options: {},
  examples: [{ line: 'orbit doctor web', about: 'what is the matter with the fleet "web"?' }],
  run,
}
