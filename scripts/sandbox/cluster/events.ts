import { type KubeObject, timestamp } from './objects.ts';
import type { ObjectStore } from './store.ts';

/** What happened to an object. */
export interface Occurrence {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Who says so. */
  readonly component: string;
}

/** Records an event about an object, in the object's namespace. */
export function recordEvent(store: ObjectStore, about: KubeObject, occurrence: Occurrence): void {
  const { name, namespace = 'default', uid, resourceVersion } = about.metadata;
  const { component, ...what } = occurrence;
  const now = timestamp();
  store.create('events', {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { name: `${name}.${(store.version + 1).toString(16).padStart(16, '0')}`, namespace },
    involvedObject: { kind: about.kind, apiVersion: about.apiVersion, namespace, name, uid, resourceVersion },
    ...what,
    source: { component },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
    eventTime: null,
    reportingComponent: component,
    reportingInstance: '',
  } as KubeObject);
}
