import { type Call, type Command, UsageError } from '../command.js'
import { commonOptions } from '../help.js'

type Commands = readonly Command[]

const optionsOf = (command: Command): string[] =>
  Object.keys({ ...command.options, ...commonOptions }).map((name) => `--${name}`)
const takesFleet = (command: Command): boolean => /FLEET/.test(command.operands[0] ?? '')

function bash(commands: Commands): string {
  const cases = commands.map((command) => `    ${command.name}) options="${optionsOf(command).join(' ')}" ;;`)
  return `_orbit() {
  local word="\${COMP_WORDS[COMP_CWORD]}" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} --help" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$COMP_CWORD:\${COMP_WORDS[1]}:$word" in
    *:*:-*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    2:completion:*) COMPREPLY=($(compgen -W "bash zsh fish" -- "$word")) ;;
    ${commands
      .filter(takesFleet)
      .map(({ name }) => `2:${name}:*`)
      .join('|')})
      COMPREPLY=($(compgen -W "$(orbit ls --names 2>/dev/null)" -- "$word")) ;;
  esac
}
complete -F _orbit orbit
`
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
/** For _arguments and _describe, which give colons and brackets a meaning. */
const zshText = (text: string): string => text.replace(/[:[\]\\]/g, '\\$&')

function zsh(commands: Commands): string {
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${zshText(summary)}`)}`)
  const cases = commands.map((command) => {
    const options = Object.entries({ ...command.options, ...commonOptions }).map(([name, { type, value, about }]) =>
      quoted(`--${name}${type === 'string' ? '=' : ''}[${zshText(about)}]${type === 'string' ? `:${value}:` : ''}`),
    )
    if (takesFleet(command)) options.push(`"1:fleet:(\${fleets[*]})"`)
    if (command.name === 'completion') options.push("'1:shell:(bash zsh fish)'")
    return `    ${command.name}) _arguments ${options.join(' ')} '*::' ;;`
  })
  return `#compdef orbit
_orbit() {
  local -a commands fleets
  commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  fleets=(\${(f)"$(orbit ls --names 2>/dev/null)"})
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
compdef _orbit orbit
`
}

function fish(commands: Commands): string {
  const lines = ['complete -c orbit -f']
  for (const command of commands) {
    lines.push(`complete -c orbit -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`)
    const seen = quoted(`__fish_seen_subcommand_from ${command.name}`)
    for (const [name, { type, about }] of Object.entries({ ...command.options, ...commonOptions })) {
      lines.push(`complete -c orbit -n ${seen} -l ${name}${type === 'string' ? ' -x' : ''} -d ${quoted(about)}`)
    }
    if (takesFleet(command)) lines.push(`complete -c orbit -n ${seen} -a '(orbit ls --names 2>/dev/null)'`)
    if (command.name === 'completion') lines.push(`complete -c orbit -n ${seen} -a 'bash zsh fish'`)
  }
  return `${lines.join('\n')}\n`
}

const shells = { bash, zsh, fish }

/** @param all told when it runs: it is itself one of them. */
export const completionOf = (all: () => Commands): Command => ({
  name: 'completion',
  summary: 'a script that lets a shell complete orbit',
  operands: ['SHELL'],
  about: [
    'Prints a completion script for bash, zsh or fish: commands, options, and names of fleets. Load it from the file that',
    'your shell reads when it starts.',
  ],
  options: {},
  examples: [
    { line: 'source <(orbit completion bash)', about: 'in ~/.bashrc; for zsh the same in ~/.zshrc, after compinit' },
    { line: 'orbit completion fish | source', about: 'in ~/.config/fish/config.fish' },
  ],
  run(call: Call) {
    const shell = call.operand(0)
    if (!Object.hasOwn(shells, shell)) throw new UsageError(`SHELL=${shell} is not bash, zsh or fish`)
    const script = shells[shell as keyof typeof shells](all())
    if (call.output.isJson) call.output.json({ shell, script })
    else process.stdout.write(script)
  },
})
