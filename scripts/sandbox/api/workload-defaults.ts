import type { KubeObject } from '../cluster/objects.ts';

/** What the API server fills in for a new workload, and the status it begins with. */
interface Defaults {
  readonly spec: object;
  readonly status: object;
}

const surge = { maxSurge: '25%', maxUnavailable: '25%' };

const byKind: Readonly<Record<string, Defaults>> = {
  StatefulSet: {
    spec: {
      ...{ replicas: 1, podManagementPolicy: 'OrderedReady', revisionHistoryLimit: 10 },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    },
    status: { replicas: 0, availableReplicas: 0 },
  },
  Deployment: {
    spec: {
      ...{ replicas: 1, progressDeadlineSeconds: 600, revisionHistoryLimit: 10 },
      strategy: { type: 'RollingUpdate', rollingUpdate: surge },
    },
    status: {},
  },
  ReplicaSet: { spec: { replicas: 1 }, status: { replicas: 0 } },
  DaemonSet: {
    spec: {
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    },
    status: { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 },
  },
  Job: {
    spec: { parallelism: 1, completions: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false },
    status: {},
  },
  CronJob: {
    spec: {
      ...{ concurrencyPolicy: 'Allow', suspend: false },
      ...{ successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 },
    },
    status: {},
  },
};

/** A new workload as it is stored; any other object as it is. What the client says of its status does not count. */
export function defaultWorkload(object: KubeObject): KubeObject {
  const defaults = byKind[object.kind];
  if (defaults === undefined) return object;
  return { ...object, spec: { ...defaults.spec, ...object.spec }, status: structuredClone(defaults.status) };
}
