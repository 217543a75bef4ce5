// A peer of a cell, in a process or a thread: `peer.js <PeerSpec as JSON>`. Started by host.ts. Drivers load their
// packages when the peer is opened, so that a peer that is not open shows what a process costs without them.

import { answerOrders, line } from './line.js'
import { findDriver, findTrial, type PeerSpec, placeOf } from './spec.js'
import type { PeerPart } from './trials/trial.js'

const spec = JSON.parse(process.argv[2] as string) as PeerSpec
let part: PeerPart | undefined

answerOrders(
  async (what) => {
    if (what === 'open') {
      const { role, index, case: ofCase } = spec
      const trial = findTrial(spec.trial)
      part = await trial.peer?.({
        driver: findDriver(spec.driver),
        role,
        place: placeOf(spec, index),
        case: ofCase,
        line,
      })
    } else if (what === 'close') await part?.close()
    else if (what === 'collect') globalThis.gc?.()
    else return part?.answer(what)
  },
  () => process.exit(),
)
