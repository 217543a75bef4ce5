import { checkName } from '../base/check.js'
import { type NetId64, netIdAt } from '../base/netid.js'
import type { Fleet } from './fleet.js'
import { type Handle, type HandleClass, objectText, readOnlyError } from './handle.js'
import { checkFleet, type FleetObserver } from './observer.js'
import { reservedType } from './type.js'

/** The object that one of orbit's own layers opens. */
export interface LayerSpec {
  readonly name: string
  /** Undefined: there is none without a name of the caller. */
  readonly kind: number | undefined
  /** The caller's name for its own object of this sort; undefined: the object that has `name` and `kind`. */
  readonly ownName?: string | undefined
  /** What the caller asked for; undefined: as in the object that exists, else the default. */
  readonly capacity?: number | undefined
  readonly payloadBytes?: number | undefined
  /** The caller's name for a number that is `payloadBytes * factor - overhead`; default: payloadBytes itself. */
  readonly payloadOption?: { readonly option: string; readonly factor?: number; readonly overhead: number }
  /** How many of the caller's capacity are one of the object's; default 1. */
  readonly capacityFactor?: number
  /** The geometry of a new object where the caller asked for none. */
  readonly defaults: { readonly capacity: number; readonly payloadBytes: number }
}

/** The fleet, if this handle of it is a member. */
const memberOf = (fleet: FleetObserver): Fleet | undefined => (fleet.isMember ? (fleet as Fleet) : undefined)

/** The fleet as one that may be written to. Throws TypeError for no fleet, ERR_ORBIT_READ_ONLY for an observer. */
export function writableFleet(fleet: FleetObserver, what: string): Fleet {
  checkFleet(fleet)
  const member = memberOf(fleet)
  if (member === undefined) throw readOnlyError(what)
  return member
}

/**
 * What a layer has of its fleet: one ring or table, opened at once where that is possible, and the node that writes.
 */
export class Layer<H extends Handle> {
  readonly fleet: FleetObserver
  /** The name of the ring or table. */
  readonly name: string
  /** Undefined for an observer until a member has given the name a KIND. */
  #kind: number | undefined
  /** -1: an observer. */
  readonly #node: number
  readonly #resolve: () => H | undefined
  #handle: H | undefined

  constructor(
    fleet: FleetObserver,
    { name, kind }: { name: string; kind: number | undefined },
    resolve: () => H | undefined,
  ) {
    checkFleet(fleet)
    this.fleet = fleet
    this.name = name
    this.#kind = kind
    this.#node = memberOf(fleet)?.node ?? -1
    this.#resolve = resolve
    this.open()
  }

  /** The ring or table; undefined for an observer while no member has created it. */
  open(): H | undefined {
    if (this.#handle !== undefined) return this.#handle
    this.#handle = this.#resolve()
    this.#kind = this.#handle?.kind ?? this.#kind
    return this.#handle
  }

  /** The ring or table, to write to it. Throws ERR_ORBIT_READ_ONLY for an observer. */
  writable(): H {
    const handle = this.open()
    if (handle === undefined || this.#node < 0) throw readOnlyError(this.what)
    return handle
  }

  /** The id of a frame that this member published at a position. */
  idAt(position: number): NetId64 {
    return netIdAt(this.#kind as number, this.#node, position)
  }

  /** How the layer is named in errors. */
  get what(): string {
    return objectText(this.name, this.#kind)
  }
}

/** The longest name that fits behind that of a layer. */
const maxLayerName = 48

/** A layer on one of the reserved KINDs, or on the one that the fleet gives to the caller's name. */
export function reservedLayer<H extends Handle>(fleet: FleetObserver, form: HandleClass<H>, spec: LayerSpec): Layer<H> {
  const { ownName } = spec
  if (ownName !== undefined) checkName('name', ownName, maxLayerName)
  const identity = ownName === undefined ? spec : { name: `${spec.name}:${ownName}`, kind: undefined }
  return new Layer(fleet, identity, () => openReserved(fleet, form, spec, identity))
}

function openReserved<H extends Handle>(
  fleet: FleetObserver,
  form: HandleClass<H>,
  spec: LayerSpec,
  { name, kind: ownKind }: { name: string; kind: number | undefined },
): H | undefined {
  const { defaults } = spec
  const { capacity = defaults.capacity, payloadBytes = defaults.payloadBytes } = spec
  const type = reservedType({ name, ...(ownKind !== undefined && { kind: ownKind }), capacity, payloadBytes })
  const kind = fleet.kindOf(type)
  if (kind === undefined) return undefined
  const wish = { hasCapacity: spec.capacity !== undefined, hasPayloadBytes: spec.payloadBytes !== undefined }
  // All handles of a layer share one: the fleet keeps a Handle for each type until it is closed.
  const known = fleet.opened(kind)
  const handle = known instanceof form ? known : fleet.open(type, form, { wish })
  if (handle !== undefined) warnIfOther(fleet, handle, spec)
  return handle
}

/** Objects that were warned about. */
const warned = new Set<string>()

/** Warns once per object when it has another geometry than the caller asked for, because other members use it. */
function warnIfOther(fleet: FleetObserver, handle: Handle, spec: LayerSpec): void {
  const { option, factor = 1, overhead } = spec.payloadOption ?? { option: 'payloadBytes', overhead: 0 }
  const { capacityFactor = 1 } = spec
  const shown = (payloadBytes: number): number => payloadBytes * factor - overhead
  const numbers: [string, number | undefined, number][] = [
    ['capacity', spec.capacity && spec.capacity * capacityFactor, handle.capacity * capacityFactor],
    [option, spec.payloadBytes && shown(spec.payloadBytes), shown(handle.payloadBytes)],
  ]
  const other = numbers.filter(([, asked, found]) => asked !== undefined && asked !== found)
  const object = `${fleet.id}/${handle.kind}`
  if (other.length === 0 || warned.has(object)) return
  warned.add(object)
  const differences = other.map(([what, asked, found]) => `${what}=${found}, and ${what}=${asked} was asked for`)
  process.emitWarning(
    `${objectText(handle.name, handle.kind)} of fleet ${fleet.name} has ${differences.join('; ')}. It is used as it is. A ` +
      'process that joins once every member has left gets what it asks for; in a persistent fleet, after Fleet.remove.',
    { type: 'OrbitWarning', code: 'ORBIT_GEOMETRY_DIFFERS' },
  )
}
