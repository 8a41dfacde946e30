import { forbidden, type Subject } from '../api/status.ts';
import { Armed } from '../armed.ts';
import type { Pod } from './objects.ts';

/** Why a pod cannot start. */
export type StartFailure =
  | 'imagePull'
  | 'unschedulable'
  | 'containerConfig'
  | 'crash'
  | 'quota'
  | 'webhook'
  | 'neverReady';

/** A failure that waits for its pod. */
export interface ArmedFailure {
  readonly failure: StartFailure;
  /** Which pods it hits: those whose name begins so. */
  readonly podPrefix: string;
  /** Only pods that a controller has made. */
  readonly controlledOnly?: boolean;
  /** How many pods it hits. */
  readonly times: number;
  /** In the cluster's words; without one, the words of a typical cluster. */
  readonly message?: string;
}

/** What a failure looks at in a pod's metadata. */
type PodName = { readonly name: string; readonly ownerReferences?: readonly unknown[] };

/** Failures that pods run into, on request. */
export class PodFaults {
  readonly #armed = new Armed<ArmedFailure>();

  arm(failure: ArmedFailure): void {
    this.#armed.arm(failure);
  }

  clear(): void {
    this.#armed.clear();
  }

  /** Uses up a failure that waits for this pod; undefined if there is none. */
  take(pod: PodName, failures: readonly StartFailure[]): ArmedFailure | undefined {
    return this.#armed.take(
      ({ failure, podPrefix, controlledOnly }) =>
        failures.includes(failure) &&
        pod.name.startsWith(podPrefix) &&
        (pod.ownerReferences !== undefined || !controlledOnly),
    );
  }

  /** Refuses a new pod if a quota or a webhook is to do so. @throws {ApiError} 403 */
  assertAdmitted(subject: Subject): void {
    const found = this.take({ name: subject.name ?? '' }, ['quota', 'webhook']);
    if (found === undefined) return;
    if (found.failure === 'quota') {
      const usual =
        'exceeded quota: compute-quota, requested: limits.memory=256Mi, used: limits.memory=8Gi, limited: limits.memory=8Gi';
      throw forbidden(subject, found.message ?? usual);
    }
    throw webhookDenial(subject, found.message ?? 'images must come from the internal registry');
  }
}

function webhookDenial(subject: Subject, message: string) {
  const denial = forbidden(subject, message);
  denial.message = `admission webhook "policy.example.com" denied the request: ${message}`;
  return denial;
}

/** The usual words of a kubelet or scheduler for what a pod waits for. */
export function usualMessage(failure: StartFailure, pod: Pod): string {
  const image = pod.spec.containers[0]?.image ?? '';
  switch (failure) {
    case 'imagePull':
      return `Back-off pulling image ${JSON.stringify(image)}: ErrImagePull: failed to pull and unpack image ${JSON.stringify(image)}: failed to resolve reference ${JSON.stringify(image)}: ${image}: not found`;
    case 'unschedulable':
      return "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    case 'containerConfig':
      return 'secret "registry-client" not found';
    default:
      return '';
  }
}
