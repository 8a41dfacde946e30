/** Checks what is on this machine once more, just before it is used: the folders of the lists. */
import { count } from '../domain/text.ts';
import type { Step } from './context.ts';

export const verifyLayout: Step = {
  key: 'verify-layout',

  async run({ run, environments }) {
    await run.lists.prepare();
    return count(environments.length, 'environment');
  },
};
