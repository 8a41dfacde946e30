import type { IncomingMessage } from 'node:http';
import {
  type Deployment,
  isTerminating,
  type KubeObject,
  type Pod,
  type StatefulSet,
} from '../cluster/objects.ts';

type Cell = string | number;

interface Columns {
  readonly names: readonly string[];
  readonly cells: (object: KubeObject) => Cell[];
}

/** What `kubectl get` shows of the resources that somebody would look at. */
const tables: Readonly<Record<string, Columns>> = {
  pods: {
    names: ['Ready', 'Status', 'Restarts'],
    cells: (object) => {
      const pod = object as Pod;
      const statuses = pod.status.containerStatuses ?? [];
      const ready = statuses.filter((status) => status.ready).length;
      const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
      return [`${ready}/${pod.spec.containers.length}`, podState(pod), restarts];
    },
  },
  statefulsets: {
    names: ['Ready'],
    cells: (object) => {
      const { spec, status } = object as StatefulSet;
      return [`${status.readyReplicas ?? 0}/${spec.replicas}`];
    },
  },
  deployments: {
    names: ['Ready', 'Up-to-date', 'Available'],
    cells: (object) => {
      const { spec, status } = object as Deployment;
      const ready = `${status.readyReplicas ?? 0}/${spec.replicas}`;
      return [ready, status.updatedReplicas ?? 0, status.availableReplicas ?? 0];
    },
  },
  events: {
    names: ['Type', 'Reason', 'Object', 'Message'],
    cells: (object) => {
      const event = object as KubeObject & Record<'type' | 'reason' | 'message', string> & Involved;
      const { kind, name } = event.involvedObject;
      return [event.type, event.reason, `${kind.toLowerCase()}/${name}`, event.message];
    },
  },
};

interface Involved {
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

/** Whether a client wants to be told what to print instead of the objects themselves, as kubectl does. */
export function wantsTable({ headers }: IncomingMessage): boolean {
  return headers.accept?.includes('as=Table') ?? false;
}

/** Objects of one resource as rows to print. */
export function tableOf(plural: string, objects: readonly KubeObject[], version: string): object {
  const { names = [], cells = () => [] } = tables[plural] ?? {};
  const column = (name: string) => ({
    name,
    type: 'string',
    format: name === 'Name' ? 'name' : '',
    description: name,
    priority: 0,
  });
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion: version },
    columnDefinitions: ['Name', ...names, 'Age'].map(column),
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ...cells(object), age(object)],
      object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
    })),
  };
}

function podState(pod: Pod): string {
  if (isTerminating(pod)) return 'Terminating';
  const [state] = (pod.status.containerStatuses ?? []).map(
    ({ state: { waiting, terminated } }) => waiting ?? terminated,
  );
  return state?.reason ?? pod.status.reason ?? pod.status.phase;
}

function age({ metadata }: KubeObject): string {
  const seconds = Math.round((Date.now() - Date.parse(metadata.creationTimestamp ?? '')) / 1000);
  return seconds < 120 ? `${seconds}s` : `${Math.floor(seconds / 60)}m`;
}
