import type { NodeRecord } from '../../core/node.js'
import type { Call, Command } from '../command.js'
import { within } from '../objects.js'
import { printTable } from '../table.js'
import { durationText } from '../text.js'

/** As FleetHeartbeat's default: three beats of its default interval. */
export const staleMs = 3000

type Row = NodeRecord & { readonly isStale: boolean }

const row = (node: NodeRecord): Row => ({ ...node, isStale: (node.heartbeat?.ageMs ?? 0) > staleMs })

function nodeJson({ heartbeat, isStale: _, ...node }: Row) {
  return { ...node, heartbeat: heartbeat ?? null }
}

async function run(call: Call): Promise<void> {
  const { output } = call
  await within(call.operand(0), (fleet) => {
    const rows = fleet.nodes().map(row)
    if (output.isJson) return output.json({ fleet: fleet.name, size: fleet.size, nodes: rows.map(nodeJson) })
    if (rows.length === 0) return output.note(`fleet ${fleet.name} has no nodes: all have left`)
    printTable(
      output,
      [
        { title: 'NODE', text: ({ node }) => String(node), align: 'right' },
        { title: 'PID', text: ({ pid }) => String(pid), align: 'right' },
        { title: 'LABEL', text: ({ label }) => label, isFlexible: true },
        {
          title: 'STATE',
          text: ({ alive }) => (alive ? 'alive' : 'dead'),
          style: ({ alive }) => (alive ? 'green' : 'red'),
        },
        {
          title: 'JOINED',
          text: ({ joinedAtMs }) => `${durationText(Math.max(0, Date.now() - joinedAtMs))} ago`,
          align: 'right',
        },
        {
          title: 'BEAT',
          text: ({ heartbeat }) => (heartbeat ? `${durationText(heartbeat.ageMs)} ago` : '-'),
          align: 'right',
          style: ({ isStale, alive }) => (isStale && alive ? 'yellow' : undefined),
        },
        {
          title: 'LOOP DELAY',
          text: ({ heartbeat }) => (heartbeat ? durationText(heartbeat.loopDelayMs) : '-'),
          align: 'right',
        },
        { title: 'STATUS', text: ({ heartbeat }) => heartbeat?.status ?? '', isFlexible: true },
      ],
      rows,
    )
  })
}

export const nodes: Command = {
  name: 'nodes',
  summary: 'the members of a fleet',
  operands: ['FLEET'],
  about: [
    'Tells of each node that has a member, or had one that died: its pid (as the member sees it) and label, whether it is',
    "alive by the kernel's word, how long ago its heart beat last, how late that beat was, and what it said of itself.",
    'Who left by close() has no line. A member without a FleetHeartbeat has no beat.',
  ],
  options: {},
  examples: [{ line: 'orbit nodes web', about: 'who is alive, and whose event loop is blocked?' }],
  run,
}
