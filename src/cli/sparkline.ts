const levels = '▁▂▃▄▅▆▇█'

/** A chart of rates in one line, scaled to the highest of them. */
export function sparkline(history: readonly number[]): string {
  const most = Math.max(...history, 1e-9)
  return history.map((rate) => (rate <= 0 ? levels[0] : levels[Math.min(7, Math.floor((rate / most) * 8))])).join('')
}
