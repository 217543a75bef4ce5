import type { AnyOrbitType } from './type.js'

/** What the frames of an open ring have in common. A frame that is kept does not keep its fleet handle. */
export interface FrameSource {
  readonly kind: number
  /** The name of the ring. */
  readonly name: string
  /** Of the type with which the ring was opened. */
  readonly pod: AnyOrbitType['pod']
}
