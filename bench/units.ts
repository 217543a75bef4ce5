import type { CellResult } from './results.js'

/** Three digits, and a prefix that keeps the number between 1 and 1000. */
function scaled(value: number, steps: readonly (readonly [number, string])[]): string {
  const [size, unit] = steps.findLast(([size]) => value >= size * 0.9995) ?? (steps[0] as readonly [number, string])
  return `${digits(value / size)} ${unit}`
}

export function digits(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export function shown(value: number, unit: CellResult['unit']): string {
  switch (unit) {
    case 'ns':
      return scaled(value, [
        [1, 'ns'],
        [1e3, 'us'],
        [1e6, 'ms'],
        [1e9, 's'],
      ])
    case 'seconds':
      return scaled(value, [
        [1e-3, 'ms'],
        [1, 's'],
      ])
    case 'bytes':
      return scaled(value, [
        [1, 'B'],
        [2 ** 10, 'KiB'],
        [2 ** 20, 'MiB'],
      ])
    case 'per second':
      return scaled(value, [
        [1, '/s'],
        [1e3, 'k/s'],
        [1e6, 'M/s'],
      ])
  }
}

export const times = (ratio: number): string => `${digits(ratio)} x`
