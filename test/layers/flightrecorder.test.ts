import { describe, expect, it } from 'vitest'
import { PinoRecorder } from '../../src/adapters/pino.js'
import { lineIn, merged } from '../../src/cli/logreader.js'
import { Fleet, FlightRecorder, type Frame, orbitType } from '../../src/index.js'
import { fleetName, joinLocal, joinShm, keep, observe } from '../help/fleets.js'
import { expectTypeError, untyped } from '../help/refusals.js'

/** The frames that the recorder of a member has published. */
function framesOf(fleet: Fleet, kind = 128): Frame[] {
  return fleet.cursorOf(() => fleet.existingRing(kind), 'start').poll().frames as Frame[]
}
const linesOf = (fleet: Fleet, kind?: number) => framesOf(fleet, kind).map(lineIn)

describe('FlightRecorder', () => {
  it('records lines with their writer, time and level', () => {
    const fleet = joinLocal(fleetName())
    const recorder = new FlightRecorder(fleet)
    const before = Date.now()
    expect(recorder.write('first\n')).toBe(true)
    recorder.write('', 40)
    recorder.write('two\nlines', 1000)
    const { pid } = process
    const rest = { node: 0, pid, incarnation: fleet.incarnation }
    expect(linesOf(fleet)).toMatchObject([
      { ...rest, position: 0, level: 0, text: 'first' },
      { ...rest, position: 1, level: 40, text: '' },
      { ...rest, position: 2, level: 255, text: 'two\nlines' },
    ])
    for (const line of linesOf(fleet)) {
      expect(line?.timeMs).toBeGreaterThanOrEqual(before)
      expect(line?.timeMs).toBeLessThanOrEqual(Date.now())
    }
  })

  it('records a line with any level, and takes what is no number for none', () => {
    const fleet = joinLocal(fleetName())
    const recorder = new FlightRecorder(fleet)
    for (const level of [50n, 2n ** 70n, -1n, 'warn', null, {}, Number.NaN, 40.5])
      expect(recorder.write('line', untyped(level)), String(level)).toBe(true)
    expect(linesOf(fleet).map((line) => line?.level)).toEqual([50, 255, 0, 0, 0, 0, 0, 40])
  })

  it('cuts a line at a whole character', () => {
    const fleet = joinLocal(fleetName())
    const recorder = new FlightRecorder(fleet, { capacity: 4, lineBytes: 8 })
    for (const text of ['12345678', '123456789', 'é'.repeat(30), `123456€`, '漢'.repeat(30)]) recorder.write(text)
    expect(linesOf(fleet).map((line) => line?.text)).toEqual(['123456789'.slice(0, 8), 'éééé', '123456', '漢漢'])
  })

  it('keeps the newest lines of each of 16 members, and shares rings among more', () => {
    const name = fleetName()
    const fleets = Array.from({ length: 18 }, () => joinLocal(name, { size: 32 }))
    const recorders = fleets.map((fleet) => new FlightRecorder(fleet, { capacity: 4, lineBytes: 16 }))
    for (let i = 0; i < 100; i++) recorders[0]?.write(`noise ${i}`)
    recorders.forEach((recorder, node) => void recorder.write(`line of ${node}`))
    const [fleet] = fleets as [Fleet]
    expect(linesOf(fleet, 128).map((line) => line?.text)).toEqual(['noise 98', 'noise 99', 'line of 0', 'line of 16'])
    expect(linesOf(fleet, 130).map((line) => line?.text)).toEqual(['line of 2'])
    expect(fleet.existing(144)).toBeUndefined()
  })

  it('records nothing, and throws nothing, after its fleet was closed', () => {
    const fleet = joinLocal(fleetName())
    const recorder = new FlightRecorder(fleet)
    fleet.close()
    expect(recorder.write('late')).toBe(false)
  })

  it('refuses observers, wrong options and lines that are not strings', () => {
    const name = fleetName()
    const fleet = joinShm(name)
    expect(() => new FlightRecorder(untyped(observe(name)))).toThrowError(
      expect.objectContaining({ code: 'ERR_ORBIT_READ_ONLY' }),
    )
    for (const value of [{}, undefined, 'web']) expectTypeError(() => new FlightRecorder(untyped(value)), 'a Fleet')
    for (const options of [{ lineBytes: 0 }, { lineBytes: 2 ** 20 + 1 }, { capacity: 3 }, { lines: 4 }])
      expect(() => new FlightRecorder(fleet, untyped(options)), JSON.stringify(options)).toThrowError(
        /ERR_ORBIT|must|unknown/,
      )
    expect(() => new FlightRecorder(fleet).write(untyped(Buffer.from('line')))).toThrowError(
      expect.objectContaining({ code: 'ERR_ORBIT_INVALID_ARGUMENT' }),
    )
  })

  it('does not fail when no KIND is left for its ring', () => {
    const fleet = joinLocal(fleetName())
    for (let i = 0; i < 72; i++)
      fleet.publish(orbitType({ name: `t${i}`, capacity: 1, payloadBytes: 0 }), Buffer.alloc(0))
    expect(() => new FlightRecorder(fleet)).toThrowError(expect.objectContaining({ code: 'ERR_ORBIT_KINDS_FULL' }))
  })
})

describe('PinoRecorder', () => {
  it('takes the level that pino sets, and the text of a line', () => {
    const fleet = keep(Fleet.join(fleetName()))
    const stream = new PinoRecorder(fleet)
    stream.lastLevel = 50
    stream.write('{"level":50,"msg":"it"}\n')
    expect(linesOf(fleet)).toMatchObject([{ level: 50, text: '{"level":50,"msg":"it"}' }])
  })
})

describe('merged', () => {
  const line = (monotonicMs: number, text: string) => ({
    monotonicMs,
    timeMs: 0,
    text,
    node: 0,
    position: 0,
    pid: 1,
    incarnation: 1,
    level: 0,
  })

  it('orders the lines of all rings by the monotonic clock, and keeps the order of each ring', () => {
    const steady = [line(10, 'a1'), line(20, 'a2'), line(30, 'a3')]
    const shared = [line(15, 'b1'), line(5, 'b2'), line(25, 'b3')]
    expect(merged([steady, shared]).map(({ text }) => text)).toEqual(['a1', 'b1', 'b2', 'a2', 'b3', 'a3'])
    expect(merged([])).toEqual([])
  })
})
