import type { Pod } from '../../scripts/sandbox/cluster/objects.ts';
import type { Sandbox } from '../../scripts/sandbox/index.ts';

const patienceMs = 120_000;

/** Waits until the cluster's objects are as wished, looking again after each change. */
export function eventually(
  { cluster: { store } }: Sandbox,
  what: string,
  holds: () => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (end: () => void) => {
      clearTimeout(timer);
      unsubscribe();
      end();
    };
    const look = () => {
      if (holds()) finish(resolve);
    };
    const timer = setTimeout(() => finish(() => reject(new Error(`never came true: ${what}`))), patienceMs);
    const unsubscribe = store.subscribe(look);
    look();
  });
}

/** A pod by its name, in whichever namespace. */
export function podNamed({ cluster }: Sandbox, name: string): Pod | undefined {
  return cluster.pods().find(({ metadata }) => metadata.name === name);
}

/** Waits until a pod is ready. */
export function podReady(sandbox: Sandbox, name: string): Promise<void> {
  return eventually(
    sandbox,
    `pod ${name} is ready`,
    () => conditionOf(podNamed(sandbox, name), 'Ready') === 'True',
  );
}

/** Waits until a pod is gone. */
export function podGone(sandbox: Sandbox, name: string): Promise<void> {
  return eventually(sandbox, `pod ${name} is gone`, () => podNamed(sandbox, name) === undefined);
}

export function conditionOf(pod: Pod | undefined, condition: string): string | undefined {
  return pod?.status.conditions?.find(({ type }) => type === condition)?.status;
}
