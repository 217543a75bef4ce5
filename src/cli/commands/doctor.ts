import { OrbitError } from '../../errors.js'
import type { Call, Command } from '../command.js'
import { allFindings } from '../findings.js'
import { printable } from '../text.js'

const marks = {
  ok: ['green', 'ok'],
  note: ['blue', 'note'],
  warning: ['yellow', 'warning'],
  problem: ['red', 'PROBLEM'],
} as const

function run(call: Call): number {
  const { output } = call
  const fleet = call.optional(0)
  const findings = allFindings(fleet)
  if (fleet !== undefined && !findings.some((finding) => finding.fleet === fleet)) {
    throw new OrbitError('ERR_ORBIT_NOT_FOUND', `there is no fleet ${fleet}`)
  }
  if (output.isJson) output.json({ findings })
  else {
    for (const { level, found, meaning, mend } of findings) {
      const [style, word] = marks[level]
      output.line(`${output.paint(style, word.padEnd(7))}  ${printable(found)}`)
      if (meaning !== '') output.line(`         ${printable(meaning)}`)
      if (mend !== null) output.line(`         ${output.paint('bold', 'mend:')} ${printable(mend)}`)
    }
  }
  return findings.some(({ level }) => level === 'problem') ? 1 : 0
}

export const doctor: Command = {
  name: 'doctor',
  summary: 'what is wrong on this host, and how to mend it',
  operands: ['[FLEET]'],
  about: [
    "Looks at /dev/shm (size, free space, access), the container's memory limit, systemd's RemoveIPC, namespaces, and at",
    'every fleet of this user, or one: objects that are foreign, damaged or of another layout version, dead nodes and what',
    'they had in hand, hearts that have stopped, burned chunks, stale bells. Each finding has its meaning and, where there',
    'is one, the command that mends it. Exit code 1: there is a problem; warnings and notes do not count.',
  ],
  options: {},
  examples: [{ line: 'orbit doctor web', about: 'what is the matter with the fleet "web"?' }],
  run,
}
