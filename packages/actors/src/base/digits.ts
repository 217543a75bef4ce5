/** 0 to 999, and the same with leading zeros: 000 to 999. */
const plain = Array.from({ length: 1000 }, (_, i) => `${i}`)
const padded = plain.map((text) => text.padStart(3, '0'))

/**
 * A number as JavaScript writes it. V8 remembers the texts of thousands of numbers, and its garbage collector moves
 * them twice: for numbers that do not come again, as sequence numbers, that takes longer than to write them.
 */
export function digitsOf(number: number): string {
  if (!(number >= 0 && number < 1e9 && Number.isInteger(number))) return `${number}`
  if (number < 1000) return plain[number] as string
  const low = padded[number % 1000] as string
  const thousands = Math.trunc(number / 1000)
  if (thousands < 1000) return (plain[thousands] as string) + low
  return (plain[Math.trunc(thousands / 1000)] as string) + (padded[thousands % 1000] as string) + low
}
