/** Larger values cross by structured clone, which then costs less. */
const mostParts = 64

/** How many parts are left, and the objects that were met. */
let left = 0
const met: object[] = []

/**
 * Whether JSON keeps a value exactly as structured clone does, and is small: plain objects and arrays of texts, finite
 * numbers, true, false and null, each object once. Small ones cross faster as JSON.
 */
export function isJson(value: unknown): boolean {
  left = mostParts
  met.length = 0
  return isPart(value)
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
  if ('toJSON' in value || (isArray && value.length > left)) return false // the keys of a long one take long
  met.push(value)
  const keys = Object.keys(value)
  const { length } = keys
  // Otherwise it has holes, or properties of its own, which come last.
  if (isArray && (length !== value.length || (length > 0 && keys[length - 1] !== `${length - 1}`))) return false
  for (const key of keys) if (!isPart((value as Record<string, unknown>)[key])) return false
  return true
}
