// Server-sent events: samples of all fleets, and the items of one ring.
import { follow } from './command.mjs'

/** How often the fleets are sampled. */
const sampleMs = 500
/** Items of a ring are sent in batches, and of more than these in a batch only the newest. */
const batchMs = 100
const batchItems = 100

/** Begins an answer that is a stream of events. Returns a function that sends one. */
function open(response, headers) {
  response.writeHead(200, { ...headers, 'content-type': 'text/event-stream; charset=utf-8' })
  response.write(': open\n\n')
  return (event, value) => {
    // A browser that does not read gets no more: the next sample makes this one useless.
    if (!response.writableNeedDrain) response.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`)
  }
}

/** The samples of `orbit top`, which runs once for all pages, and only while one is open. */
export class Samples {
  #fleet
  #clients = new Set()
  #stop

  constructor(fleet) {
    this.#fleet = fleet
  }

  add(response, headers) {
    const send = open(response, headers)
    this.#clients.add(send)
    response.once('close', () => {
      this.#clients.delete(send)
      if (this.#clients.size === 0) this.close()
    })
    this.#stop ??= this.#start()
  }

  #start() {
    const args = ['top', ...(this.#fleet === undefined ? [] : [this.#fleet]), '--interval-ms', String(sampleMs)]
    const send = (event, value) => {
      for (const client of this.#clients) client(event, value)
    }
    return follow(
      args,
      (sample) => send('sample', sample),
      (error) => {
        this.#stop = undefined
        send('problem', error ?? { message: 'orbit top has ended' })
      },
    )
  }

  close() {
    this.#stop?.()
    this.#stop = undefined
  }
}

/** Sends the items of a ring as they come: the last hundred first. */
export function streamTail(response, headers, { fleet, kind, pattern }) {
  const send = open(response, headers)
  let [items, skipped] = [[], 0]
  const topic = pattern === '' ? [] : [`--topic=${pattern}`]
  const stop = follow(
    ['tail', fleet, kind, `--from=-${batchItems}`, ...topic],
    (item) => {
      items.push(item)
      if (items.length > batchItems) {
        items = items.slice(-batchItems / 2)
        skipped += batchItems / 2 + 1
      }
    },
    (error) => send('problem', error ?? { message: 'orbit tail has ended' }),
  )
  const timer = setInterval(() => {
    if (items.length === 0) return
    send('items', { items, skipped })
    items = []
    skipped = 0
  }, batchMs)
  response.once('close', () => {
    clearInterval(timer)
    stop()
  })
}
