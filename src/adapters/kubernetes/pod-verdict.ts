/** What a pod of the fixed name is to a run, and whether one that starts will make it. Pure. */
import type { V1Pod } from '@kubernetes/client-node';
import { RefusedError } from '../../domain/errors.ts';
import { plainText } from '../../domain/text.ts';
import type { SkopeoPodInfo } from '../../ports.ts';
import type { Wire } from './api-client.ts';
import {
  CONTAINER_NAME,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  RUN_LABEL,
  SETTINGS_ANNOTATION,
  STARTED_BY_ANNOTATION,
} from './pod-manifest.ts';
import type { PodTrouble } from './pod-trouble.ts';

export function podInfo(pod: Wire<V1Pod>): SkopeoPodInfo {
  const { metadata = {}, status } = pod;
  return {
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    run: isOurs(pod) ? (metadata.labels?.[RUN_LABEL] ?? '') : '',
    phase: status?.phase ?? 'Unknown',
    terminating: metadata.deletionTimestamp !== undefined,
    createdAt: metadata.creationTimestamp ?? '',
  };
}

/** Whether this program made the pod, in whatever run. */
export function isOurs({ metadata }: Wire<V1Pod>): boolean {
  return metadata?.labels?.[MANAGED_BY_LABEL] === MANAGED_BY && metadata.labels[RUN_LABEL] !== undefined;
}

/**
 * `running` and `starting` pods are adopted, `spent` ones replaced, and one that is `leaving` is waited for. A pod that
 * was made only just now and is over already has `failed`: its successor would, too.
 */
export type PodVerdict = 'running' | 'starting' | 'spent' | 'leaving' | 'failed';

export interface VerdictCriteria {
  readonly run: string;
  /** The manifest's `SETTINGS_ANNOTATION`. */
  readonly settings: string | undefined;
  /** UID of the pod that was made just now. */
  readonly created: string | undefined;
  /** The API server's clock. */
  readonly nowMs: number;
  /** A pod that the cluster ends within this time is as good as gone. */
  readonly deadlineMarginMs: number;
}

/** @throws RefusedError for a pod of another run, or of somebody else. */
export function judgePod(pod: Wire<V1Pod>, criteria: VerdictCriteria): PodVerdict {
  const { uid, phase, terminating } = podInfo(pod);
  if (terminating) return 'leaving';
  refuseStranger(pod, criteria.run);
  const fresh = uid === criteria.created;
  if (phase !== 'Running' && phase !== 'Pending') return fresh ? 'failed' : 'spent';
  const settings = pod.metadata?.annotations?.[SETTINGS_ANNOTATION];
  if (!fresh && (settings !== criteria.settings || expires(pod, criteria))) return 'spent';
  return isRunning(pod) ? 'running' : 'starting';
}

/** Whether a command can be executed in it: the container runs. (It need not be ready.) */
function isRunning({ status }: Wire<V1Pod>): boolean {
  const container = status?.containerStatuses?.find(({ name }) => name === CONTAINER_NAME);
  return status?.phase === 'Running' && container?.state?.running !== undefined;
}

function refuseStranger(pod: Wire<V1Pod>, run: string): void {
  const { name, run: owner, createdAt } = podInfo(pod);
  const which = `The pod ${name} in namespace ${pod.metadata?.namespace ?? ''}`;
  if (!isOurs(pod))
    throw new RefusedError(`${which} was not made by this program, and is left alone.`, {
      next: 'Find out who made it. The cleaning needs a pod of this name: delete or rename that one.',
    });
  if (owner === run) return;
  const by = plainText(pod.metadata?.annotations?.[STARTED_BY_ANNOTATION] ?? 'somebody', 100);
  throw new RefusedError(`${which} belongs to run ${plainText(owner, 63)}, of ${by}, since ${createdAt}.`, {
    next: 'Let that run end. If it is lost, put things right with `npm run clean -- recover`.',
  });
}

function expires({ spec, status }: Wire<V1Pod>, { nowMs, deadlineMarginMs }: VerdictCriteria): boolean {
  const startedAt = Date.parse(status?.startTime ?? '');
  if (spec?.activeDeadlineSeconds === undefined || Number.isNaN(startedAt)) return false;
  return startedAt + spec.activeDeadlineSeconds * 1000 - nowMs < deadlineMarginMs;
}

/** Waiting reasons of the kubelet that waiting does not change. */
const HOPELESS = new Set(['InvalidImageName', 'ErrImageNeverPull']);

/**
 * How long to wait with this trouble: not at all; for `graceMs`, since a registry may answer again or a Secret may
 * come; or, for a place in the cluster (an autoscaler takes minutes), to the end of the time for starting.
 */
export function patienceMs({ reason }: PodTrouble, graceMs: number): number {
  if (HOPELESS.has(reason)) return 0;
  return reason === 'Unschedulable' || reason === 'SchedulingGated' ? Number.POSITIVE_INFINITY : graceMs;
}
