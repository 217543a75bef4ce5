// Random numbers that can be repeated.

/** A small seeded generator (mulberry32). */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** ORBIT_SEED, or a new seed. It is printed, so that a failure can be repeated. */
export function newSeed(label: string): number {
  const seed = Number(process.env['ORBIT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`${label}: ORBIT_SEED=${seed}`)
  return seed
}
