/** Several settings that change one after the other; for one alone see deletion-setting.test.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyJsonPatch } from '../../scripts/sandbox/api/json-patch.ts';
import { RefusedError } from '../../src/domain/errors.ts';
import { changePatch, isChanged, keptRecord, restorePatch } from '../../src/domain/setting-change.ts';
import {
  ANNOTATION,
  parseRecord,
  READ_ONLY_VARIABLE,
  recordedKeys,
  recordOf,
  recordText,
  type SettingKey,
  VARIABLE,
} from '../../src/domain/setting-record.ts';
import type { EnvEntry } from '../../src/domain/workload.ts';
import { read, type WireWorkload, wireContainer, wireWorkload } from './workloads.ts';

const WHO = { run: 'r-7', by: 'ann@laptop', since: '2026-11-23T10:00:00.000Z' };
const LEVEL: EnvEntry = { name: 'REGISTRY_LOG_LEVEL', value: 'info' };

/** Applies one change, as an API server does. */
function changed(
  object: WireWorkload,
  restore: readonly SettingKey[],
  set: readonly SettingKey[],
): WireWorkload {
  const workload = read(object);
  const [container] = workload.containers;
  assert.ok(container);
  const { patch, record } = changePatch(workload, {
    ...{ container, restore, set, who: WHO },
    record: recordOf(workload),
  });
  const after = applyJsonPatch(object, patch) as WireWorkload;
  assert.deepEqual(recordOf(read(after)), record);
  for (const key of recordedKeys(record)) {
    const [now] = read(after).containers;
    assert.ok(now && isChanged(read(after), now, key), key);
  }
  return after;
}

function restored(object: WireWorkload): WireWorkload {
  const record = recordOf(read(object));
  assert.ok(record);
  return applyJsonPatch(object, restorePatch(read(object), record)) as WireWorkload;
}

/** Every state that a variable may be in before. */
const entries: Record<string, (name: string) => EnvEntry | undefined> = {
  absent: () => undefined,
  literal: (name) => ({ name, value: 'false' }),
  bare: (name) => ({ name }),
  reference: (name) => ({ name, valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }),
};

describe('settings that change one after the other', () => {
  const befores: Record<string, WireWorkload> = { 'no env': wireWorkload([wireContainer()]) };
  for (const [one, deletion] of Object.entries(entries))
    for (const [other, readOnly] of Object.entries(entries))
      for (const [order, turn] of [
        ['in this order', (env: EnvEntry[]) => env],
        ['the other way round', (env: EnvEntry[]) => env.toReversed()],
      ] as const) {
        const env = [deletion(VARIABLE), LEVEL, readOnly(READ_ONLY_VARIABLE)].filter(
          (each) => each !== undefined,
        );
        befores[`deletion ${one}, read-only ${other}, ${order}`] = wireWorkload([wireContainer(turn(env))]);
      }
  const sequences: Record<string, readonly (readonly [readonly SettingKey[], readonly SettingKey[]])[]> = {
    'deletion, then read-only in its place': [
      [[], ['deletion']],
      [['deletion'], ['readOnly']],
    ],
    'read-only beside deletion': [
      [[], ['deletion']],
      [[], ['readOnly']],
    ],
    'both at once': [[[], ['readOnly', 'deletion']]],
    'back and forth': [
      [[], ['deletion']],
      [['deletion'], ['readOnly']],
      [['readOnly'], ['deletion']],
    ],
  };
  for (const [name, before] of Object.entries(befores))
    for (const [steps, sequence] of Object.entries(sequences))
      it(`go back to the byte: ${name}; ${steps}`, () => {
        let object = before;
        for (const [restore, set] of sequence) object = changed(object, restore, set);
        const after = restored(object);
        assert.equal(JSON.stringify(after.spec), JSON.stringify(before.spec));
        assert.deepEqual(after.metadata.annotations, {});
      });

  it('leave alone what somebody else has made of one of them', () => {
    const object = changed(wireWorkload([wireContainer([LEVEL])]), [], ['deletion', 'readOnly']);
    const writable: EnvEntry = { name: READ_ONLY_VARIABLE, value: '{"enabled":false}' };
    const env = [LEVEL, { name: VARIABLE, value: 'true' }, writable];
    const meddled = { ...object, ...wireWorkload([wireContainer(env)], object.metadata.annotations) };
    assert.deepEqual(restored(meddled).spec.template.spec.containers[0]?.env, [LEVEL, writable]);
  });

  it('are refused when one is given twice', () => {
    const twice = [1, 2].map((n) => ({ name: READ_ONLY_VARIABLE, value: String(n) }));
    const workload = read(wireWorkload([wireContainer(twice)]));
    const [container] = workload.containers;
    assert.throws(() => container && isChanged(workload, container, 'readOnly'), RefusedError);
  });
});

describe('the record of several settings', () => {
  const absent = { form: 'absent', hadEnv: true } as const;
  const record = { ...WHO, container: 'registry' };

  it('is read again as it was written', () => {
    for (const previous of [
      { deletion: absent },
      { readOnly: absent },
      { deletion: absent, readOnly: absent },
    ])
      assert.deepEqual(parseRecord(recordText({ ...record, previous })), { ...record, previous });
  });

  it('is as early versions write it where deletion alone is changed, and nothing that they understand otherwise', () => {
    const early = JSON.stringify({ ...record, previous: absent });
    assert.equal(recordText({ ...record, previous: { deletion: absent } }), early);
    for (const previous of [{ readOnly: absent }, { deletion: absent, readOnly: absent }])
      assert.equal('previous' in JSON.parse(recordText({ ...record, previous })), false);
  });

  it('is refused with a setting that is not known, or none', () => {
    for (const settings of [{}, { frozen: absent }, { readOnly: absent, constructor: absent }, [], 'x', null])
      assert.equal(parseRecord(JSON.stringify({ ...record, settings })), undefined, JSON.stringify(settings));
  });

  it('counts from the lease as long as one of the settings is still changed', () => {
    const kept = recordText({ ...record, previous: { deletion: absent, readOnly: absent } });
    const withEnv = (env: EnvEntry[]) => read(wireWorkload([wireContainer(env)], { [ANNOTATION]: '' }));
    const readOnly = { name: READ_ONLY_VARIABLE, value: '{"enabled":true}' };
    assert.ok(keptRecord(withEnv([readOnly]), kept));
    assert.ok(keptRecord(withEnv([{ name: VARIABLE, value: 'true' }]), kept));
    assert.equal(keptRecord(withEnv([LEVEL]), kept), undefined);
  });
});
