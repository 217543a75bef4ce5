import type { Pod } from '../pod/pod.js'
import { abi } from './native.js'
import { scratch } from './scratch.js'

// The draft is the end of the scratch, where no call of the addon writes. A value that is encoded there is published
// without a Uint8Array as an argument.

/** The pod of the last value; its padding was cleared. */
let drafted: unknown
let isEncoding = false

/**
 * Encodes a value of a pod into the draft.
 *
 * @returns where it is in the scratch, until the next value; -1: it does not fit there, or a getter of another value
 *   that is being encoded asks for it
 */
export function encodeDraft<T>(pod: Pod<T>, value: T): number {
  if (isEncoding) return -1
  const { view, bytes } = scratch
  const at = bytes.length
  if (pod !== drafted) {
    if (pod.byteLength > abi.draftBytes) return -1
    new Uint8Array(view.buffer, at, abi.draftBytes).fill(0)
    drafted = pod
  }
  isEncoding = true
  try {
    pod.write(view, at, value)
  } finally {
    isEncoding = false
  }
  // A getter of the value can open a ring of larger frames, for which the scratch is replaced.
  return view === scratch.view ? at : -1
}
