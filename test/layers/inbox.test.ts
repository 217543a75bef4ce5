import { describe, expect, it } from 'vitest'
import { type Fleet, Inbox, type InboxType, inboxType, OrbitError, Outbox } from '../../src/index.js'
import { fleetName, joinLocal, joinShm, keep, memories, observe } from '../help/fleets.js'
import { start } from '../help/processes.js'
import { expectRangeError, expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

const spec = { name: 'jobs', kind: 40, capacity: 4, payloadBytes: 32 }
const Jobs = inboxType(spec)
const bytes = (text: string) => Buffer.from(text)
const textOf = ({ payload }: { payload: Uint8Array }) => Buffer.from(payload).toString()

function own(fleet: Fleet, type: InboxType = Jobs, instance = 0): Inbox {
  const result = Inbox.tryOwn(fleet, type, { instance })
  if (!('inbox' in result)) throw new Error(`owned by node ${result.ownedBy.node}`)
  return keep(result.inbox)
}

describe.each(memories)('an inbox in $memory', ({ join }) => {
  it('gives each message once, in order, with what it carries', () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)]
    const inbox = own(one)
    const outbox = new Outbox(other, Jobs)
    expect(outbox.trySend(bytes('a'), { frameKind: 7, version: 9 })).toEqual({ accepted: true, position: 0 })
    expect(outbox.trySend(bytes('b'))).toEqual({ accepted: true, position: 1 })
    const [first, second] = inbox.poll()
    expect({ ...first, payload: undefined }).toEqual({
      node: other.node,
      position: 0,
      frameKind: 7,
      version: 9,
      payload: undefined,
    })
    expect([first, second].map((message) => textOf(message as never))).toEqual(['a', 'b'])
    expect(inbox.poll()).toEqual([])
  })

  it('is not remade for another capacity while it has messages that no owner has committed', () => {
    const name = fleetName()
    const joinBriefly = () => join(name, { lifetime: 'fleet' })
    const [sender, last] = [joinBriefly(), joinBriefly()]
    const outbox = new Outbox(sender, Jobs)
    for (const text of ['a', 'b']) expect(outbox.trySend(bytes(text)).accepted).toBe(true)
    sender.close()
    const Larger = inboxType({ ...spec, capacity: 8 })
    expectRefusal(() => own(last, Larger), OrbitError, 'ERR_ORBIT_TYPE_MISMATCH', '2 messages that no owner')
    const inbox = own(last)
    expect(inbox.poll().map(textOf)).toEqual(['a', 'b'])
    inbox.commit(2)
    const next = joinBriefly()
    last.close()
    expect(own(next, Larger).poll()).toEqual([])
  })

  it('refuses a message when it is full, until its owner commits', () => {
    const fleet = join(fleetName())
    const outbox = new Outbox(fleet, Jobs)
    for (let i = 0; i < 4; i++) expect(outbox.trySend(bytes(`${i}`)).accepted).toBe(true)
    expect(outbox.trySend(bytes('too many'))).toEqual({ accepted: false, reason: 'full' })
    const inbox = own(fleet)
    expect([outbox.depth, inbox.depth]).toEqual([4, 4])
    const messages = inbox.poll({ max: 2 })
    expect(outbox.trySend(bytes('still too many')).accepted).toBe(false)
    inbox.commit((messages[0]?.position as number) + 1)
    expect(outbox.trySend(bytes('one more'))).toEqual({ accepted: true, position: 4 })
    expect(outbox.trySend(bytes('too many again')).accepted).toBe(false)
    expect(inbox.poll().map(textOf)).toEqual(['2', '3', 'one more'])
  })

  it('gives what was not committed to the next owner', () => {
    const fleet = join(fleetName())
    const outbox = new Outbox(fleet, Jobs)
    for (const text of ['a', 'b', 'c']) outbox.trySend(bytes(text))
    const first = own(fleet)
    expect(first.poll().length).toBe(3)
    first.commit(1)
    first.close()
    expect(own(fleet).poll().map(textOf)).toEqual(['b', 'c'])
  })

  it('has one owner at a time, and says which', () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)]
    const inbox = own(one)
    for (const fleet of [one, other]) {
      expect(Inbox.tryOwn(fleet, Jobs)).toEqual({ ownedBy: { node: one.node, pid: process.pid, isAlive: true } })
    }
    expect(new Outbox(other, Jobs).owner).toEqual({ node: one.node, pid: process.pid, isAlive: true })
    inbox.close()
    expect(new Outbox(other, Jobs).owner).toBeUndefined()
    own(other)
  })

  it('sends records that lie back to back, as many as there is room for', () => {
    const fleet = join(fleetName())
    const outbox = new Outbox(fleet, Jobs)
    const records = bytes('aabbccddeeff')
    expect(outbox.sendPacked(records, 2)).toBe(4)
    const inbox = own(fleet)
    expect(inbox.poll().map(textOf)).toEqual(['aa', 'bb', 'cc', 'dd'])
    inbox.commit()
    expect(outbox.sendPacked(records.subarray(8), 2)).toBe(2)
    expect(inbox.poll().map(textOf)).toEqual(['ee', 'ff'])
  })

  it('keeps its instances apart', () => {
    const fleet = join(fleetName())
    const type = inboxType({ ...spec, instances: 4 })
    const outboxes = [0, 1, 2, 3].map((instance) => new Outbox(fleet, type, { instance }))
    const inboxes = [0, 1, 2, 3].map((instance) => own(fleet, type, instance))
    outboxes.forEach((outbox, i) => {
      for (let n = 0; n <= i; n++) outbox.trySend(bytes(`${i}.${n}`))
    })
    expect(inboxes.map((inbox) => inbox.poll().map(textOf))).toEqual([
      ['0.0'],
      ['1.0', '1.1'],
      ['2.0', '2.1', '2.2'],
      ['3.0', '3.1', '3.2', '3.3'],
    ])
  })

  it('wakes an owner that waits, and a sender that waits for room', async () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)]
    const inbox = own(one)
    const outbox = new Outbox(other, Jobs)
    const woken = inbox.wait()
    outbox.trySend(bytes('a'))
    expect(await woken).toBe(true)
    for (let i = 0; i < 3; i++) outbox.trySend(bytes('b'))
    const sent = outbox.send(bytes('late'))
    inbox.poll()
    inbox.commit()
    expect(await sent).toBe(4)
  })

  it('commits a message when the loop asks for the next', async () => {
    const fleet = join(fleetName())
    const outbox = new Outbox(fleet, Jobs)
    for (const text of ['a', 'b', 'c']) outbox.trySend(bytes(text))
    const first = own(fleet)
    for await (const message of first) if (textOf(message) === 'b') break
    first.close()
    expect(own(fleet).poll().map(textOf)).toEqual(['b', 'c'])
  })

  it('ends the waits of an owner when it is closed', async () => {
    const inbox = own(join(fleetName()))
    const waiting = inbox.wait()
    inbox.close()
    expect(await waiting).toBe(false)
    expect(inbox.closed).toBe(true)
    for (const call of [() => inbox.poll(), () => inbox.commit(), () => inbox.depth, () => inbox.iterate()]) {
      expectRefusal(call, OrbitError, 'ERR_ORBIT_CLOSED', 'the inbox was closed; own it again')
    }
    await expect(inbox.wait()).rejects.toMatchObject({ code: 'ERR_ORBIT_CLOSED' })
    inbox.close()
  })

  it('waits for the owner to leave', async () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)]
    const inbox = own(one)
    const next = Inbox.own(other, Jobs)
    inbox.close()
    keep(await next)
  })

  it('ends a wait after its time, or with its signal', async () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)]
    const inbox = own(one)
    const outbox = new Outbox(other, Jobs)
    for (let i = 0; i < 4; i++) outbox.trySend(bytes('x'))
    inbox.poll()
    expect(await inbox.wait({ timeoutMs: 1 })).toBe(false)
    await expect(outbox.send(bytes('y'), { timeoutMs: 1 })).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    await expect(Inbox.own(other, Jobs, { timeoutMs: 1 })).rejects.toMatchObject({ code: 'ERR_ORBIT_TIMEOUT' })
    const signal = AbortSignal.abort(new Error('enough'))
    for (const wait of [
      () => inbox.wait({ signal }),
      () => outbox.send(bytes('y'), { signal }),
      () => Inbox.own(other, Jobs, { signal }),
    ]) {
      await expect(wait()).rejects.toThrow('enough')
    }
  })

  it('refuses to send without an owner where the caller asks for one', async () => {
    const name = fleetName()
    const [one, other] = [join(name), join(name)]
    const outbox = new Outbox(one, Jobs)
    expect(outbox.trySend(bytes('a'), { needsOwner: true })).toEqual({ accepted: false, reason: 'no-owner' })
    const sent = outbox.send(bytes('b'), { needsOwner: true })
    const inbox = own(other)
    expect(await sent).toBe(0)
    expect(inbox.poll().map(textOf)).toEqual(['b'])
  })

  it('refuses payloads that are too large, and takes empty ones', () => {
    const fleet = join(fleetName())
    const outbox = new Outbox(fleet, Jobs)
    expectRefusal(
      () => outbox.trySend(new Uint8Array(33)),
      RangeError,
      'ERR_ORBIT_PAYLOAD_SIZE',
      'at most payloadBytes=32',
    )
    outbox.trySend(new Uint8Array(0))
    outbox.trySend(new Uint8Array(32).fill(7))
    expect(
      own(fleet)
        .poll()
        .map(({ payload }) => payload.length),
    ).toEqual([0, 32])
  })
})

