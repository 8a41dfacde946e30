import { type Condition, type ContainerStatus, type Pod, timestamp } from './objects.ts';
import type { ObjectKey, ObjectStore } from './store.ts';

/** Writes a pod's status as its kubelet and its scheduler do. */
export class PodReport {
  readonly #store: ObjectStore;
  readonly #key: ObjectKey;
  readonly #uid: string | undefined;

  constructor(store: ObjectStore, key: ObjectKey, pod: Pod) {
    this.#store = store;
    this.#key = key;
    this.#uid = pod.metadata.uid;
  }

  unschedulable(message: string): void {
    this.#write((pod) =>
      setCondition(pod, { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }),
    );
  }

  scheduled(nodeName: string): void {
    this.#write((pod) => {
      pod.spec.nodeName = nodeName;
      pod.status.startTime = timestamp();
      pod.status.hostIP = '127.0.0.1';
      pod.status.containerStatuses = pod.spec.containers.map(({ name, image }) => ({
        ...{ name, image, imageID: '', ready: false, started: false, restartCount: 0, lastState: {} },
        state: { waiting: { reason: 'ContainerCreating' } },
      }));
      setCondition(pod, { type: 'PodScheduled', status: 'True' });
      setCondition(pod, { type: 'Initialized', status: 'True' });
      updateReadiness(pod);
    });
  }

  /** No container of the pod gets any further. */
  waiting(reason: string, message: string): void {
    this.#write((pod) => {
      for (const status of pod.status.containerStatuses ?? [])
        status.state = { waiting: { reason, message } };
    });
  }

  running(name: string, restartCount: number): void {
    this.#writeContainer(name, (status, pod) => {
      status.state = { running: { startedAt: timestamp() } };
      status.started = true;
      status.restartCount = restartCount;
      status.imageID = `${status.image}@sha256:${'0'.repeat(64)}`;
      pod.status.phase = 'Running';
      pod.status.podIP = '127.0.0.1';
    });
  }

  ready(name: string): void {
    this.#writeContainer(name, (status) => {
      status.ready = true;
    });
  }

  /** The first process of a container is over; `again`: it will be restarted. */
  exited(
    name: string,
    end: {
      readonly exitCode: number;
      readonly again: boolean;
      readonly reason?: string;
      readonly message?: string;
    },
  ): void {
    const { exitCode, again, reason = exitCode === 0 ? 'Completed' : 'Error', message } = end;
    this.#writeContainer(name, (status, pod) => {
      const startedAt = status.state.running?.startedAt ?? timestamp();
      const terminated = {
        exitCode,
        reason,
        startedAt,
        finishedAt: timestamp(),
        ...(message && { message }),
      };
      status.ready = false;
      status.started = false;
      status.state = again ? { waiting: crashLoop(name, pod) } : { terminated };
      if (again) status.lastState = { terminated };
      // A failed pod keeps its verdict, whatever its processes do afterwards.
      if (!again && pod.status.phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined) {
        const codes = (pod.status.containerStatuses ?? []).map(({ state }) => state.terminated?.exitCode);
        if (!codes.includes(undefined))
          pod.status.phase = codes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
      }
    });
  }

  deadlineExceeded(): void {
    this.#write((pod) => {
      pod.status.phase = 'Failed';
      pod.status.reason = 'DeadlineExceeded';
      pod.status.message = 'Pod was active on the node longer than the specified deadline';
      for (const status of pod.status.containerStatuses ?? []) status.ready = false;
      updateReadiness(pod);
    });
  }

  #writeContainer(name: string, change: (status: ContainerStatus, pod: Pod) => void): void {
    this.#write((pod) => {
      const status = pod.status.containerStatuses?.find((candidate) => candidate.name === name);
      if (status !== undefined) change(status, pod);
      updateReadiness(pod);
    });
  }

  #write(change: (pod: Pod) => void): void {
    // A pod of the same name may have taken its place.
    const current = this.#store.get<Pod>(this.#key);
    if (current !== undefined && current.metadata.uid === this.#uid)
      this.#store.modify<Pod>(this.#key, change);
  }
}

function crashLoop(name: string, { metadata }: Pod) {
  const message = `back-off 10s restarting failed container=${name} pod=${metadata.name}_${metadata.namespace}(${metadata.uid})`;
  return { reason: 'CrashLoopBackOff', message };
}

function updateReadiness(pod: Pod): void {
  const ready = pod.status.containerStatuses?.every((status) => status.ready) ?? false;
  const names = (pod.status.containerStatuses ?? [])
    .filter((status) => !status.ready)
    .map(({ name }) => name);
  const why = {
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${names.join(' ')}]`,
  };
  for (const type of ['ContainersReady', 'Ready']) {
    setCondition(pod, ready ? { type, status: 'True' } : { type, status: 'False', ...why });
  }
}

function setCondition(pod: Pod, condition: Condition): void {
  const conditions = pod.status.conditions ?? [];
  const before = conditions.find(({ type }) => type === condition.type);
  const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
  const rest = conditions.filter(({ type }) => type !== condition.type);
  pod.status.conditions = [...rest, { ...condition, lastTransitionTime: since ?? timestamp() }];
}
