/**
 * How the property tests run. fast-check prints the seed and the path of a failure; to see it again:
 * `SEED=… SEED_PATH=… node --test test/domain/plan-properties.test.ts`.
 */
import fc from 'fast-check';

/** Checks a property with random values, or with those of the given seed. */
export function check<Values extends [unknown, ...unknown[]]>(
  arbitraries: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  predicate: (...values: Values) => void,
): void {
  const { SEED: seed, SEED_PATH: path } = process.env;
  if (seed !== undefined && !/^-?\d+$/.test(seed)) throw new Error(`SEED is not a whole number: ${seed}`);
  fc.assert(fc.property(...arbitraries, predicate), {
    numRuns: 2000,
    ...(seed !== undefined && { seed: Number(seed) }),
    ...(path !== undefined && { path }),
  });
}
