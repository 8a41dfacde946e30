/** The registry's StatefulSet or Deployment, with a controller that takes its time by the fake clock. */

import { isDeepStrictEqual } from 'node:util';
import { applyJsonPatch } from '../../../scripts/sandbox/api/json-patch.ts';
import { ConflictError } from '../../../src/domain/errors.ts';
import { VARIABLE } from '../../../src/domain/setting-record.ts';
import type {
  EnvEntry,
  JsonPatch,
  Workload,
  WorkloadContainer,
  WorkloadPod,
} from '../../../src/domain/workload.ts';
import type { Clock, WorkloadPort } from '../../../src/ports.ts';
import { container, pod, workload } from '../../domain/workloads.ts';

/** What a patch can reach, in the shape that the API server has it. */
interface Template {
  metadata: { resourceVersion: string; annotations?: Record<string, string> };
  spec: { template: { spec: { containers: { name: string; image: string; env?: EnvEntry[] }[] } } };
}

type WorkloadCall = 'read' | 'patch' | 'pods' | 'deletePod';

export class FakeWorkload implements WorkloadPort {
  /** Called before an operation; what it throws is its failure. */
  before: (call: WorkloadCall) => void = () => {};
  /** Called when it has taken place; what it throws is an answer that was lost. */
  after: (call: WorkloadCall) => void = () => {};
  /** How long a new pod needs to become ready. */
  startsWithinMs = 3000;
  /** Whether a pod with such an environment ever becomes ready. */
  canStart: (env: readonly EnvEntry[] | undefined) => boolean = () => true;
  /** What differs from a StatefulSet with one replica. */
  differing: Partial<Workload> = {};
  readonly patches: JsonPatch[] = [];
  readonly deletedPods: string[] = [];
  readonly #clock: Clock;
  #object: Template;
  #generation = 1;
  #pod: { uid: string; containers: Template['spec']['template']['spec']['containers']; bornMs: number };
  #pods = 1;

  constructor(clock: Clock, env?: readonly EnvEntry[]) {
    this.#clock = clock;
    const registry = { name: 'registry', image: 'registry:2.8.2', ...(env && { env: [...env] }) };
    this.#object = {
      metadata: { resourceVersion: '1' },
      spec: { template: { spec: { containers: [registry] } } },
    };
    this.#pod = { uid: 'pod-1', containers: this.#containers(), bornMs: Number.NEGATIVE_INFINITY };
  }

  /** The template and the annotations, for comparing. */
  snapshot(): unknown {
    const { metadata, spec } = structuredClone(this.#object);
    return { annotations: metadata.annotations ?? {}, spec };
  }

  /** Somebody else changes the object. */
  edit(change: (object: Template) => void): void {
    const before = structuredClone(this.#object);
    change(this.#object);
    this.#written(before);
  }

  /** Somebody else sets the variable. */
  setVariable(value: string): void {
    this.edit(({ spec }) => {
      const [registry] = spec.template.spec.containers;
      if (registry) registry.env = [{ name: VARIABLE, value }];
    });
  }

  /** `undefined` strips the annotation. */
  annotate(key: string, value: string | undefined): void {
    this.edit(({ metadata }) => {
      const { [key]: _, ...others } = metadata.annotations ?? {};
      metadata.annotations = value === undefined ? others : { ...others, [key]: value };
    });
  }

  /** Whether the registry that runs at this moment deletes. */
  deletionEnabled(): boolean {
    this.#reconcile();
    const env = this.#pod.containers.find(({ name }) => name === 'registry')?.env;
    return this.isUp() && env?.find(({ name }) => name === VARIABLE)?.value === 'true';
  }

  isUp(): boolean {
    this.#reconcile();
    return this.#isReady();
  }

  async read(signal: AbortSignal): Promise<Workload> {
    await this.#begin('read', signal);
    const answer = this.#view();
    this.after('read');
    return answer;
  }

  async patch(patch: JsonPatch, signal: AbortSignal): Promise<Workload> {
    await this.#begin('patch', signal);
    this.patches.push(patch);
    const before = structuredClone(this.#object);
    try {
      this.#object = applyJsonPatch(this.#object, patch) as Template;
    } catch (cause) {
      throw new ConflictError('The workload has changed meanwhile.', { cause });
    }
    this.#written(before);
    this.after('patch');
    return this.#view();
  }

  async pods(signal: AbortSignal): Promise<readonly WorkloadPod[]> {
    await this.#begin('pods', signal);
    this.#reconcile();
    const ready = this.#isReady();
    const { uid } = this.#pod;
    return [
      pod({
        uid,
        ready,
        containers: mapped(this.#pod.containers),
        trouble: ready ? '' : 'CrashLoopBackOff: back-off restarting failed container',
      }),
    ];
  }

  async deletePod({ uid }: WorkloadPod, signal: AbortSignal): Promise<void> {
    await this.#begin('deletePod', signal);
    this.deletedPods.push(uid);
    if (uid === this.#pod.uid) this.#replacePod();
  }

  async #begin(call: WorkloadCall, signal: AbortSignal): Promise<void> {
    await Promise.resolve();
    signal.throwIfAborted();
    this.before(call);
  }

  #written(before: Template): void {
    if (!isDeepStrictEqual(before.spec, this.#object.spec)) this.#generation += 1;
    this.#object.metadata.resourceVersion = String(Number(this.#object.metadata.resourceVersion) + 1);
  }

  /** A StatefulSet's controller waits for the pod to be ready before it replaces it: a broken one stays. */
  #reconcile(): void {
    if (isDeepStrictEqual(this.#pod.containers, this.#object.spec.template.spec.containers)) return;
    if (this.#isReady() || this.#kind() === 'Deployment') this.#replacePod();
  }

  #replacePod(): void {
    this.#pods += 1;
    this.#pod = { uid: `pod-${this.#pods}`, containers: this.#containers(), bornMs: this.#clock.now() };
  }

  #isReady(): boolean {
    const { bornMs, containers } = this.#pod;
    return this.#clock.now() - bornMs >= this.startsWithinMs && this.canStart(containers[0]?.env);
  }

  #kind(): Workload['kind'] {
    return this.differing.kind ?? 'StatefulSet';
  }

  #containers() {
    return structuredClone(this.#object.spec.template.spec.containers);
  }

  #view(): Workload {
    this.#reconcile();
    const isCurrent = isDeepStrictEqual(this.#pod.containers, this.#object.spec.template.spec.containers);
    const ready = this.#isReady() ? 1 : 0;
    const updated = isCurrent ? 1 : 0;
    return workload({
      resourceVersion: this.#object.metadata.resourceVersion,
      generation: this.#generation,
      annotations: this.#object.metadata.annotations,
      containers: mapped(this.#object.spec.template.spec.containers),
      status: {
        observedGeneration: this.#generation,
        replicas: 1,
        updatedReplicas: updated,
        readyReplicas: ready,
        availableReplicas: ready,
        currentRevision: isCurrent ? `r${this.#generation}` : 'old',
        updateRevision: `r${this.#generation}`,
      },
      ...this.differing,
    });
  }
}

function mapped(containers: Template['spec']['template']['spec']['containers']): WorkloadContainer[] {
  return containers.map(({ name, image, env }) => container({ name, image, env: structuredClone(env) }));
}
