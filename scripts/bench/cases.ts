import type { Case } from './case.ts';
import { contest } from './contest.ts';
import { growth } from './growth.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { opening } from './opening.ts';
import { routes } from './routes.ts';
import { scan } from './scan.ts';
import { small } from './small.ts';
import { storage } from './storage.ts';

/** The suite, in its order. */
export const cases: Readonly<Record<string, Case>> = {
  contest,
  growth,
  small,
  routes,
  latency,
  memory,
  storage,
  report: opening,
  scan,
};
