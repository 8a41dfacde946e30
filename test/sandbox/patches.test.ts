import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyJsonPatch } from '../../scripts/sandbox/api/json-patch.ts';
import { applyMergePatch, applyStrategicMergePatch } from '../../scripts/sandbox/api/merge-patch.ts';

const template = () => ({
  spec: {
    containers: [
      {
        name: 'registry',
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
      },
      { name: 'exporter', args: ['-v'] },
    ],
  },
});
const env = (document: unknown) => (document as ReturnType<typeof template>).spec.containers[0]?.env;
const patchOfEnv = (...entries: object[]) => ({ spec: { containers: [{ name: 'registry', env: entries }] } });

describe('JSON patch', () => {
  it('adds, replaces, removes, moves and copies', () => {
    const patched = applyJsonPatch({ list: [1, 2], keys: { 'a/b': 1 } }, [
      { op: 'add', path: '/list/1', value: 9 },
      { op: 'add', path: '/list/-', value: 3 },
      { op: 'replace', path: '/keys/a~1b', value: 2 },
      { op: 'copy', from: '/list', path: '/copy' },
      { op: 'remove', path: '/list/0' },
      { op: 'move', from: '/keys', path: '/moved' },
    ]);
    assert.deepEqual(patched, { list: [9, 2, 3], copy: [1, 9, 2, 3], moved: { 'a/b': 2 } });
  });

  it('is applied whole or not at all', () => {
    const document = { a: 1 };
    const patch = [
      { op: 'replace', path: '/a', value: 2 },
      { op: 'test', path: '/a', value: 1 },
    ];
    assert.throws(() => applyJsonPatch(document, patch), { code: 422, reason: 'Invalid' });
    assert.deepEqual(document, { a: 1 });
  });

  for (const [why, operation] of [
    ['a parent that is missing', { op: 'add', path: '/b/c', value: 1 }],
    ['removing what is not there', { op: 'remove', path: '/b' }],
    ['a place beyond the end of a list', { op: 'add', path: '/list/7', value: 1 }],
    ['an operation that there is not', { op: 'merge', path: '/a', value: 1 }],
    ['a failed test', { op: 'test', path: '/a', value: '1' }],
  ] as const) {
    it(`refuses ${why}`, () => {
      assert.throws(() => applyJsonPatch({ a: 1, list: [] }, [operation]), { code: 422 });
    });
  }

  it('takes null for absent in a test', () => {
    assert.deepEqual(applyJsonPatch({ a: 1 }, [{ op: 'test', path: '/b', value: null }]), { a: 1 });
  });
});

describe('merge patch', () => {
  it('removes what is null and replaces lists whole', () => {
    const patched = applyMergePatch(
      { a: 1, list: [1, 2], deep: { b: 1, c: 2 } },
      { a: null, list: [3], deep: { b: 5 } },
    );
    assert.deepEqual(patched, { list: [3], deep: { b: 5, c: 2 } });
  });
});

describe('strategic merge patch', () => {
  it('merges containers and their variables by name', () => {
    const patched = applyStrategicMergePatch(
      template(),
      patchOfEnv({ name: 'B', value: '3' }, { name: 'C', value: '4' }),
    );
    assert.deepEqual(env(patched), [
      { name: 'A', value: '1' },
      { name: 'B', value: '3' },
      { name: 'C', value: '4' },
    ]);
    assert.equal((patched as ReturnType<typeof template>).spec.containers.length, 2);
  });

  it('keeps a variable that the patch leaves out', () => {
    assert.deepEqual(env(applyStrategicMergePatch(template(), patchOfEnv())), env(template()));
  });

  it('removes a variable by $patch: delete only', () => {
    const patched = applyStrategicMergePatch(template(), patchOfEnv({ name: 'A', $patch: 'delete' }));
    assert.deepEqual(env(patched), [{ name: 'B', value: '2' }]);
  });

  it('replaces lists without a merge key', () => {
    const patch = { spec: { containers: [{ name: 'exporter', args: ['-q'] }] } };
    const patched = applyStrategicMergePatch(template(), patch) as ReturnType<typeof template>;
    assert.deepEqual(patched.spec.containers[1], { name: 'exporter', args: ['-q'] });
  });

  it("sorts as kubectl's $setElementOrder says", () => {
    const patch = patchOfEnv({ name: 'C', value: '3' });
    Object.assign(patch.spec.containers[0] as object, {
      '$setElementOrder/env': [{ name: 'C' }, { name: 'A' }, { name: 'B' }],
    });
    const names = env(applyStrategicMergePatch(template(), patch))?.map(({ name }) => name);
    assert.deepEqual(names, ['C', 'A', 'B']);
  });

  it('refuses an entry without its key', () => {
    assert.throws(() => applyStrategicMergePatch(template(), patchOfEnv({ value: '1' })), { code: 400 });
  });
});
