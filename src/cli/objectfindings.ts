import { type FoundObject, objectsFolder, userId } from '../inspect/objects.js'
import { type Finding, finding } from './finding.js'
import { objectProblem, type Problem } from './problem.js'

/** Examines one object: its owner, its mode and its header. */
export function objectFindings(object: FoundObject): Finding[] {
  const { fleet, file, stats } = object
  if (stats.uid !== userId) {
    const meaning = `its name belongs to a fleet of uid ${userId}, which fails with ERR_ORBIT_PERMISSION`
    const found = `/${file} belongs to uid ${stats.uid}`
    return [finding('problem', 'foreign-object', found, { fleet, meaning, fix: `sudo rm ${objectsFolder()}/${file}` })]
  }
  const problem = objectProblem(object)
  if (problem === undefined) return []
  const isLeft = problem.code === 'ERR_ORBIT_RETIRED'
  const meaning = isLeft
    ? 'the next process that joins the fleet, or creates the ring, replaces it'
    : `opening it fails with ${problem.code}`
  const level = isLeft ? 'warning' : 'problem'
  return [finding(level, 'object', problem.message, { fleet, meaning, fix: fixOf(object, problem) })]
}

function fixOf({ fleet, form, number, file, stats }: FoundObject, { code }: Problem): string {
  const path = `${objectsFolder()}/${file}`
  if (!stats.isFile()) return `rm -r ${path}`
  if (code === 'ERR_ORBIT_PERMISSION') return `chmod 600 ${path}`
  const remove = `orbit rm ${fleet}${form === 'ring' ? ` ${number}` : ''} --force`
  // Processes of another release may use it, and this release cannot see them.
  return code === 'ERR_ORBIT_LAYOUT_MISMATCH' ? `${remove}, once no process of another version uses it` : remove
}
