import { Fleet } from '../../core/fleet.js'
import type { NodeRecord } from '../../core/node.js'
import { type NodeState, nodeStateOf } from '../../inspect/nodestate.js'
import type { Call, Command } from '../command.js'
import { type Column, numbers, printTable } from '../table.js'
import { durationText } from '../text.js'

type Row = NodeRecord & { readonly state: NodeState }

const styles = { alive: 'green', stale: 'yellow', stopped: 'yellow', dead: 'red' } as const

const joinedText = ({ joinedAtMs }: Row): string => `${durationText(Math.max(0, Date.now() - joinedAtMs))} ago`
const beatText = ({ heartbeat }: Row): string => (heartbeat ? `${durationText(heartbeat.ageMs)} ago` : '-')
const delayText = ({ heartbeat }: Row): string => (heartbeat ? durationText(heartbeat.loopDelayMs) : '-')

const columns: Column<Row>[] = [
  numbers('NODE', ({ node }) => node),
  numbers('PID', ({ pid }) => pid),
  { title: 'LABEL', text: ({ label }) => label, isFlexible: true },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => styles[state] },
  { title: 'JOINED', text: joinedText, align: 'right' },
  { title: 'BEAT', text: beatText, align: 'right' },
  { title: 'LOOP DELAY', text: delayText, align: 'right' },
  { title: 'STATUS', text: ({ heartbeat }) => heartbeat?.status ?? '', isFlexible: true },
]

const nodeJson = ({ heartbeat, ...node }: Row) => ({ ...node, heartbeat: heartbeat ?? null })

function run(call: Call): void {
  const { output } = call
  using fleet = Fleet.observe(call.operand(0))
  const rows = fleet.nodes().map((node): Row => ({ ...node, state: nodeStateOf(fleet.name, node) }))
  if (output.isJson) output.json({ fleet: fleet.name, size: fleet.size, nodes: rows.map(nodeJson) })
  else if (rows.length > 0) printTable(output, columns, rows)
  else output.none(`fleet ${fleet.name} has no nodes: all members have left`)
}

export const nodes: Command = {
  name: 'nodes',
  summary: 'list the members of a fleet',
  operands: ['FLEET'],
  about: [
    'Lists each node that has a member, or a member that died: its pid (in the pid namespace of the member), label',
    'and state, the age of its last heartbeat, how long its event loop delayed that heartbeat, and the status text',
    'that it sent. A member that left by close() is not listed. A member without a FleetHeartbeat has no BEAT.',
    '',
    'STATE is dead when the kernel has released the lock of the node. A living member is stopped when its process is',
    '(by SIGSTOP or a debugger), stale when it has sent no heartbeat for 3 seconds, and otherwise alive.',
  ],
  options: {},
  examples: [{ line: 'orbit nodes web', about: 'which members are alive, and which event loop is blocked?' }],
  run,
}
