import type { Case } from './case.ts';
import { contest } from './contest.ts';

/** The suite, in its order. */
export const cases: Readonly<Record<string, Case>> = { contest };
