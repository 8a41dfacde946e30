/** Everything in a cluster that runs containers, or is to run them, and the images that it names. */
import type {
  V1CronJob,
  V1DaemonSet,
  V1Deployment,
  V1Job,
  V1Pod,
  V1PodSpec,
  V1PodTemplateSpec,
  V1ReplicaSet,
  V1StatefulSet,
} from '@kubernetes/client-node';
import type { Wire } from './api-client.ts';

/** One kind of object that names images. */
export interface ImageSource {
  readonly kind: string;
  readonly group: string;
  readonly resource: string;
  /** Which of the objects count, as far as the API server can tell. */
  readonly fieldSelector?: string;
  /** The images that an object of this kind needs now or later, as they stand there. */
  images(object: object): readonly (string | undefined)[];
}

/**
 * A pod that has ended never starts again, whatever its restart policy: it needs no image any more. (Whatever puts
 * another in its place counts by itself.)
 */
export const PODS: ImageSource = {
  ...{ kind: 'Pod', group: '', resource: 'pods' },
  fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
  images({ spec, status }: Wire<V1Pod>) {
    const {
      containerStatuses = [],
      initContainerStatuses = [],
      ephemeralContainerStatuses = [],
    } = status ?? {};
    const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
    // What runs may be another image than the one that bears the spec's name by now.
    return [...imagesOf(spec), ...statuses.flatMap(({ image, imageID }) => [image, imageID])];
  },
};

const DEPLOYMENTS: ImageSource = {
  ...{ kind: 'Deployment', group: 'apps', resource: 'deployments' },
  // One without replicas is to have some again.
  images: ({ spec }: Wire<V1Deployment>) => imagesOfTemplate(spec?.template),
};

const STATEFUL_SETS: ImageSource = {
  ...{ kind: 'StatefulSet', group: 'apps', resource: 'statefulsets' },
  images: ({ spec }: Wire<V1StatefulSet>) => imagesOfTemplate(spec?.template),
};

const REPLICA_SETS: ImageSource = {
  ...{ kind: 'ReplicaSet', group: 'apps', resource: 'replicasets' },
  // Those without replicas are a Deployment's past.
  images: ({ spec }: Wire<V1ReplicaSet>) => (spec?.replicas === 0 ? [] : imagesOfTemplate(spec?.template)),
};

const DAEMON_SETS: ImageSource = {
  ...{ kind: 'DaemonSet', group: 'apps', resource: 'daemonsets' },
  images: ({ spec }: Wire<V1DaemonSet>) => imagesOfTemplate(spec?.template),
};

const JOBS: ImageSource = {
  ...{ kind: 'Job', group: 'batch', resource: 'jobs' },
  // A suspended one is to go on.
  images: (job: Wire<V1Job>) => (hasEnded(job) ? [] : imagesOfTemplate(job.spec?.template)),
};

const CRON_JOBS: ImageSource = {
  ...{ kind: 'CronJob', group: 'batch', resource: 'cronjobs' },
  images: ({ spec }: Wire<V1CronJob>) => imagesOfTemplate(spec?.jobTemplate?.spec?.template),
};

/** Whatever makes pods. */
export const POD_MAKERS: readonly ImageSource[] = [
  ...[DEPLOYMENTS, STATEFUL_SETS, REPLICA_SETS, DAEMON_SETS],
  ...[JOBS, CRON_JOBS],
];

function hasEnded({ status }: Wire<V1Job>): boolean {
  const conditions = status?.conditions ?? [];
  return conditions.some(
    ({ type, status: holds }) => (type === 'Complete' || type === 'Failed') && holds === 'True',
  );
}

function imagesOfTemplate(template: Wire<V1PodTemplateSpec> | undefined): readonly (string | undefined)[] {
  return imagesOf(template?.spec);
}

function imagesOf(spec: Wire<V1PodSpec> | undefined): readonly (string | undefined)[] {
  const { containers = [], initContainers = [], ephemeralContainers = [], volumes = [] } = spec ?? {};
  return [
    ...[...containers, ...initContainers, ...ephemeralContainers].map(({ image }) => image),
    ...volumes.map(({ image }) => image?.reference),
  ];
}
