import type { OpenCall } from './opencall.js'

/**
 * What became of an attempt to send a call. 'no place': no reply slot is free for calls of its depth. 'no room': no
 * server of its service takes it now.
 */
export type SendState = 'sent' | 'no place' | 'no room'

/** Calls of one service and one depth, oldest first. */
type Line = OpenCall[]

/** Calls that wait to be sent. Those of one service and depth keep their order, and deeper ones go first. */
export class CallQueue {
  /** By depth, then by service. */
  readonly #lines: Map<string, Line>[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Whether a call of the same service and depth waits. */
  hasLine({ request }: OpenCall): boolean {
    return this.#size > 0 && this.#lines[request.depth]?.has(request.service) === true
  }

  add(call: OpenCall): void {
    const { depth, service } = call.request
    while (this.#lines.length <= depth) this.#lines.push(new Map())
    const lines = this.#lines[depth] as Map<string, Line>
    const line = lines.get(service)
    this.#size++
    if (line === undefined) return void lines.set(service, [call])
    // It may have been sent before, to a server that died.
    const later = line.findIndex(({ serial }) => serial > call.serial)
    if (later < 0) line.push(call)
    else line.splice(later, 0, call)
  }

  remove(call: OpenCall): void {
    const lines = this.#lines[call.request.depth]
    const line = lines?.get(call.request.service)
    const at = line === undefined ? -1 : line.indexOf(call)
    if (lines === undefined || line === undefined || at < 0) return
    line.splice(at, 1)
    this.#size--
    if (line.length === 0) lines.delete(call.request.service)
  }

  all(): OpenCall[] {
    return this.#lines.flatMap((lines) => [...lines.values()].flat())
  }

  clear(): void {
    this.#lines.length = 0
    this.#size = 0
  }

  /** Sends what can be sent. */
  drain(send: (call: OpenCall) => SendState): void {
    for (let depth = this.#lines.length - 1; depth >= 0 && this.#size > 0; depth--) {
      const lines = this.#lines[depth] as Map<string, Line>
      const blocked = new Set<string>()
      for (let call = oldest(lines, blocked); call !== undefined; call = oldest(lines, blocked)) {
        const state = send(call)
        if (state === 'no place') break
        if (state === 'no room') blocked.add(call.request.service)
        else this.remove(call)
      }
    }
  }
}

/** The call that has waited longest, of the services that are not blocked. */
function oldest(lines: Map<string, Line>, blocked: ReadonlySet<string>): OpenCall | undefined {
  let found: OpenCall | undefined
  for (const [service, [first]] of lines) {
    if (first === undefined || blocked.has(service)) continue
    if (found === undefined || first.serial < found.serial) found = first
  }
  return found
}
