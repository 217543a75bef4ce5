export type Unit = 'ns' | 'per second' | 'bytes' | 'seconds'
export type Better = 'lower' | 'higher'

const steps: Record<Unit, readonly (readonly [number, string])[]> = {
  ns: [
    [1, 'ns'],
    [1e3, 'us'],
    [1e6, 'ms'],
    [1e9, 's'],
  ],
  seconds: [
    [1e-3, 'ms'],
    [1, 's'],
  ],
  bytes: [
    [1, 'B'],
    [2 ** 10, 'KiB'],
    [2 ** 20, 'MiB'],
  ],
  'per second': [
    [1, '/s'],
    [1e3, 'k/s'],
    [1e6, 'M/s'],
  ],
}

/** Three digits. */
export function digits(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** Three digits, and a prefix that keeps the number between 1 and 1000. */
export function shown(value: number, unit: Unit): string {
  const [size, name] = steps[unit].findLast(([size]) => value >= size * 0.9995) ?? (steps[unit][0] as [number, string])
  return `${digits(value / size)} ${name}`
}

export const times = (ratio: number): string => `${digits(ratio)} x`

/** How many times better `ours` is than `theirs`. */
export const advantage = (ours: number, theirs: number, better: Better): number =>
  better === 'lower' ? theirs / ours : ours / theirs