describe('an inbox', () => {
  it('refuses wrong arguments', async () => {
    const fleet = joinLocal(fleetName())
    expectRangeError(() => inboxType({ ...spec, capacity: 3 }), 'capacity=3 must be a power')
    expectRangeError(() => inboxType({ ...spec, instances: 3 }), 'instances=3 must be a power')
    expectRangeError(() => inboxType({ ...spec, kind: 200 }), 'kind=200')
    const tooMany = () => inboxType({ ...spec, instances: 4096, capacity: 256 })
    expectRangeError(tooMany, 'capacity=256 must be at most 128 with instances=4096')
    expectTypeError(() => inboxType(untyped({ ...spec, size: 1 })), 'spec.size is unknown')
    expectTypeError(() => new Outbox(fleet, untyped({ ...Jobs })), 'made by inboxType()')
    expectRangeError(() => new Outbox(fleet, Jobs, { instance: 1 }), 'instance=1')
    const outbox = new Outbox(fleet, Jobs)
    expectTypeError(() => outbox.trySend(untyped('text')), 'payload="text"')
    expectRangeError(() => outbox.sendPacked(bytes('abc'), 2), 'a multiple of 2')
    const inbox = own(fleet)
    expectRangeError(() => inbox.commit(1), 'upTo=1')
    expectRangeError(() => inbox.poll({ max: 0 }), 'max=0')
  })

  it('can be neither owned nor filled by an observer', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    new Outbox(fleet, Jobs).trySend(bytes('a'))
    const observer = observe(name)
    const outbox = new Outbox(untyped(observer), Jobs)
    expectRefusal(() => outbox.trySend(bytes('b')), OrbitError, 'ERR_ORBIT_READ_ONLY', 'an observer cannot write')
    expectRefusal(() => Inbox.tryOwn(untyped(observer), Jobs), OrbitError, 'ERR_ORBIT_READ_ONLY', 'cannot write')
  })

  it('is refused under the KIND of a ring, and with another geometry', () => {
    const name = fleetName()
    const [one, other] = [joinShm(name), joinShm(name)]
    new Outbox(one, Jobs)
    const larger = inboxType({ ...spec, capacity: 8 })
    const ask = (type: InboxType) => () => new Outbox(other, type)
    expectRefusal(
      ask(larger),
      OrbitError,
      'ERR_ORBIT_TYPE_MISMATCH',
      'capacity=8 was asked for, the existing inbox has 4',
    )
    const two = inboxType({ ...spec, instances: 2 })
    expectRefusal(
      ask(two),
      OrbitError,
      'ERR_ORBIT_TYPE_MISMATCH',
      'instances=2 was asked for, the existing inbox has 1',
    )
  })

  it('ends with its fleet handle', async () => {
    const fleet = joinLocal(fleetName())
    const inbox = own(fleet)
    const waiting = inbox.wait()
    fleet.close()
    expect(await waiting).toBe(false)
    expect(inbox.closed).toBe(true)
    expectRefusal(() => inbox.poll(), OrbitError, 'ERR_ORBIT_CLOSED', 'the fleet handle was closed')
  })
})

