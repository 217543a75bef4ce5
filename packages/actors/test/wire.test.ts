import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  decodeEnding,
  decodeReply,
  decodeRequest,
  type Ending,
  encodeEnding,
  encodeReply,
  encodeRequest,
  type Request,
} from '../src/base/wire.js'

const request = (more: Partial<Request> = {}): Request => ({
  ...{ type: 'Cart', key: 'kéy/1', method: 'add', args: [], deadlineMs: 12, chain: ['A/1', 'B/2'], caller: '3.7' },
  ...{ sequence: 2 ** 40, epoch: 5, isTell: false, idempotencyKey: undefined },
  ...more,
})
const received = (each: Request) => ({
  ...each,
  id: `${each.type}/${each.key}`,
  node: Number.parseInt(each.caller, 10),
})
const plain = [undefined, null, true, false, 0, -0, 1.5, Number.NaN, '', 'text', 'é☃😀', 'x'.repeat(100)]

const withHole = (list: string[]) => {
  delete list[1]
  return list
}

const withField = (fields: readonly unknown[], at: number, value: unknown) =>
  fields.map((field, i) => (i === at ? value : field))

describe('a request', () => {
  it('crosses with its names, numbers, chain and flags', () => {
    for (const args of [[], [1, 'two', null], [{ a: [1] }], [1n], [-0]]) {
      for (const more of [{}, { isTell: true, idempotencyKey: 'k 1', chain: [] }, { deadlineMs: Infinity }]) {
        const each = request({ args, key: `"\n${args.length}\ud800`.toWellFormed(), ...more })
        expect(decodeRequest(encodeRequest(each))).toEqual(received(each))
      }
    }
    expect(decodeRequest(encodeRequest(request({ deadlineMs: 12.5 })))?.deadlineMs).toBe(13)
  })

  it.each([
    ['plain arguments', plain],
    ['arguments that need structured clone', [{ a: [1n] }, new Map([['x', new Date(0)]]), ...plain]],
    ['a text with an unpaired surrogate', ['\ud800']],
    ['300 arguments', Array.from({ length: 300 }, (_, i) => i)],
    ['arguments of 3 MB', ['y'.repeat(3_000_000), 'z']],
    ['one empty list', [[]]],
    ['small plain objects', [{ a: [1, 'x', { b: null }], __proto: true }, [[], {}]]],
    ['objects with a toJSON or without a value', [{ toJSON: 1 }, { a: undefined }, [undefined]]],
    ['a list with a hole and a property', [withHole(Object.assign([...'abc'], { x: 1 }))]],
    ['a toJSON that is not listed', [Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'other' })]],
    ['a property of the name __proto__', [JSON.parse('{"__proto__":{"a":1}}')]],
    ['nine texts', [...'123456789']],
  ])('crosses with %s', (_, args) => {
    expect(decodeRequest(encodeRequest(request({ args })))?.args).toEqual(args)
    expect(decodeReply(encodeReply({ how: 'returned', value: args }))).toEqual({ how: 'returned', value: args })
  })

  it('crosses with a large list without listing its keys', () => {
    const keysOf = vi.spyOn(Object, 'keys')
    onTestFinished(() => keysOf.mockRestore())
    const args = [Array.from({ length: 1000 }, (_, i) => i)]
    expect(decodeRequest(encodeRequest(request({ args })))?.args).toEqual(args)
    expect(keysOf.mock.calls.filter(([value]) => value === args[0])).toEqual([])
  })

  it('keeps what two arguments share', () => {
    const shared = { list: [1] }
    const [a, b] = decodeRequest(encodeRequest(request({ args: [shared, shared] })))?.args ?? []
    expect(a).toBe(b)
  })

  it('has its own names after others of the same caller', () => {
    const chain = ['A/a', 'B/b']
    const others = [{ key: 'b' }, { method: 'm' }, { type: 'T' }, { caller: 'c' }, { epoch: 6 }, { deadlineMs: 7 }]
    for (const more of [...others, { isTell: true }, { chain }, { idempotencyKey: 'once' }, { key: 'line\nend' }]) {
      const args = [1, 'two']
      for (const each of [request({ args }), request({ args, ...more }), request({ args, sequence: 3, ...more })]) {
        expect(decodeRequest(encodeRequest(each))).toEqual(received(each))
      }
    }
  })

  it('is read after requests of more callers than are remembered', () => {
    for (let i = 0; i < 1100; i++) {
      const each = request({ caller: `c${i}` })
      expect(decodeRequest(encodeRequest(each))).toEqual(received(each))
    }
  })

  it('is whole although the code of an argument sends another one', () => {
    const args = [
      {
        get nested() {
          return encodeRequest(request({ key: 'other' })).length
        },
      },
    ]
    expect(decodeRequest(encodeRequest(request({ args })))?.key).toBe('kéy/1')
  })

  it('is refused with an argument that cannot cross, and the next one crosses', () => {
    expect(() => encodeRequest(request({ args: [() => {}] }))).toThrow('could not be cloned')
    expect(decodeRequest(encodeRequest(request()))).toEqual(received(request()))
  })
})

