import type { Cluster } from '../cluster/cluster.ts';
import type { Pod } from '../cluster/objects.ts';
import { defaultPod } from './pod-defaults.ts';
import { restrictedViolations } from './pod-security.ts';
import { forbidden } from './status.ts';

/**
 * Lets a new pod into the cluster: defaults first, then what may refuse it, injected refusals
 * (a quota, a webhook) included.
 *
 * @throws {ApiError} 403
 */
export function admitPod(cluster: Cluster, pod: Pod): Pod {
  const admitted = defaultPod(pod);
  const subject = { group: '', plural: 'pods', name: pod.metadata.name };
  cluster.podFaults.assertAdmitted(subject);
  const { namespace = '' } = pod.metadata;
  const labels = cluster.store.get({ resource: 'namespaces', namespace: '', name: namespace })?.metadata
    .labels;
  if (labels?.['pod-security.kubernetes.io/enforce'] === 'restricted') {
    const violations = restrictedViolations(admitted);
    if (violations !== undefined) throw forbidden(subject, violations);
  }
  return admitted;
}
