/** Keys by the sequences that terminals send for them. A lone character is its own name. */
const names: Record<string, string> = {
  '\x1b[A': 'up',
  '\x1bOA': 'up',
  '\x1b[B': 'down',
  '\x1bOB': 'down',
  '\x1b[C': 'right',
  '\x1bOC': 'right',
  '\x1b[D': 'left',
  '\x1bOD': 'left',
  '\x1b[5~': 'page up',
  '\x1b[6~': 'page down',
  '\x1b[H': 'home',
  '\x1bOH': 'home',
  '\x1b[1~': 'home',
  '\x1b[F': 'end',
  '\x1bOF': 'end',
  '\x1b[4~': 'end',
  '\x1b': 'escape',
  '\r': 'enter',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'interrupt',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: sequences of keys begin with Esc.
const key = /\x1b(?:\[[\d;]*[A-Za-z~]|O[A-Z])|[\s\S]/gu

/** The keys in what a terminal has sent, which may be several. Sequences without a name are left out. */
export function keysIn(text: string): string[] {
  return [...text.matchAll(key)].flatMap(([found]) => names[found] ?? (found.startsWith('\x1b') ? [] : found))
}