describe('an ending', () => {
  const failure = { name: 'E', message: 'm', stack: 's', cause: undefined, fields: {} }
  const endings: Ending[] = [
    ...[...plain, { x: [1] }].map((value) => ({ how: 'returned', value }) as const),
    { how: 'threw', failure },
    { how: 'refused', refusal: { code: 'ERR_ORBIT_ACTOR_BUSY', message: 'busy', outcome: 'not-run' } },
    { how: 'moved' },
  ]

  it('crosses', () => {
    for (const ending of endings) {
      expect(decodeEnding(encodeEnding(ending))).toEqual(ending)
      expect(decodeReply(encodeReply(ending))).toEqual(ending)
    }
    const list = [1]
    const shared = [list, list]
    for (const value of ['=', '[1]', '{', 7n, [7n], { list: ['='] }, shared, new Date(3), new Map([[1, 2]])]) {
      expect(decodeReply(encodeReply({ how: 'returned', value }))).toEqual({ how: 'returned', value })
    }
    const [a, b] = (decodeReply(encodeReply({ how: 'returned', value: shared })) as { value: unknown[] }).value
    expect(a).toBe(b)
  })

  it('takes no bytes of its own for a small plain result', () => {
    const values = [undefined, null, 1.5, true, 'text', { total: 3 }, [1, 2]]
    const replies = values.map((value) => encodeReply({ how: 'returned', value }))
    expect(replies).toEqual([undefined, null, 1.5, true, '=text', '{"total":3}', '[1,2]'])
  })
})

describe('bytes of another process', () => {
  it('are no message when they are cut, longer, of another version or of no known kind', () => {
    const messages = [[1n, 'x'], [new Map([['a', 1]])]].map((args) => {
      return Buffer.from(encodeRequest(request({ args })) as Uint8Array)
    })
    for (const bytes of messages) {
      for (let length = 0; length < bytes.length; length++) {
        expect(decodeRequest(bytes.subarray(0, length))).toBeUndefined()
      }
      expect(decodeRequest(Buffer.concat([bytes, Uint8Array.of(0)]))).toBeUndefined()
      for (let at = 0; at < bytes.length; at++) {
        const changed = Uint8Array.from(bytes)
        changed[at] = (changed[at] as number) ^ 0xff
        const read = decodeRequest(changed)
        if (read !== undefined) expect(Array.isArray(read.args)).toBe(true)
      }
    }
    for (const bytes of [
      undefined,
      'text',
      Uint8Array.of(),
      Uint8Array.of(3, 0, 9),
      Uint8Array.of(2, 3),
      encodeEnding({ how: 'moved' }).subarray(0, 1),
    ]) {
      expect(decodeEnding(bytes)).toBeUndefined()
      expect(decodeRequest(bytes)).toBeUndefined()
    }
    expect(decodeEnding(Uint8Array.of(3, 7, 0))).toBeUndefined()
    for (const answer of [{}, [], new Date(), '', '{', 'x', '[1]]']) expect(decodeReply(answer)).toBeUndefined()
  })

  it('are no request as a text that is cut, longer, of another version or with other fields', () => {
    const text = encodeRequest(request({ args: [1, 'x'] })) as string
    for (let length = 0; length < text.length; length++) expect(decodeRequest(text.slice(0, length))).toBeUndefined()
    const [names, rest] = text.split('\n').map((line) => JSON.parse(line)) as [unknown[], unknown[]]
    const read = (head: unknown, tail: unknown) => decodeRequest(`${JSON.stringify(head)}\n${JSON.stringify(tail)}`)
    expect(read(names, rest)).toEqual(decodeRequest(text))
    for (const [i, field] of names.entries()) {
      const isFlag = i === 6
      for (const other of [{}, true, typeof field === 'number' ? 'x' : 7]) {
        expect(read(withField(names, i, other), rest)?.isTell).toBe(isFlag ? false : undefined)
      }
    }
    for (const [i, field] of rest.entries()) {
      for (const other of [{}, true, typeof field === 'number' ? 'x' : 7]) {
        expect(read(names, withField(rest, i, other))).toBeUndefined()
      }
    }
    for (const each of [[], [...names, 1], withField(names, 0, 5), withField(names, 7, [7]), 'x', 7, null]) {
      expect(read(each, rest)).toBeUndefined()
    }
    for (const each of [[], [...rest, 1], 'x', 7, null]) expect(read(names, each)).toBeUndefined()
    expect(decodeRequest(JSON.stringify(names))).toBeUndefined()
  })
})
