import { contestKind } from '../../inspect/report.js'
import { Contest } from '../../layers/contest.js'
import type { Call, Command } from '../command.js'
import { noRing } from '../kinds.js'
import { within } from '../objects.js'
import { printTable } from '../table.js'
import { durationText } from '../text.js'

async function run(call: Call): Promise<void> {
  const { output } = call
  await within(call.operand(0), (fleet) => {
    if (fleet.existing(contestKind) === undefined) throw noRing(fleet, contestKind)
    const holders = new Contest(fleet).holders().sort((a, b) => a.token - b.token)
    if (output.isJson) return output.json({ fleet: fleet.name, claims: holders })
    if (holders.length === 0) return output.note(`nobody holds a claim in fleet ${fleet.name}`)
    printTable(
      output,
      [
        { title: 'SUBJECT', text: ({ subject }) => subject.label, isFlexible: true },
        { title: 'KIND', text: ({ subject }) => String(subject.kind), align: 'right' },
        { title: 'OWNER', text: ({ owner }) => owner, isFlexible: true },
        { title: 'NODE', text: ({ node }) => String(node), align: 'right' },
        { title: 'PID', text: ({ pid }) => String(pid), align: 'right' },
        { title: 'TOKEN', text: ({ token }) => String(token), align: 'right' },
        {
          title: 'HELD FOR',
          text: ({ claimedAtMs }) => durationText(Math.max(0, Date.now() - claimedAtMs)),
          align: 'right',
        },
        { title: 'LEFT', text: ({ expiresInMs }) => durationText(expiresInMs), align: 'right' },
      ],
      holders,
    )
  })
}

export const claims: Command = {
  name: 'claims',
  summary: 'who holds what in the contest of a fleet',
  operands: ['FLEET'],
  about: [
    'Tells of each living claim its subject, owner, node and pid, fencing token, how long it has been held and how long it',
    'has left unless renewed. Claims of dead members are over, and are not shown. The oldest token comes first.',
  ],
  options: {},
  examples: [{ line: 'orbit claims web', about: 'who was elected?' }],
  run,
}
