/** `recover`: puts the registry right from what stands in the cluster alone, without any local state. */

import { UnreachableError } from '../domain/errors.ts';
import { keptRecord } from '../domain/setting-change.ts';
import { describeChanges, recordOf } from '../domain/setting-record.ts';
import { describe } from '../domain/workload.ts';
import type { HeldLease, StepView } from '../ports.ts';
import { acquireLease, putSettingBack, releasing } from './lease.ts';
import { runEach } from './safety-net.ts';
import type { Connection, World } from './world.ts';

/** Ends what may still be at work, then restores the setting that a run has recorded, whoever began it. */
export async function recover(world: World): Promise<void> {
  const { person, work } = world;
  const connection = await world.connect('recover', { anyRun: true });
  const { context } = await connection.cluster.identity(work);
  person.say(`Looking at ${describe(await connection.workload.read(work))} (context ${context}).`);
  const lease = await acquireLease(world, connection);
  await releasing(world, lease, async () => {
    const workload = await connection.workload.read(work);
    const record = recordOf(workload) ?? keptRecord(workload, lease.setting);
    if (record)
      person.say(`Run ${record.run} of ${record.by} has ${describeChanges(record)}, on ${record.since}.`);
    await runEach(person, steps(world, connection, lease));
    if (record) person.say('What it had begun to delete, the next run finishes.');
  });
}

/** By a route without a pod one need not be allowed to see whether there is one. */
async function removePod(world: World, { pod }: Connection): Promise<string | undefined> {
  try {
    return (await pod.remove(world.safety)) ? undefined : 'there is none';
  } catch (error) {
    if (!(error instanceof UnreachableError && error.forbidden)) throw error;
    world.person.warn(`It was not seen whether a run has left its pod: ${error.message}`);
    return 'you may not see whether there is one';
  }
}

function steps(world: World, connection: Connection, lease: HeldLease): readonly StepView[] {
  return [
    {
      // First the pod: a program that was killed may have left a command at work in it.
      key: 'teardown',
      title: 'remove the pod',
      skip: undefined,
      run: () => removePod(world, connection),
    },
    {
      key: 'disable-delete',
      title: "put the registry's settings back",
      skip: undefined,
      async run(progress) {
        const restored = await putSettingBack(world, connection, { lease, run: undefined, progress });
        return {
          nothing: 'no run has changed it',
          restored: 'as before',
          left: 'somebody has changed it meanwhile; it was left as it is now',
        }[restored];
      },
    },
  ];
}
