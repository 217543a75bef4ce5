import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { NetId64, netIdAt } from '../../src/base/netid.js'

const maxCounter = 2 ** 40 - 1
const outOfRange = (message: string) =>
  expect.objectContaining({ name: 'RangeError', code: 'ERR_ORBIT_OUT_OF_RANGE', message })

/** Random parts of an id from a seeded generator; a quarter of them are edge values. */
function* parts(count: number, seed: number): Generator<[kind: number, node: number, counter: number]> {
  const next = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
  const upTo = (max: number) => (next() < 0.25 ? (next() < 0.5 ? 0 : max) : Math.floor(next() * (max + 1)))
  for (let i = 0; i < count; i++) yield [upTo(255), upTo(65535), upTo(maxCounter)]
}

describe('NetId64', () => {
  it('keeps its three parts and shows them as [KIND 8][NODE 16][COUNTER 40]', () => {
    const id = NetId64.make(12, 3, 4567)
    expect([id.kind, id.node, id.counter]).toEqual([12, 3, 4567])
    expect(id.raw).toBe(0x0c_0003_00_0000_11d7n)
    expect(NetId64.make(255, 65535, maxCounter).raw).toBe(2n ** 64n - 1n)
  })

  it('has a ZERO constant', () => {
    expect(NetId64.ZERO.raw).toBe(0n)
    expect(NetId64.ZERO.equals(NetId64.make(0, 0, 0))).toBe(true)
  })

  it('survives a round trip through its raw value, text, hexadecimal text, bytes and JSON', () => {
    for (const [kind, node, counter] of parts(2000, 1)) {
      const id = NetId64.make(kind, node, counter)
      expect(id.raw).toBe(BigInt(kind) * 2n ** 56n + BigInt(node) * 2n ** 40n + BigInt(counter))
      const hex = id.raw.toString(16)
      const others = [
        NetId64.fromRaw(id.raw),
        NetId64.parse(id.toString()),
        NetId64.parse(`0x${hex}`),
        NetId64.parse(`0X${hex.toUpperCase().padStart(16, '0')}`),
        NetId64.fromBytes(id.toBytes()),
        NetId64.parse(JSON.parse(JSON.stringify(id))),
        netIdAt(kind, node, counter),
      ]
      for (const other of others) {
        expect([other.kind, other.node, other.counter]).toEqual([kind, node, counter])
        expect(other.equals(id)).toBe(true)
      }
    }
  })

  it('sorts like the raw u64, and so do its bytes', () => {
    const ids = [...parts(500, 2)].map(([kind, node, counter]) => NetId64.make(kind, node, counter))
    for (let i = 1; i < ids.length; i++) {
      const [a, b] = [ids[i - 1] as NetId64, ids[i] as NetId64]
      const sign = a.raw < b.raw ? -1 : a.raw > b.raw ? 1 : 0
      expect(Math.sign(NetId64.compare(a, b))).toBe(sign)
      expect(Math.sign(Buffer.compare(a.toBytes(), b.toBytes()))).toBe(sign)
      expect(a.equals(b)).toBe(sign === 0)
    }
    expect(NetId64.compare(NetId64.make(1, 2, 3), NetId64.make(1, 2, 3))).toBe(0)
  })

  it('equals another id only if all three parts are equal', () => {
    const id = NetId64.make(1, 2, 3)
    expect(id.equals(NetId64.make(1, 2, 3))).toBe(true)
    for (const other of [NetId64.make(0, 2, 3), NetId64.make(1, 0, 3), NetId64.make(1, 2, 0)]) {
      expect(id.equals(other)).toBe(false)
    }
  })

  it('writes 8 bytes, big-endian', () => {
    expect([...NetId64.make(1, 0x0203, 0x0405060708).toBytes()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect([...NetId64.make(0xff, 0xfffe, 0xf0_8000_0001).toBytes()]).toEqual([255, 255, 254, 240, 128, 0, 0, 1])
  })

  it('reads bytes in the middle of a larger buffer', () => {
    const buffer = Buffer.from('ffff0102030405060708ffff', 'hex')
    expect(NetId64.fromBytes(buffer.subarray(2, 10)).toString()).toBe(`1:515:${0x0405060708}`)
  })

  it('shows the triple and 16 hexadecimal digits to console.log', () => {
    expect(inspect(NetId64.make(12, 3, 4567))).toBe('NetId64(12:3:4567 0x0c000300000011d7)')
    expect(inspect({ id: NetId64.ZERO })).toContain('NetId64(0:0:0 0x0000000000000000)')
  })

  it.each([
    [256, 0, 0, 'kind=256 must be an integer in 0..255'],
    [-1, 0, 0, 'kind=-1 must be an integer in 0..255'],
    [0, 65536, 0, 'node=65536 must be an integer in 0..65535'],
    [0, 0, 2 ** 40, 'counter=1099511627776 must be an integer in 0..1099511627775'],
    [0, 0, -1, 'counter=-1 must be an integer in 0..1099511627775'],
    [0, 0.5, 0, 'node=0.5 must be an integer in 0..65535'],
    [0, 0, Number.NaN, 'counter=NaN must be an integer in 0..1099511627775'],
  ])('refuses to make %d:%d:%d, and cuts nothing off', (kind, node, counter, message) => {
    expect(() => NetId64.make(kind, node, counter)).toThrow(outOfRange(message))
  })

  it.each(
    [
      '',
      '1:2:3:4',
      ':2:3',
      '1::3',
      '1:2:',
      'not-an-id',
      '1:2',
      '-1:2:3',
      '+1:2:3',
      ' 1:2:3',
      '1:2:3 ',
      '1:2:3\n',
      '1: 2:3',
    ].concat(['1.0:2:3', '1e1:2:3', '0x', '0x1:2:3', '0xg', '0x-1', '-0x1', '0x 1', '0x1_0', '123', '0b1', '١:٢:٣']),
  )('refuses the text %j', (text) => {
    expect(() => NetId64.parse(text)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_ORBIT_INVALID_ID',
        message: `text=${JSON.stringify(text)} must be kind:node:counter, or 0x and 1 to 16 hex digits`,
      }),
    )
  })

  it.each([
    ['256:0:0', 'kind=256 must be an integer in 0..255'],
    ['0:65536:0', 'node=65536 must be an integer in 0..65535'],
    ['0:0:1099511627776', 'counter=1099511627776 must be an integer in 0..1099511627775'],
    ['0:0:99999999999999999999999', 'counter=1e+23 must be an integer in 0..1099511627775'],
    ['0x10000000000000000', 'text="0x10000000000000000" must have at most 16 hex digits'],
  ])('refuses the text %s as out of range', (text, message) => {
    expect(() => NetId64.parse(text)).toThrow(outOfRange(message))
  })

  it('parses the largest of each part, and 1 to 16 hexadecimal digits', () => {
    expect(NetId64.parse('255:65535:1099511627775').raw).toBe(2n ** 64n - 1n)
    expect(NetId64.parse('0xffffffffffffffff').raw).toBe(2n ** 64n - 1n)
    expect(NetId64.parse('0Xa').raw).toBe(10n)
  })

  it('refuses a raw value that is not a u64', () => {
    expect(() => NetId64.fromRaw(-1n)).toThrow(outOfRange('raw=-1n must be in 0n..18446744073709551615n'))
    expect(() => NetId64.fromRaw(2n ** 64n)).toThrow(
      outOfRange('raw=18446744073709551616n must be in 0n..18446744073709551615n'),
    )
  })

  it('refuses bytes of another length', () => {
    for (const length of [0, 7, 9]) {
      expect(() => NetId64.fromBytes(new Uint8Array(length))).toThrow(
        expect.objectContaining({
          name: 'TypeError',
          code: 'ERR_ORBIT_INVALID_ID',
          message: `bytes.length=${length} must be 8`,
        }),
      )
    }
  })

  it('refuses arguments of a wrong type', () => {
    const invalid = expect.objectContaining({ name: 'TypeError', code: 'ERR_ORBIT_INVALID_ARGUMENT' })
    expect(() => NetId64.make('1' as never, 2, 3)).toThrow(invalid)
    expect(() => NetId64.make(1, 2, 3n as never)).toThrow(invalid)
    expect(() => NetId64.fromRaw(1 as never)).toThrow(invalid)
    expect(() => NetId64.parse(undefined as never)).toThrow(invalid)
    expect(() => NetId64.fromBytes([1, 2, 3, 4, 5, 6, 7, 8] as never)).toThrow(invalid)
  })
})

describe('netIdAt', () => {
  it('takes the low 40 bits of a position as the counter, up to 2^53', () => {
    const positions = [0, 1, 2 ** 31, 2 ** 32 + 1, maxCounter, 2 ** 40, 2 ** 40 + 1, 2 ** 41 - 1, 2 ** 52 + 12345]
    for (const position of [...positions, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER, 2 ** 53]) {
      const id = netIdAt(220, 7, position)
      expect(BigInt(id.counter)).toBe(BigInt(position) & 0xff_ffff_ffffn)
      expect([id.kind, id.node]).toEqual([220, 7])
      expect(id).toBeInstanceOf(NetId64)
    }
  })
})
