/** Larger values cross by structured clone, which then costs less. */
const mostParts = 64

/** How many parts are left, and the objects that were met. */
let left = 0
const met: object[] = []

/**
 * The JSON of a value, if it keeps the value exactly as structured clone does, and is small: plain objects and arrays
 * of texts, finite numbers, true, false and null, each object once. Undefined for others. Small ones cost less so.
 */
export function exactJson(value: object): string | undefined {
  left = mostParts
  met.length = 0
  return isContainer(value) ? JSON.stringify(value) : undefined
}

function isPart(value: unknown): boolean {
  if (--left < 0) return false
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      return value === null || isContainer(value)
    default:
      return false
  }
}

function isContainer(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  const isArray = prototype === Array.prototype && Array.isArray(value)
  if ((!isArray && prototype !== Object.prototype) || met.includes(value)) return false
  if (isArray && value.length > left) return false // to list its keys takes longer than to clone it
  if ('toJSON' in value) return false
  met.push(value)
  const keys = Object.keys(value)
  // Otherwise it has holes, or properties of its own, which come last.
  if (isArray && (keys.length !== value.length || (keys.length > 0 && keys.at(-1) !== `${keys.length - 1}`)))
    return false
  for (const key of keys) if (!isPart((value as Record<string, unknown>)[key])) return false
  return true
}
