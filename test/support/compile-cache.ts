/**
 * For the environment of a program of ours that a test starts: most of a short one's time is loading its libraries,
 * and `npm test` has them compiled once.
 */
export function compileCache(): Readonly<Record<string, string>> {
  const { NODE_COMPILE_CACHE } = process.env;
  return NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {};
}
