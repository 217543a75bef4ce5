import { Client, type Fleet } from 'orbit-node'
import { type HostService, names } from '../host/service.js'

/** So many are kept: hosts that have ended leave theirs behind. */
const most = 256

/** The clients of a process, by the host that they call. */
export class Clients {
  readonly #fleet: Fleet
  readonly #system: string
  readonly #clients = new Map<string, Client<HostService>>()

  constructor(fleet: Fleet, system: string) {
    this.#fleet = fleet
    this.#system = system
  }

  /** The client that calls a host. */
  of(host: string): Client<HostService> {
    const known = this.#clients.get(host)
    if (known !== undefined) return known
    if (this.#clients.size >= most) this.#clients.clear()
    const made = new Client<HostService>(this.#fleet, names.service(this.#system, host))
    this.#clients.set(host, made)
    return made
  }
}
