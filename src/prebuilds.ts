/**
 * The addons in prebuilds/, by platform: methods that return literal paths, which file tracers and bundlers find. The
 * build leaves out the files that are not there, since bundlers fail on them. musl comes first: on a glibc system its
 * addon finds no libc, while musl may load an addon for glibc.
 */
export const prebuilds: Record<string, () => URL[]> = {
  'linux-x64'() {
    return [
      new URL('../prebuilds/linux-x64/orbit.musl.node', import.meta.url),
      new URL('../prebuilds/linux-x64/orbit.glibc.node', import.meta.url),
    ]
  },
  'linux-arm64'() {
    return [
      new URL('../prebuilds/linux-arm64/orbit.musl.node', import.meta.url),
      new URL('../prebuilds/linux-arm64/orbit.glibc.node', import.meta.url),
    ]
  },
  'darwin-x64'() {
    return [
      new URL('../prebuilds/darwin-x64/orbit.node', import.meta.url), //
    ]
  },
  'darwin-arm64'() {
    return [
      new URL('../prebuilds/darwin-arm64/orbit.node', import.meta.url), //
    ]
  },
}
