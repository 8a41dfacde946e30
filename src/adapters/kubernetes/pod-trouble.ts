/** Why a pod does not run, in the cluster's own words. */
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { plainText } from '../../domain/text.ts';
import type { Wire } from './api-client.ts';

export interface PodTrouble {
  /** The kubelet's or the scheduler's reason: `ImagePullBackOff`, `Unschedulable`, … */
  readonly reason: string;
  readonly message: string;
}

/** Waiting reasons of every healthy start. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);

/** What keeps the pod from running, the most telling first; `undefined` when there is nothing but patience needed. */
export function podTrouble(pod: Wire<V1Pod>): PodTrouble | undefined {
  const { phase, reason, message, conditions = [] } = pod.status ?? {};
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const scheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  return (
    (reason ? { reason, message: message ?? '' } : undefined) ??
    first(statuses, waiting) ??
    first(statuses, ended) ??
    (scheduled
      ? { reason: scheduled.reason ?? 'Unschedulable', message: scheduled.message ?? '' }
      : undefined) ??
    (phase === 'Failed' ? { reason: 'Failed', message: message ?? '' } : undefined)
  );
}

/** `ImagePullBackOff: Back-off pulling image …`, on one line. */
export function tellTrouble({ reason, message }: PodTrouble): string {
  return plainText(message === '' ? reason : `${reason}: ${message}`);
}

/** The trouble of a pod that is not ready, starting included; empty when there is nothing to tell. */
export function whyNotReady(pod: Wire<V1Pod>): string {
  const trouble = podTrouble(pod);
  if (trouble) return tellTrouble(trouble);
  const unready = pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'False');
  const starting = first(pod.status?.containerStatuses ?? [], ({ state }) =>
    state?.waiting?.reason ? { reason: state.waiting.reason, message: '' } : undefined,
  );
  const words =
    starting ?? (unready ? { reason: unready.reason ?? '', message: unready.message ?? '' } : undefined);
  return words ? tellTrouble(words) : (pod.status?.phase ?? '');
}

function waiting({ state }: Wire<V1ContainerStatus>): PodTrouble | undefined {
  const { reason, message = '' } = state?.waiting ?? {};
  return reason && !STARTING.has(reason) ? { reason, message } : undefined;
}

function ended({ state }: Wire<V1ContainerStatus>): PodTrouble | undefined {
  if (!state?.terminated) return undefined;
  const { reason = 'Terminated', message = '', exitCode } = state.terminated;
  return { reason: `${reason} (exit code ${exitCode})`, message };
}

function first<Item, Result>(items: readonly Item[], look: (item: Item) => Result | undefined) {
  for (const item of items) {
    const result = look(item);
    if (result !== undefined) return result;
  }
  return undefined;
}
