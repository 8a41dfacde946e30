import type { Pod } from './objects.ts';
import type { ObjectStore } from './store.ts';

/**
 * Marks a pod as terminating, or removes it at once when nothing of it runs or no grace is given.
 *
 * @param graceSeconds instead of the pod's own `terminationGracePeriodSeconds`
 */
export function deletePod(store: ObjectStore, pod: Pod, graceSeconds?: number): Pod {
  const { namespace = '', name } = pod.metadata;
  const key = { resource: 'pods', namespace, name };
  const over = ['Succeeded', 'Failed'].includes(pod.status.phase);
  const unplaced = pod.spec.nodeName === undefined;
  const seconds = over || unplaced ? 0 : (graceSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30);
  const already = pod.metadata.deletionGracePeriodSeconds;
  const marked = store.modify<Pod>(key, (current) => {
    if (already !== undefined && already <= seconds) return;
    const end = new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    current.metadata.deletionTimestamp = end;
    current.metadata.deletionGracePeriodSeconds = seconds;
  });
  if (seconds === 0) store.remove(key);
  return marked ?? pod;
}
