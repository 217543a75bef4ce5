import { describe, expect, it } from 'vitest'
import {
  decodeEnding,
  decodeRequest,
  type Ending,
  encodeEnding,
  encodeRequest,
  type Request,
} from '../src/base/wire.js'

const request = (more: Partial<Request> = {}): Request => ({
  ...{ type: 'Cart', key: 'kéy/1', method: 'add', args: [], deadlineMs: 12.5, chain: ['A/1', 'B/2'], caller: '3.7' },
  ...{ sequence: 2 ** 40, epoch: 5, isTell: false, idempotencyKey: undefined },
  ...more,
})
const plain = [undefined, null, true, false, 0, -0, 1.5, Number.NaN, '', 'text', 'é☃😀', 'x'.repeat(100)]

describe('a request', () => {
  it('crosses with its names, numbers, chain and flags', () => {
    for (const each of [request(), request({ isTell: true, idempotencyKey: 'k 1', chain: [] })]) {
      expect(decodeRequest(encodeRequest(each))).toEqual(each)
    }
  })

  it.each([
    ['plain arguments', plain],
    ['arguments that need structured clone', [{ a: [1n] }, new Map([['x', new Date(0)]]), ...plain]],
    ['a text with an unpaired surrogate', ['\ud800']],
    ['300 arguments', Array.from({ length: 300 }, (_, i) => i)],
    ['arguments of 3 MB', ['y'.repeat(3_000_000), 'z']],
    ['one empty list', [[]]],
  ])('crosses with %s', (_, args) => {
    expect(decodeRequest(encodeRequest(request({ args })))?.args).toEqual(args)
  })

  it('keeps what two arguments share', () => {
    const shared = { list: [1] }
    const [a, b] = decodeRequest(encodeRequest(request({ args: [shared, shared] })))?.args ?? []
    expect(a).toBe(b)
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
    expect(decodeRequest(encodeRequest(request()))).toEqual(request())
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
    for (const ending of endings) expect(decodeEnding(encodeEnding(ending))).toEqual(ending)
  })
})

describe('bytes of another process', () => {
  it('are no message when they are cut, longer, of another version or of no known kind', () => {
    const messages = [[1, 'x'], [{ a: 1 }]].map((args) => Buffer.from(encodeRequest(request({ args }))))
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
  })
})
