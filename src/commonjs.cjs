// Gives what an ES module of this folder exports. Where `require` cannot load one, it is evaluated as CommonJS: with
// --no-experimental-require-module, and in Jest, which compares only values that were made in its own realm. That reads
// what the build writes, exports last. tsup.config.ts shortens this file for dist/.
'use strict'

// Not by `require`, which gives the mocks of Jest.
const { readFileSync } = process.getBuiltinModule('fs')
const { join } = process.getBuiltinModule('path')

const evaluated = new Map()
// Close together, as the build writes them: text in a string or a template does not look like that.
const imports = /(?<=^|[;}\n])import(?: ([\w$]+) ?,?)?(\{[^}]*\})?(?: ?from)?"([^"]+)"\s*;/g
const exported = /export\{([^}]*)\};\s*$/

/** `{a as b}` of an import or export as an object pattern or literal. */
const renamed = (list, from, to) =>
  list.replace(/([\w$]+)\s+as\s+([\w$]+)/g, (_, first, second) => `${{ first, second }[from]}:${{ first, second }[to]}`)

/** The text of a module as the body of a function of `load`, which gives other modules. */
function bodyOf(text) {
  const uses = []
  const use = (_, whole, parts, name) => {
    const patterns = [...(whole ? [`{default:${whole}}`] : []), ...(parts ? [renamed(parts, 'first', 'second')] : [])]
    uses.push(...patterns.map((pattern) => `const ${pattern}=load(${JSON.stringify(name)})`))
    return ''
  }
  const body = text
    .replace(imports, use)
    .replace(exported, (_, list) => `return{${renamed(list, 'second', 'first')}}`)
    .replaceAll('import.meta.dirname', '__dirname')
    .replaceAll('import.meta.filename', '__filename')
    .replaceAll('import.meta.url', 'undefined')
  return `'use strict';${uses.join(';')};${body}`
}

/** A function of the realm of this module, which that of node:vm is not in Jest. */
function functionOf(parameters, body) {
  try {
    return new Function(...parameters, body)
  } catch (error) {
    if (error.name !== 'EvalError') throw error // else the process has --disallow-code-generation-from-strings
    return process.getBuiltinModule('vm').compileFunction(body, parameters)
  }
}

/** What a module of this folder exports. */
function evaluate(file) {
  const known = evaluated.get(file)
  if (known !== undefined) return known
  const load = (name) => {
    if (name.startsWith('./')) return evaluate(name.slice(2))
    const found = require(name)
    return typeof found === 'object' && found.__esModule ? found : new Proxy(found, { get: defaultOf })
  }
  const path = join(__dirname, file)
  const run = functionOf(['load', 'require', '__dirname', '__filename'], bodyOf(readFileSync(path, 'utf8')))
  const values = run(load, require, __dirname, path)
  evaluated.set(file, values)
  return values
}

/** A CommonJS module is its own default export. */
function defaultOf(target, name) {
  return name === 'default' ? target : Reflect.get(target, name)
}

module.exports = (file, requireModule) => {
  try {
    return requireModule()
  } catch (error) {
    const isRefused = error instanceof SyntaxError || error.name === 'SyntaxError' || error.code === 'ERR_REQUIRE_ESM'
    if (!isRefused) throw error
    return evaluate(file)
  }
}
