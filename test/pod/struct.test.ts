import { describe, expect, it } from 'vitest'
import { array, bytes, pod, text } from '../../src/index.js'
import { structOf } from '../../src/struct.js'
import { type Any, fieldsOf, Random, type Spec } from './specs.js'

/** The value as a view of typed-struct shows it. */
function viewed(spec: Spec, value: Any): unknown {
  if (spec.is === 'word') return spec.kind === 'u64' || spec.kind === 'i64' ? BigInt(value) : value
  if (spec.is === 'bytes') return [...value]
  if (spec.is === 'text') return value
  if (spec.is === 'pod') return Object.fromEntries(spec.fields.map(([n, f]) => [n, viewed(f, value[n])]))
  const flat = (s: Spec, v: Any): unknown[] => (s.is === 'array' ? v.flatMap((item: Any) => flat(s.of, item)) : [v])
  let leaf: Spec = spec
  while (leaf.is === 'array') leaf = leaf.of
  const items = flat(spec, value).map((item) => viewed(leaf, item))
  if (leaf.is === 'bytes') return items.flat()
  return leaf.is === 'word' && leaf.kind === 'bool' ? items.map(Number) : items
}

/** The value read through the view, in the same form. */
function looked(spec: Spec, item: Any): unknown {
  if (spec.is === 'pod') return Object.fromEntries(spec.fields.map(([n, field]) => [n, looked(field, item[n])]))
  if (spec.is === 'bytes') return [...item]
  if (spec.is !== 'array') return item
  let leaf: Spec = spec
  while (leaf.is === 'array') leaf = leaf.of
  return leaf.is === 'bytes' || leaf.is === 'word' ? [...item] : Array.from(item, (each) => looked(leaf, each))
}

describe('structOf', () => {
  it('makes a class of typed-struct with the offsets and the size of the pod', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const type = pod(fieldsOf(new Random(seed).podSpec(3)))
      const Class = structOf(type)
      const fields = type.layout.form === 'pod' ? type.layout.fields : []
      expect(Class.baseSize, `seed ${seed}`).toBe(type.byteLength)
      expect(fields.length).toBeGreaterThan(0)
      for (const { name, offset } of fields) expect(Class.getOffsetOf(name), `seed ${seed}: ${name}`).toBe(offset)
    }
  })

  it('shows in a view the values that the pod encoded', () => {
    for (let seed = 1001; seed <= 1150; seed++) {
      const random = new Random(seed)
      const spec = random.podSpec(3)
      const type = pod(fieldsOf(spec))
      const value = random.value(spec)
      const encoded = type.encode(value as never)
      const view = new (structOf(type))(Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length))
      expect(looked(spec, view), `seed ${seed}`).toEqual(viewed(spec, value))
    }
  })

  it('makes views that write to their buffer', () => {
    const type = pod({ busy: 'u32', name: text(8), in: pod({ x: 'f64' }) })
    const buffer = Buffer.alloc(type.byteLength)
    const view = new (structOf(type))(buffer) as { busy: number; name: string; in: { x: number } }
    view.busy = 7
    view.name = 'né'
    view.in.x = 0.5
    expect(type.decode(buffer)).toEqual({ busy: 7, name: 'né', in: { x: 0.5 } })
    expect(() => {
      view.name = 'much too long'
    }).toThrow(expect.objectContaining({ code: 'ERR_ORBIT_OUT_OF_RANGE' }))
  })

  it('makes one class for each pod', () => {
    const inner = pod({ x: 'f64' })
    expect(structOf(inner)).toBe(structOf(inner))
    expect(structOf(pod({ inner, list: array(inner, 2) })).baseSize).toBe(24)
  })

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['an object', {}],
    ['bytes', bytes(4)],
    ['an array type', array('u8', 2)],
  ])('refuses %s in place of a pod', (_name, value) => {
    expect(() => structOf(value as never)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_ORBIT_INVALID_ARGUMENT' }),
    )
  })

  it.each(['$raw', 'toString'])(
    'refuses a pod with the field %j, which every view has, while the pod works',
    (name) => {
      const type = pod({ [name]: 'u8' } as Record<string, 'u8'>)
      expect(type.decode(type.encode({ [name]: 7 }))).toEqual({ [name]: 7 })
      expect(() => structOf(type)).toThrow(`field="${name}" must have another name`)
    },
  )
})
