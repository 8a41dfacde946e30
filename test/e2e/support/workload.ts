/** The registry's workload, past the API: what it was like in the beginning, and what others may do to it. */
import assert from 'node:assert/strict';
import { canonical } from '../../../scripts/sandbox/api/canonical.ts';
import {
  isReady,
  isTerminating,
  type Pod,
  type StatefulSet,
} from '../../../scripts/sandbox/cluster/objects.ts';
import type { Sandbox } from '../../../scripts/sandbox/index.ts';
import { eventually } from './wait.ts';

type WorkloadSpec = StatefulSet['spec'];

const NAME = 'docker-registry';

export class RegistryWorkload {
  readonly #sandbox: Sandbox;
  readonly #kind: 'StatefulSet' | 'Deployment';
  #before: string;

  constructor(sandbox: Sandbox, kind: 'StatefulSet' | 'Deployment') {
    this.#sandbox = sandbox;
    this.#kind = kind;
    this.#before = this.#text;
  }

  /** Everything but its status and the server's own bookkeeping is as in the beginning, to the byte. */
  assertAsBefore(): void {
    const text = this.#text;
    assert.deepEqual(JSON.parse(text), JSON.parse(this.#before), 'the workload is as before');
    assert.equal(text, this.#before, 'the workload is as before to the byte');
  }

  /** Grows with every change of its specification. */
  get generation(): number | undefined {
    return this.#stored?.metadata.generation;
  }

  get updateStrategy(): unknown {
    return JSON.parse(this.#text).spec.updateStrategy;
  }

  /** Gives it another specification, as an administrator would, and takes that for the beginning. */
  async configure(change: (spec: WorkloadSpec) => void): Promise<void> {
    const { store } = this.#sandbox.cluster;
    const workload = store.get<StatefulSet>(this.#key) as StatefulSet;
    change(workload.spec);
    store.update(this.#key.resource, canonical({ model: `V1${this.#kind}` }, workload));
    await this.settled();
    this.#before = this.#text;
  }

  /** Writes its template back, as a controller with its own opinion would; annotations stay as they are. */
  writeTemplateBack(): void {
    this.#sandbox.cluster.store.modify<StatefulSet>(this.#key, (workload) => {
      workload.spec = JSON.parse(this.#before).spec;
    });
  }

  /** Makes it as in the beginning, whatever a test has left. */
  async restore(): Promise<void> {
    if (this.#text !== this.#before) this.#putBack();
    await this.settled();
  }

  /** Returns when one ready pod runs the workload's template. */
  async settled(): Promise<void> {
    await eventually('the registry to run its template', () => {
      const [pod, ...more] = this.#pods;
      if (!pod || more.length > 0 || isTerminating(pod) || !isReady(pod)) return false;
      const [wanted] = this.#stored?.spec.template.spec.containers ?? [];
      return JSON.stringify(pod.spec.containers[0]?.env ?? []) === JSON.stringify(wanted?.env ?? []);
    });
  }

  #putBack(): void {
    const { store } = this.#sandbox.cluster;
    const { annotations, spec } = JSON.parse(this.#before);
    store.modify<StatefulSet>(this.#key, (workload) => {
      workload.spec = spec;
      workload.metadata.annotations = annotations;
    });
    // A StatefulSet does not replace a pod that never became ready.
    for (const { metadata } of this.#pods.filter((pod) => !isReady(pod)))
      store.remove({ resource: 'pods', namespace: metadata.namespace ?? '', name: metadata.name });
  }

  get #text(): string {
    const stored = this.#stored;
    return JSON.stringify({ annotations: stored?.metadata.annotations ?? {}, spec: stored?.spec });
  }

  get #stored(): StatefulSet | undefined {
    return this.#sandbox.cluster.store.get<StatefulSet>(this.#key);
  }

  get #pods(): Pod[] {
    return this.#sandbox.cluster.pods().filter(({ metadata }) => metadata.ownerReferences?.length);
  }

  get #key() {
    return { resource: `${this.#kind.toLowerCase()}s`, namespace: 'domino-platform', name: NAME };
  }
}
