/** `recover`: puts the registry right from what stands in the cluster alone, without any local state. */

import { recordOf } from '../domain/setting-record.ts';
import { describe } from '../domain/workload.ts';
import type { StepView } from '../ports.ts';
import { restoreSetting } from '../steps/restore.ts';
import { recoverCommand } from './advice.ts';
import { containerOf } from './preflight.ts';
import { runEach } from './safety-net.ts';
import type { World } from './world.ts';

/** Ends what may still be at work, then restores the setting that a run has recorded, whoever began it. */
export async function recover(world: World): Promise<void> {
  const { person, clock, options, safety, work } = world;
  const connection = await world.connect('recover', { anyRun: true });
  const { context } = await connection.cluster.identity(work);
  const workload = await connection.workload.read(work);
  person.say(`Looking at ${describe(workload)} (context ${context}).`);
  const record = recordOf(workload);
  if (record) person.say(`Deletion was enabled by run ${record.run} of ${record.by}, on ${record.since}.`);
  const steps: StepView[] = [
    {
      // First the pod: a program that was killed may have left a command at work in it.
      key: 'teardown',
      title: 'remove the pod',
      skip: undefined,
      run: async () => ((await connection.pod.remove(safety)) ? undefined : 'there is none'),
    },
    {
      key: 'disable-delete',
      title: 'put the deletion setting back',
      skip: undefined,
      async run(progress) {
        const restored = await restoreSetting({
          ...options,
          workload: connection.workload,
          clock,
          signal: safety,
          progress,
          context,
          container: containerOf(options),
          recover: recoverCommand(options),
          manual: undefined,
          run: undefined,
        });
        return {
          nothing: 'no run has changed it',
          restored: 'as before',
          left: 'somebody has changed it meanwhile; it was left as it is now',
        }[restored];
      },
    },
  ];
  await runEach(person, steps);
  if (record) person.say('What it had begun to delete, the next run finishes.');
}
