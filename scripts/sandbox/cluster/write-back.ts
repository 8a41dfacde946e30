import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, StatefulSet } from './objects.ts';
import type { Change, ObjectStore } from './store.ts';

type Workload = Pick<StatefulSet, 'spec'> & KubeObject;

/** A controller with its own opinion: it puts a workload's template back when somebody changes it. */
export class WriteBack {
  readonly #store: ObjectStore;
  readonly #unsubscribe: () => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  #armed: { readonly afterMs: number; readonly times: number } | undefined;

  constructor(store: ObjectStore) {
    this.#store = store;
    this.#unsubscribe = store.subscribe((change) => this.#react(change));
  }

  arm(armed: { readonly afterMs: number; readonly times: number }): void {
    this.#armed = armed;
  }

  clear(): void {
    this.#armed = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  close(): void {
    this.clear();
    this.#unsubscribe();
  }

  #react({ type, resource, object, previous }: Change): void {
    if (this.#armed === undefined || type !== 'MODIFIED' || !/^(statefulsets|deployments)$/.test(resource))
      return;
    const [before, after] = [previous as Workload, object as Workload].map(({ spec }) => spec.template);
    if (before === undefined || isDeepStrictEqual(before, after)) return;
    const { afterMs, times } = this.#armed;
    this.#armed = times > 1 ? { afterMs, times: times - 1 } : undefined;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const { namespace = '', name } = object.metadata;
      this.#store.modify<Workload>({ resource, namespace, name }, ({ spec }) => {
        spec.template = before;
      });
    }, afterMs);
    this.#timers.add(timer);
  }
}
