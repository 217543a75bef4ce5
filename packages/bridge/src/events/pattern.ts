/** Whether one of the patterns matches a topic, as those of an OrbitEventBus do. */
export function matcherOf(patterns: readonly string[]): (topic: string) => boolean {
  if (patterns.includes('>')) return () => true
  const tests = patterns.map((pattern) => {
    const levels = pattern.split('.')
    const isOpen = levels.at(-1) === '>'
    if (isOpen) levels.pop()
    return (topic: readonly string[]) =>
      (isOpen ? topic.length > levels.length : topic.length === levels.length) &&
      levels.every((level, i) => level === '*' || level === topic[i])
  })
  return (topic) => {
    const levels = topic.split('.')
    return tests.some((test) => test(levels))
  }
}
