/** What this process runs on, as far as it decides which addon fits. */
export interface Platform {
  readonly platform: string
  readonly arch: string
  /** Linux with musl as its libc, such as Alpine. */
  readonly isMusl: boolean
}

const folder = 'node_modules/orbit-node/native'
const build = [
  `python3 -m tarfile -e ${folder}/source.tar.bz2 ${folder}`,
  'npm install --no-save node-addon-api@8',
  `npx node-gyp@12 rebuild -C ${folder}`,
].join(' && ')

const compilers: Record<string, string> = {
  darwin: 'xcode-select --install',
  musl: 'apk add python3 make g++',
  glibc: 'apt-get install python3 make g++, or the same packages of your distribution',
}

/** What to do on a platform where no addon could be opened: the end of an error message. */
export function adviceFor({ platform, arch, isMusl }: Platform): string {
  if (platform === 'win32') {
    return 'orbit-node needs POSIX shared memory, which Windows does not have: run the program in WSL 2 or in a Linux container'
  }
  if (platform !== 'linux' && platform !== 'darwin') {
    return `orbit-node runs on Linux and macOS, not on ${platform}: run the program in a Linux container`
  }
  if (arch === 'ia32' || arch === 'arm') {
    return `orbit-node needs a 64-bit Node.js, and this one is ${arch}: install the 64-bit build of Node.js`
  }
  const tools = compilers[platform === 'darwin' ? 'darwin' : isMusl ? 'musl' : 'glibc']
  return `build the addon: install a compiler (${tools}), then run in your project: ${build}`
}
