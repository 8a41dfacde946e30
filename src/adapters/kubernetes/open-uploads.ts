/** Counting the registry's open uploads, by looking at its files from inside its own pod. */
import { readFileSync } from 'node:fs';
import { RegistryError } from '../../domain/errors.ts';
import { describe } from '../../domain/workload.ts';
import type { OpenUploads, WorkloadPort } from '../../ports.ts';
import type { Endpoint } from './endpoint.ts';
import { type ExecTimes, startExec } from './exec.ts';
import { execTarget } from './pod-requests.ts';

const SCRIPT = readFileSync(new URL('./open-uploads.sh', import.meta.url), 'utf8').replace(/^\s*#.*\n/gm, '');
/** Exit statuses of the script; it says what they mean. */
const NO_FILES = 3;
const TOO_SLOW = 4;

export interface OpenUploadsOptions extends ExecTimes {
  readonly namespace: string;
  readonly workload: WorkloadPort;
}

export function createOpenUploads(endpoint: Endpoint, options: OpenUploadsOptions): OpenUploads {
  const { namespace, workload } = options;
  return {
    async count(container, signal) {
      const pod = (await workload.pods(signal)).find(({ ready, terminating }) => ready && !terminating);
      if (pod === undefined)
        throw unknown(`no pod of ${describe(await workload.read(signal))} is ready`, 'temporary');
      const session = await startExec(endpoint, {
        ...options,
        target: execTarget(namespace, pod.name),
        container,
        argv: ['sh', '-c', SCRIPT],
        place: pod.uid,
        where: `container ${container} of pod ${pod.name} in namespace ${namespace}`,
        signal,
        judgeFailedStart: async () => 'other',
      });
      let output = '';
      for await (const chunk of session.output) output += chunk.toString('utf8');
      const status = await session.exit;
      if (status === NO_FILES) throw unknown('the registry does not keep its content in files of its pod');
      if (status === TOO_SLOW)
        throw unknown("looking through the registry's files failed, or takes too long");
      if (status !== 0 || !/^\s*\d+\s*$/.test(output))
        throw unknown(`looking at the registry's files ended with ${status}: ${session.errors()}`);
      return Number(output);
    },
  };
}

function unknown(why: string, failure: 'temporary' | 'other' = 'other'): RegistryError {
  return new RegistryError(why, { failure });
}
