/** Deletes the pod. Belongs to the safety net: it runs however the run ends. */
import type { Context, Step } from './context.ts';
import { noPod } from './deploy-pod.ts';

export const teardown: Step = {
  key: 'teardown',

  skip: ({ pod, settings }) => (pod ? undefined : noPod(settings)),

  run: tearDown,
};

/** Lets go of the registry and deletes the pod; tells if that was gone already. */
export async function tearDown({
  pod,
  registry,
  signal,
}: Pick<Context, 'pod' | 'registry' | 'signal'>): Promise<string | undefined> {
  let wasThere: boolean | undefined;
  try {
    await registry.close();
  } finally {
    // Whatever became of the connections into it.
    wasThere = await pod?.remove(signal);
  }
  return wasThere ? undefined : 'the pod was gone already';
}
