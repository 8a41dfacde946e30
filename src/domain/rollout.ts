/** When a rollout of the registry is really over. `kubectl wait` is no help: it sees the OLD pod, still ready. */

import { RefusedError } from './errors.ts';
import { changedEntry, settingKeys } from './setting-record.ts';
import type { EnvEntry, Workload, WorkloadContainer, WorkloadPod } from './workload.ts';
import { describe } from './workload.ts';

/** Whether a rollout is over, and if not, what it waits for. */
export type RolloutState =
  | { readonly over: true }
  | {
      readonly over: false;
      readonly waitingFor: string;
      /**
       * A pod of an older revision that is not ready. A StatefulSet does not replace it although the template is good
       * again (Kubernetes documentation, "Forced rollback"): it must be deleted.
       */
      readonly stuck: WorkloadPod | undefined;
    };

/**
 * Refuses a workload whose pods would never be replaced by themselves, before anything is changed.
 *
 * @throws RefusedError
 */
export function refuseUnrollable(workload: Workload): void {
  const refuse = (problem: string, next: string) => {
    throw new RefusedError(`${describe(workload)} ${problem}, so a changed setting would not take effect.`, {
      next,
    });
  };
  if (workload.updateStrategy === 'OnDelete')
    refuse('has the update strategy OnDelete', 'Set it to RollingUpdate for the time of the cleaning.');
  if (workload.partition > 0)
    refuse(`has a rolling update with partition ${workload.partition}`, 'Set the partition to 0.');
  if (workload.paused) refuse('is paused', `Resume it: kubectl rollout resume deployment/${workload.name}.`);
  if (workload.replicas === 0) refuse('is scaled to 0 replicas', 'Scale it up again.');
}

/** Judges the rollout of the template as it is now, from the workload's status and from its pods. */
export function rolloutState(
  workload: Workload,
  pods: readonly WorkloadPod[],
  containerName: string,
): RolloutState {
  const { status, generation, replicas } = workload;
  const stuck =
    workload.kind === 'StatefulSet'
      ? pods.find((pod) => !pod.ready && !pod.terminating && isOld(pod, workload, containerName))
      : undefined;
  const wait = (waitingFor: string): RolloutState => ({ over: false, waitingFor, stuck });

  if (status.observedGeneration < generation) return wait('the controller to see the change');
  if (workload.kind === 'StatefulSet' && status.updatedReplicas < replicas && stuck)
    return wait(`pod ${stuck.name} to be replaced`);
  const old = pods.find((pod) => isOld(pod, workload, containerName));
  if (old) return wait(`the old pod ${old.name} to go`);
  const leaving = pods.find((pod) => pod.terminating);
  if (leaving) return wait(`pod ${leaving.name} to end`);
  const unready = pods.find((pod) => !pod.ready);
  if (unready) return wait(`pod ${unready.name}${unready.trouble === '' ? '' : ` (${unready.trouble})`}`);
  if (!countersAgree(workload) || pods.length !== replicas) return wait(`${replicas} ready replicas`);
  return { over: true };
}

function countersAgree({ kind, status, replicas }: Workload): boolean {
  if (status.updatedReplicas !== replicas || status.replicas !== replicas) return false;
  return kind === 'StatefulSet'
    ? status.readyReplicas === replicas && status.updateRevision === status.currentRevision
    : status.availableReplicas === replicas;
}

/** A pod still runs with other settings than the template has: a rollout of them is under way, or hangs. */
export function runsOtherSetting(
  workload: Workload,
  pods: readonly WorkloadPod[],
  containerName: string,
): boolean {
  return pods.some((pod) => isOld(pod, workload, containerName));
}

/** A pod is old when its registry container has other settings than the template: that is what decides here. */
function isOld(pod: WorkloadPod, workload: Workload, containerName: string): boolean {
  const wanted = settingsOf(workload.containers, containerName);
  const actual = settingsOf(pod.containers, containerName);
  return JSON.stringify(sorted(actual)) !== JSON.stringify(sorted(wanted));
}

/** The entries of all settings that runs change; `undefined` for those that are not there. */
function settingsOf(containers: readonly WorkloadContainer[], name: string): (EnvEntry | undefined)[] {
  const env = containers.find((container) => container.name === name)?.env;
  return settingKeys.map((key) => env?.find((entry) => entry.name === changedEntry(key).name));
}

/** With sorted keys, so that two references compare equal however they were written. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
