import type { Holder } from '../layers/claim.js'
import type { Column } from './table.js'
import { durationText } from './text.js'

const leftText = (ms: number): string => (ms === Number.POSITIVE_INFINITY ? 'for life' : durationText(ms))

const heldForText = ({ claimedAtMs }: Holder): string => durationText(Math.max(0, Date.now() - claimedAtMs))

/** How a list of claims is shown. */
export const claimColumns: Column<Holder>[] = [
  { title: 'SUBJECT', text: ({ subject }) => subject.label, isFlexible: true },
  { title: 'KIND', text: ({ subject }) => String(subject.kind), align: 'right', rank: 4 },
  { title: 'OWNER', text: ({ owner }) => owner, isFlexible: true },
  { title: 'NODE', text: ({ node }) => String(node), align: 'right', rank: 2 },
  { title: 'PID', text: ({ pid }) => String(pid), align: 'right', rank: 3 },
  { title: 'TOKEN', text: ({ token }) => String(token), align: 'right', rank: 5 },
  { title: 'HELD FOR', text: heldForText, align: 'right', rank: 1 },
  { title: 'LEFT', text: ({ expiresInMs }) => leftText(expiresInMs), align: 'right' },
]
