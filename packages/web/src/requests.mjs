// What a page may ask for, and what it may change: each as the arguments of one orbit command, and no other.

/** Whether this is the name of a fleet. */
export const isFleet = (name) => typeof name === 'string' && /^[A-Za-z0-9._][A-Za-z0-9._-]{0,63}$/.test(name)

/** An option with a value; none, if the value is empty. `=` keeps a value from being taken for an option. */
const option = (name, value) => (value === '' ? [] : [`--${name}=${value}`])

const named = (query) => ({ options: option('name', query('name')) })

/** By the name of the command: its options, and its operands after the fleet. */
const questions = {
  doctor: () => ({ options: [] }),
  cache: named,
  claims: named,
  counters: named,
  stat: (query) => ({
    options: ['--rate-ms=0'],
    operands: /^\d{1,3}$/.test(query('kind')) ? [query('kind')] : [],
  }),
  store: storeQuestion,
}

/** One value of a store, or the keys of a namespace that begin with a prefix, or how it is used. */
function storeQuestion(query) {
  const options = [...option('name', query('name')), '--rate-ms=0', '--limit=1000']
  const namespace = `--namespace=${query('namespace')}`
  if (query('part') === 'value') return { options: [...options, namespace], operands: [query('key')] }
  return { options: query('part') === 'keys' ? [...options, namespace, `--prefix=${query('key')}`] : options }
}

/** The arguments of the command that answers a question of the page; undefined: it is none. */
export function questionOf(query) {
  const [what, fleet] = [query('what'), query('fleet')]
  if (!Object.hasOwn(questions, what) || !isFleet(fleet)) return undefined
  const { options, operands = [] } = questions[what](query)
  return [what, ...options, '--', fleet, ...operands]
}

const entries = (what, op) => (given) => ({
  args: [what, ...option('name', given.name), `--namespace=${given.namespace}`, `--${op}=${given.value}`, '--yes'],
})

/** By name: the options and operands of the command, and its standard input. */
const actions = {
  pub: ({ name, topic, data }) => ({ args: ['pub', ...option('name', name)], operands: [topic, '-'], stdin: data }),
  release: ({ name, subject, kind }) => ({
    args: ['release', ...option('name', name), `--kind=${kind}`, '--yes'],
    operands: [subject],
  }),
  set: ({ name, counter, value }) => ({ args: ['set', ...option('name', name)], operands: [counter, value] }),
  add: ({ name, counter, value }) => ({ args: ['add', ...option('name', name)], operands: [counter, value] }),
  'cache delete': entries('cache', 'delete'),
  'cache reset': entries('cache', 'reset'),
  'store delete': entries('store', 'delete'),
  'store reset': entries('store', 'reset'),
  'store invalidate': ({ name, value }) => ({
    args: ['store', ...option('name', name), `--invalidate=${value}`, '--yes'],
  }),
}

/**
 * The command of an action of the page, which writes; undefined: it is none.
 *
 * @returns {{ args: string[], stdin: string | undefined } | undefined}
 */
export function actionOf(given) {
  if (typeof given !== 'object' || given === null) return undefined
  const { what, fleet, ...fields } = given
  const areTexts = Object.values(fields).every((each) => typeof each === 'string' && !each.includes('\0'))
  if (typeof what !== 'string' || !Object.hasOwn(actions, what) || !isFleet(fleet) || !areTexts) return undefined
  const none = { name: '', namespace: '', topic: '', data: '', subject: '', kind: '0', counter: '', value: '' }
  const { args, operands = [], stdin } = actions[what]({ ...none, ...fields })
  return { args: [...args, '--', fleet, ...operands], stdin }
}
