import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requiredPermissions } from '../../../src/adapters/kubernetes/permissions.ts';
import { roleRules } from '../../../src/domain/permissions.ts';

const everything = {
  namespace: 'platform',
  secretNamespace: 'compute',
  secretName: 'domino-registry',
  workload: { kind: 'StatefulSet', name: 'docker-registry', replicas: 2 },
  route: 'pod',
  readsSecret: true,
  deletes: true,
} as const;

function rows(changes: Partial<Parameters<typeof requiredPermissions>[0]> = {}): string[] {
  return requiredPermissions({ ...everything, ...changes }).map(
    ({ verb, group, resource, namespace, name }) =>
      `${verb} ${group}/${resource} ${namespace}/${name ?? '*'}`,
  );
}

describe('what a run must be allowed', () => {
  const looking = [
    'get /namespaces /kube-system',
    'get apps/statefulsets platform/docker-registry',
    'get /pods platform/docker-registry-cleaner',
    'create /pods platform/*',
    'delete /pods platform/docker-registry-cleaner',
    'create /pods/exec platform/docker-registry-cleaner',
    'get /pods/exec platform/docker-registry-cleaner',
  ];
  const lease = [
    'get coordination.k8s.io/leases platform/docker-registry-cleaner',
    'create coordination.k8s.io/leases platform/*',
    'patch coordination.k8s.io/leases platform/docker-registry-cleaner',
    'delete coordination.k8s.io/leases platform/docker-registry-cleaner',
  ];
  const switching = [
    ...lease,
    'patch apps/statefulsets platform/docker-registry',
    'list /pods platform/*',
    'delete /pods platform/docker-registry-0',
    'delete /pods platform/docker-registry-1',
  ];
  const secret = 'get /secrets compute/domino-registry';

  test('everything', () => assert.deepEqual(rows(), [...looking, secret, ...switching]));

  test('less without deleting, and with a password of its own', () =>
    assert.deepEqual(rows({ deletes: false, readsSecret: false }), looking));

  test('the same whatever runs in the pod', () => assert.deepEqual(rows({ route: 'skopeo' }), rows()));

  test('less without a pod', () =>
    assert.deepEqual(rows({ route: 'direct' }), [looking[0], looking[1], secret, ...switching]));

  test("no pod of our own, but the registry's, to forward a port", () => {
    const forwarding = [
      'create /pods/portforward platform/docker-registry-0',
      'get /pods/portforward platform/docker-registry-0',
      'create /pods/portforward platform/docker-registry-1',
      'get /pods/portforward platform/docker-registry-1',
    ];
    const start = looking.slice(0, 2);
    assert.deepEqual(rows({ route: 'port-forward' }), [...start, ...forwarding, secret, ...switching]);
    assert.deepEqual(rows({ route: 'port-forward', deletes: false, readsSecret: false }), [
      ...start,
      'list /pods platform/*',
      ...forwarding,
    ]);
  });

  test('the pods of a Deployment have names that nobody knows beforehand', () => {
    const workload = { kind: 'Deployment', name: 'docker-registry', replicas: 2 } as const;
    assert.deepEqual(rows({ workload, route: 'port-forward', readsSecret: false }).slice(-9), [
      'create /pods/portforward platform/*',
      'get /pods/portforward platform/*',
      ...lease,
      'patch apps/deployments platform/docker-registry',
      'list /pods platform/*',
      'delete /pods platform/*',
    ]);
  });

  test("more to collect garbage: commands in every one of the registry's pods", () => {
    const inside = [0, 1].flatMap((pod) =>
      ['create', 'get'].map((verb) => `${verb} /pods/exec platform/docker-registry-${pod}`),
    );
    assert.deepEqual(rows({ reclaims: true }), [...rows(), ...inside]);
    const looks = rows({ reclaims: true, deletes: false, route: 'direct', readsSecret: false });
    assert.deepEqual(looks, [looking[0], looking[1], 'list /pods platform/*', ...inside]);
    const workload = { kind: 'Deployment', name: 'docker-registry', replicas: 2 } as const;
    assert.deepEqual(rows({ workload, reclaims: true }).slice(-2), [
      'create /pods/exec platform/*',
      'get /pods/exec platform/*',
    ]);
  });

  test('more to see which images are in use', () => {
    assert.deepEqual(rows({ inUseNamespaces: ['compute'] }).slice(rows().length), [
      'get /namespaces /compute',
      'list /pods compute/*',
      ...['deployments', 'statefulsets', 'replicasets', 'daemonsets'].map(
        (kind) => `list apps/${kind} compute/*`,
      ),
      ...['jobs', 'cronjobs'].map((kind) => `list batch/${kind} compute/*`),
    ]);
    const everywhere = rows({ inUseNamespaces: [] }).slice(rows().length);
    assert.equal(everywhere.length, 7);
    assert.equal(everywhere[0], 'list /pods /*');
  });

  test('each says what for', () => {
    for (const { why } of requiredPermissions({ ...everything, inUseNamespaces: [] }))
      assert.notEqual(why, '');
  });
});

test('permissions are written as rules of a Role, to be copied', () => {
  const wanted = requiredPermissions(everything).filter(
    ({ resource, name }) => ['namespaces', 'pods/exec'].includes(resource) || name === undefined,
  );
  assert.equal(
    roleRules(wanted),
    `# ClusterRole
rules:
  - apiGroups: [""]
    resources: ["namespaces"]
    resourceNames: ["kube-system"]
    verbs: ["get"]
# Role in namespace platform
rules:
  - apiGroups: [""]
    resources: ["pods"]
    verbs: ["create", "list"]
  - apiGroups: [""]
    resources: ["pods/exec"]
    resourceNames: ["docker-registry-cleaner"]
    verbs: ["create", "get"]
  - apiGroups: ["coordination.k8s.io"]
    resources: ["leases"]
    verbs: ["create"]`,
  );
});