describe('an inbox of several processes', () => {
  it('gives what a killed owner did not commit to the next, which learns of the death', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const outbox = new Outbox(fleet, Jobs)
    const owner = start('actor.mjs', ['inbox', 'take', name, spec, 3])
    expect(await owner.next()).toEqual(['owned'])
    for (const text of ['a', 'b', 'c']) outbox.trySend(bytes(text))
    expect(await owner.next()).toEqual(['took', ['a', 'b', 'c']])
    const next = Inbox.own(fleet, Jobs)
    await owner.kill()
    const inbox = keep(await next)
    expect(inbox.poll().map(textOf)).toEqual(['a', 'b', 'c'])
  })

  it('loses no message of several senders that fill it all the time', async () => {
    const name = fleetName()
    const fleet = joinShm(name)
    const inbox = own(fleet)
    const senders = ['x', 'y', 'z'].map((label) => start('actor.mjs', ['inbox', 'send', name, spec, label, 500]))
    const counts = new Map<string, number>()
    let left = 1500
    for await (const message of inbox) {
      const [label, number] = textOf(message).split(' ') as [string, string]
      expect(Number(number)).toBe(counts.get(label) ?? 0)
      counts.set(label, Number(number) + 1)
      if (--left === 0) break
    }
    for (const sender of senders) expect(await sender.next()).toEqual(['sent'])
    expect(Object.fromEntries(counts)).toEqual({ x: 500, y: 500, z: 500 })
  })
})
