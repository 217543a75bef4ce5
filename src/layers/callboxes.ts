import { OrbitError } from '../base/errors.js'
import { Boxes } from '../core/boxes.js'
import type { Fleet } from '../core/fleet.js'
import { Layer } from '../core/layer.js'
import { abi } from '../core/native.js'
import { reservedType } from '../core/type.js'
import { maxCallBytes } from './callwire.js'

/** How many processes of a fleet can call and serve. */
const processes = 64
/** How many calls each of them has open, and how many wait for it. */
export const callsPerBox = 128

/** Opens the boxes of all calls of a fleet. Throws what opening a ring throws. */
export function openCallBoxes(fleet: Fleet): Boxes {
  const type = reservedType({
    name: 'orbit.calls',
    kind: abi.callKind,
    capacity: processes * callsPerBox * 2,
    payloadBytes: abi.requestHeaderBytes + maxCallBytes,
  })
  const dealing = { boxes: processes, replies: callsPerBox }
  return new Layer<Boxes>(fleet, type, () => fleet.open(type, Boxes, dealing)).writable()
}

/** Foreign bytes in one box are no harm to the others. */
function canOwn(boxes: Boxes, box: number): boolean {
  try {
    return boxes.own(box)
  } catch (error) {
    if ((error as OrbitError).code === 'ERR_ORBIT_CORRUPT') return false
    throw error
  }
}

/** Becomes the owner of a box. Throws ERR_ORBIT_CALLS_FULL when there is none left. */
export function ownCallBox(fleet: Fleet, boxes: Boxes): number {
  for (let box = 0; box < boxes.boxes; box++) if (canOwn(boxes, box)) return box
  const text = `${processes} processes of fleet ${fleet.name} call or serve, which is the limit`
  throw new OrbitError('ERR_ORBIT_CALLS_FULL', text)
}
