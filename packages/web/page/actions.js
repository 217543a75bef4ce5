// What the page changes, if it may: each asks first where it destroys, and shows the answer of the command.
import { element } from '/views.js'

/** Whether the server was started with --allow-write. */
export const mayWrite = document.body.dataset.writes === 'yes'

const said = document.getElementById('said')

/** Runs one action of the server. `question`: what it destroys; undefined: nothing. */
export async function act(what, fields, question) {
  if (question !== undefined && !confirm(`${question}?`)) return
  const response = await fetch('/act', { method: 'POST', body: JSON.stringify({ what, ...fields }) })
  const { error, ...answer } = await response.json().catch(() => ({ error: { message: 'the server has refused it' } }))
  said.textContent = error === undefined ? `${what}: done ${JSON.stringify(answer)}` : `${what}: ${error.message}`
  said.className = error === undefined ? 'good' : 'bad'
}

/** A button in a row. */
export const actionButton = (text, run) =>
  element(
    'button',
    {
      type: 'button',
      onclick: (event) => {
        event.stopPropagation() // the row below would open
        run()
      },
    },
    text,
  )

/** A form of one line: fields by name with their placeholders, and a function of their values. */
function formOf(title, fields, run) {
  const inputs = Object.entries(fields).map(([name, placeholder]) => element('input', { name, placeholder }))
  const submit = (event) => {
    event.preventDefault()
    run(Object.fromEntries(inputs.map(({ name, value }) => [name, value])))
  }
  return element('form', { class: 'action', onsubmit: submit }, element('button', {}, title), ...inputs)
}

/** The forms of an object of a fleet, by the layer of its name. */
export function formsOf(layer, fleet, name) {
  const at = { fleet, name }
  const quoted = JSON.stringify
  if (layer === 'events') {
    return [
      formOf('publish', { topic: 'topic', data: 'text of the payload' }, (given) => act('pub', { ...at, ...given })),
    ]
  }
  if (layer === 'counters') {
    return ['set', 'add'].map((what) =>
      formOf(what, { counter: 'name', value: 'number' }, (given) => act(what, { ...at, ...given })),
    )
  }
  if (layer !== 'cache' && layer !== 'store') return []
  const reset = ({ namespace, value }) =>
    act(
      `${layer} reset`,
      { ...at, namespace, value },
      `delete all keys of namespace ${quoted(namespace)} that begin with ${quoted(value)}`,
    )
  const invalidate = ({ value }) =>
    act('store invalidate', { ...at, value }, `delete all entries with tag ${quoted(value)}`)
  return [
    formOf('delete keys', { namespace: 'namespace', value: 'prefix' }, reset),
    ...(layer === 'store' ? [formOf('invalidate', { value: 'tag' }, invalidate)] : []),
  ]
}
