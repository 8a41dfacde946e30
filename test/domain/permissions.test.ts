import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Permission, roleRules } from '../../src/domain/permissions.ts';

function permission(verb: string, resource: string, differing: Partial<Permission> = {}): Permission {
  return { verb, group: '', resource, namespace: 'domino-platform', why: 'to test', ...differing };
}

describe('the rules to copy', () => {
  it('are one for each resource and object, under their namespace', () => {
    const text = roleRules([
      permission('get', 'pods', { name: 'cleaner' }),
      permission('create', 'pods'),
      permission('delete', 'pods', { name: 'cleaner' }),
      permission('get', 'pods', { name: 'cleaner' }),
      permission('get', 'namespaces', { namespace: '', name: 'kube-system' }),
      permission('patch', 'statefulsets', { group: 'apps', name: 'docker-registry' }),
    ]);
    assert.equal(
      text,
      `# Role in namespace domino-platform
rules:
  - apiGroups: [""]
    resources: ["pods"]
    resourceNames: ["cleaner"]
    verbs: ["get", "delete"]
  - apiGroups: [""]
    resources: ["pods"]
    verbs: ["create"]
  - apiGroups: ["apps"]
    resources: ["statefulsets"]
    resourceNames: ["docker-registry"]
    verbs: ["patch"]
# ClusterRole
rules:
  - apiGroups: [""]
    resources: ["namespaces"]
    resourceNames: ["kube-system"]
    verbs: ["get"]`,
    );
  });

  it('are none when nothing is missing', () => assert.equal(roleRules([]), ''));
});
