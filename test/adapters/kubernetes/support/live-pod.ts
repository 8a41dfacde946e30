/** A pod of run-1 that runs (unless `status` says otherwise), as a stub of the API server answers it. */
import { podManifest } from '../../../../src/adapters/kubernetes/pod-manifest.ts';
import type { StubAnswer } from './api-stub.ts';
import { podSettings } from './connection.ts';

export function livePod({ uid = 'pod-1', status = {}, metadata: more = {} } = {}): StubAnswer {
  const { metadata, spec } = podManifest({ ...podSettings, namespace: 'domino-platform' });
  return {
    body: {
      kind: 'Pod',
      metadata: { ...metadata, uid, creationTimestamp: new Date().toISOString(), ...more },
      spec,
      status: {
        phase: 'Running',
        startTime: new Date().toISOString(),
        containerStatuses: [{ name: 'skopeo', state: { running: {} } }],
        ...status,
      },
    },
  };
}
