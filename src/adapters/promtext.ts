import type { Labels, PromMetricLike } from './prommetric.js'

/** The numbers of a metric with one set of labels, by their parts. */
export interface Series {
  readonly labels: Labels
  readonly parts: Map<string, number>
}

const escaped = (text: string): string => text.replace(/[\\\n"]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'Nan'
  return value === Number.POSITIVE_INFINITY ? '+Inf' : value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

function labelText(labels: Labels, more?: string): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`)
  if (more !== undefined) texts.unshift(more)
  return texts.length === 0 ? '' : `{${texts.join(',')}}`
}

function histogramLines({ name, upperBounds = [] }: PromMetricLike, { labels, parts }: Series): string[] {
  let count = 0
  const buckets = [...upperBounds, '+Inf'].map((end) => {
    count += parts.get(String(end)) ?? 0
    return `${name}_bucket${labelText(labels, `le="${end}"`)} ${count}`
  })
  const own = labelText(labels)
  return [...buckets, `${name}_sum${own} ${numberText(parts.get('sum') ?? 0)}`, `${name}_count${own} ${count}`]
}

function summaryLines({ name }: PromMetricLike, { labels, parts }: Series): string[] {
  const own = labelText(labels)
  return [`${name}_sum${own} ${numberText(parts.get('sum') ?? 0)}`, `${name}_count${own} ${parts.get('count') ?? 0}`]
}

/** A metric in the text format of Prometheus. `defaults` are labels that a series has unless it has its own ones. */
export function metricText(metric: PromMetricLike, series: Iterable<Series>, defaults: Labels): string {
  const { name, help, type } = metric
  const lines = [
    `# HELP ${name} ${help.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'))}`,
    `# TYPE ${name} ${type}`,
  ]
  for (const { labels, parts } of series) {
    const one = { labels: { ...defaults, ...labels }, parts }
    if (type === 'histogram') lines.push(...histogramLines(metric, one))
    else if (type === 'summary') lines.push(...summaryLines(metric, one))
    else lines.push(`${name}${labelText(one.labels)} ${numberText(one.parts.get('') ?? 0)}`)
  }
  return `${lines.join('\n')}\n`
}

/** Samples that were collected elsewhere, in the text format of Prometheus, with labels as those of `metricText`. */
export function samplesText(
  { name, help, type }: PromMetricLike,
  samples: readonly { labels: Labels; value: number; metricName?: string }[],
  defaults: Labels,
): string {
  const lines = samples.map((sample) => {
    const labels = labelText({ ...defaults, ...sample.labels })
    return `${sample.metricName ?? name}${labels} ${numberText(sample.value)}`
  })
  return `${[`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n')}\n`
}
