import { OrbitError } from '../../base/errors.js'
import type { Fleet } from '../../core/fleet.js'
import type { Subject, Table } from '../../core/table.js'
import { type NodeState, nodeStateOf } from '../../inspect/nodestate.js'
import type { Holder } from '../../layers/claim.js'
import { Contest } from '../../layers/contest.js'
import type { Call, Command } from '../command.js'
import { isConfirmed, yesOption } from '../confirm.js'
import { layerObject } from '../kindoperand.js'
import { joinToWrite } from '../member.js'
import { printable } from '../text.js'

/** The state of the member that holds a claim. A member that has left since then is dead. */
function stateOf(fleet: Fleet, { node }: Holder): NodeState {
  const record = fleet.nodes().find((each) => each.node === node)
  return record === undefined ? 'dead' : nodeStateOf(fleet.name, record)
}

function holderOf(contest: Contest, subject: Subject): Holder {
  const holder = contest.holder(subject)
  if (holder !== undefined) return holder
  throw new OrbitError('ERR_ORBIT_NOT_FOUND', `no process holds subject ${JSON.stringify(subject.label)}`)
}

const consequences =
  'another process can claim it at once; when the holder runs again its guard is lost, but what it has begun goes on ' +
  'unless a fencing token is compared'

async function run(call: Call): Promise<number> {
  const { output } = call
  const name = call.text('name')
  const subject = { kind: call.integer('kind', 0, 255) ?? 0, label: call.operand(1) }
  const [member, kind] = joinToWrite(call.operand(0), 'release', (each) => layerObject(each, 'contest', name))
  using fleet = member
  const contest = new Contest(fleet, name === undefined ? {} : { name })
  const holder = holderOf(contest, subject)
  const state = stateOf(fleet, holder)
  const { owner, node, pid, token } = holder
  const who = `${owner} (node ${node}, pid ${pid}, ${state})`
  if (state === 'alive' && !call.flag('force')) {
    const advice = 'stop it or let it release the subject, or pass --force'
    throw new OrbitError(
      'ERR_ORBIT_IN_USE',
      `${JSON.stringify(subject.label)} is held by ${who}, which runs: ${advice}`,
    )
  }
  if (!(await isConfirmed(call, `release ${JSON.stringify(subject.label)}, held by ${who} (${consequences})`))) return 1
  const table = fleet.opened(kind) as Table
  const isReleased = table.release(subject, token)
  if (output.isJson) output.json({ fleet: fleet.name, subject, owner, node, pid, token, state, isReleased })
  else output.line(`${isReleased ? 'released' : 'already free:'} ${printable(subject.label)}, of ${printable(who)}`)
  return 0
}

export const release: Command = {
  name: 'release',
  summary: 'end the claim of a stopped process',
  operands: ['FLEET', 'SUBJECT'],
  about: [
    'Ends the claim on a subject when its holder is stopped, or stale: without a heartbeat for 3 seconds. A claim of a',
    'dead process has ended by itself. The command joins the fleet as a member, and leaves.',
    '',
    'Another process can claim the subject at once, and gets a higher fencing token. When the old holder runs again,',
    'its guard is lost (ERR_ORBIT_CLAIM_LOST), but work that it has begun goes on: only a resource that compares tokens',
    'refuses it. So kill the old holder first, if you can.',
  ],
  options: {
    kind: { type: 'string', value: 'N', about: 'the kind of the subject, 0..255; default: 0' },
    name: { type: 'string', value: 'NAME', about: 'the name of the contest; default: the one without a name' },
    force: { type: 'boolean', about: 'end the claim even if its holder runs' },
    yes: yesOption,
  },
  writes: ['release'],
  examples: [{ line: 'orbit release web nightly-report', about: 'its holder is stopped, and the report must run' }],
  run,
}
