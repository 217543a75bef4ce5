// Notes when events pass the stages of their way, in the process that imports this. The clock is the same for all processes
// of a machine. It is for events that follow each other: each stage notes one time for each event.
import { Socket } from 'node:net'
import { EventCursor, OrbitEventBus } from 'orbit-node'

/** The times of each stage, in microseconds of the monotonic clock. */
export type Trace = Record<string, number[]>

/** Whether this run traces: it costs some microseconds for each event. */
export const isTraced = process.env['ORBIT_TRACE'] === '1'

const trace: Trace = {}

export const nowUs = (): number => Number(process.hrtime.bigint()) / 1000

/** Notes that an event has come to a stage. */
export function mark(stage: string): void {
  if (!isTraced) return
  const times = trace[stage] ?? []
  times.push(nowUs())
  trace[stage] = times
}

type Method = (this: object, ...rest: unknown[]) => unknown

function before(of: object, name: string, note: (args: unknown[]) => void): void {
  const methods = of as Record<string, Method>
  const method = methods[name] as Method
  methods[name] = function (...args) {
    note(args)
    return method.apply(this, args)
  }
}

const isPing = (bytes: unknown) => bytes instanceof Uint8Array && Buffer.from(bytes).includes('bench.out.ping')

/** Begins to note in a process that holds a bridge, and gives the times to the parent when it asks. */
export function traceBridge(): void {
  if (!isTraced) return
  before(EventCursor.prototype, 'listen', (args) => {
    const listener = args[0] as (poll: { events: { topic: string; origin?: unknown }[] }) => void
    args[0] = (poll: Parameters<typeof listener>[0]) => {
      if (poll.events.some(({ topic, origin }) => topic === 'bench.out.ping' && origin === undefined)) mark('polled')
      listener(poll)
    }
  })
  before(Socket.prototype, 'write', ([bytes]) => isPing(bytes) && mark('written'))
  before(Socket.prototype, 'emit', ([name, bytes]) => name === 'data' && isPing(bytes) && mark('read'))
  before(OrbitEventBus.prototype, 'publishForeign', ([, topic]) => topic === 'bench.out.ping' && mark('republished'))
}

/** Gives the times to the parent when it asks, and begins anew. */
export function tellTrace(): void {
  if (!isTraced) return
  process.on('message', () => {
    process.send?.({ ...trace })
    for (const stage of Object.keys(trace)) delete trace[stage]
  })
}
