import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { podManifest, SETTINGS_ANNOTATION } from '../../../src/adapters/kubernetes/pod-manifest.ts';

const options = {
  namespace: 'domino-platform',
  run: 'run-1',
  startedBy: 'ann@laptop',
  image: 'skopeo:1',
  imagePullPolicy: 'IfNotPresent',
  activeDeadlineSeconds: 7200,
  concurrency: 8,
};

describe('the Skopeo pod', () => {
  const { metadata, spec } = podManifest(options);
  const container = spec?.containers[0];

  test('has its fixed name, and says whose it is', () => {
    assert.equal(metadata?.name, 'docker-registry-cleaner');
    assert.deepEqual(metadata?.labels, {
      'docker-registry-client': 'true',
      'app.kubernetes.io/name': 'docker-registry-cleaner',
      'app.kubernetes.io/component': 'skopeo',
      'app.kubernetes.io/managed-by': 'docker-registry-cleaner',
      'sidecar.istio.io/inject': 'false',
      'docker-registry-cleaner/run': 'run-1',
    });
    assert.equal(metadata?.annotations?.['sidecar.istio.io/inject'], 'false');
    assert.equal(metadata?.annotations?.['docker-registry-cleaner/started-by'], 'ann@laptop');
  });

  test('satisfies PodSecurity restricted', () => {
    assert.equal(spec?.securityContext?.runAsNonRoot, true);
    assert.equal(spec?.securityContext?.runAsUser, 65532);
    assert.deepEqual(spec?.securityContext?.seccompProfile, { type: 'RuntimeDefault' });
    assert.deepEqual(container?.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('writes to memory only', () => {
    assert.deepEqual(spec?.volumes, [{ name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }]);
    const mountPath = container?.volumeMounts?.[0]?.mountPath ?? '';
    const variables = ['HOME', 'TMPDIR', 'XDG_RUNTIME_DIR', 'REGISTRY_AUTH_FILE'];
    assert.deepEqual(
      container?.env?.map(({ name }) => name),
      variables,
    );
    for (const { value } of container?.env ?? []) assert.ok(value?.startsWith(mountPath));
  });

  test('knows nothing of the cluster, and ends by itself', () => {
    assert.equal(spec?.automountServiceAccountToken, false);
    assert.equal(spec?.enableServiceLinks, false);
    assert.equal(spec?.restartPolicy, 'Never');
    assert.equal(spec?.activeDeadlineSeconds, 7200);
    assert.equal(spec?.terminationGracePeriodSeconds, 1);
    assert.ok(Number(container?.command?.[1]) > 7200);
    assert.ok(container?.resources?.requests && container.resources.limits);
  });
});

describe('options of the pod', () => {
  const { metadata, spec } = podManifest({
    ...options,
    labels: { team: 'platform', 'docker-registry-client': 'false' },
    annotations: { note: 'x', 'sidecar.istio.io/inject': 'true' },
    imagePullSecrets: ['pull'],
    nodeSelector: { pool: 'platform' },
    tolerations: [{ key: 'dedicated', value: 'platform', effect: 'NoSchedule' }, { key: 'any' }],
  });

  test('add labels and annotations, but take none away', () => {
    assert.equal(metadata?.labels?.['team'], 'platform');
    assert.equal(metadata?.labels?.['docker-registry-client'], 'true');
    assert.equal(metadata?.annotations?.['note'], 'x');
    assert.equal(metadata?.annotations?.['sidecar.istio.io/inject'], 'false');
  });

  test('choose image secrets and nodes', () => {
    assert.deepEqual(spec?.imagePullSecrets, [{ name: 'pull' }]);
    assert.deepEqual(spec?.nodeSelector, { pool: 'platform' });
    assert.deepEqual(spec?.tolerations, [
      { key: 'dedicated', operator: 'Equal', value: 'platform', effect: 'NoSchedule' },
      { key: 'any', operator: 'Exists' },
    ]);
  });

  test('leave room for what runs at once', () => {
    const limit = (changes: object) =>
      podManifest({ ...options, ...changes }).spec?.containers[0]?.resources?.limits?.['memory'];
    assert.equal(limit({ concurrency: 16 }), `${256 + 16 * 96}Mi`);
    assert.equal(limit({ concurrency: 16, runs: 'tunnels' }), `${128 + 16 * 32}Mi`);
  });

  test('make another pod, as its fingerprint shows; another run does not', () => {
    const settings = (changes: object) =>
      podManifest({ ...options, ...changes }).metadata?.annotations?.[SETTINGS_ANNOTATION];
    assert.equal(settings({ run: 'run-2', startedBy: 'bob@desk' }), settings({}));
    assert.notEqual(settings({ image: 'skopeo:2' }), settings({}));
    assert.notEqual(settings({ imagePullSecrets: ['pull'] }), settings({}));
  });
});
