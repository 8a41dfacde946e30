/** Counting the registry's open uploads, by looking at its files from inside its own pod. */
import { readFileSync } from 'node:fs';
import { RegistryError } from '../../domain/errors.ts';
import { describe } from '../../domain/workload.ts';
import type { OpenUploads, WorkloadPort } from '../../ports.ts';
import type { RegistryShell } from './registry-shell.ts';

const SCRIPT = readFileSync(new URL('./open-uploads.sh', import.meta.url), 'utf8').replace(/^\s*#.*\n/gm, '');
/** Exit statuses of the script; it says what they mean. */
const NO_FILES = 3;
const TOO_SLOW = 4;

export function createOpenUploads(shell: RegistryShell, workload: WorkloadPort): OpenUploads {
  return {
    async count(container, signal) {
      const pod = (await workload.pods(signal)).find(({ ready, terminating }) => ready && !terminating);
      if (pod === undefined)
        throw unknown(`no pod of ${describe(await workload.read(signal))} is ready`, 'temporary');
      const { status, output, errors } = await shell.run({ pod, container }, ['sh', '-c', SCRIPT], signal);
      if (status === NO_FILES) throw unknown('the registry does not keep its content in files of its pod');
      if (status === TOO_SLOW)
        throw unknown("looking through the registry's files failed, or takes too long");
      if (status !== 0 || !/^\s*\d+\s*$/.test(output))
        throw unknown(`looking at the registry's files ended with ${status}: ${errors}`);
      return Number(output);
    },
  };
}

function unknown(why: string, failure: 'temporary' | 'other' = 'other'): RegistryError {
  return new RegistryError(why, { failure });
}
