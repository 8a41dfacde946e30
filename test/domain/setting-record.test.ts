import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSetting } from '../../src/domain/deletion-setting.ts';
import { RefusedError } from '../../src/domain/errors.ts';
import { registryContainer } from '../../src/domain/registry-container.ts';
import { ANNOTATION, VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry, WorkloadContainer } from '../../src/domain/workload.ts';
import { container, workload } from './workloads.ts';

const RECORD = {
  run: 'r-7',
  by: 'ann@laptop',
  since: '2026-11-23T10:00:00.000Z',
  container: 'registry',
  previous: { form: 'absent', hadEnv: true },
};

function settingWith(env: readonly EnvEntry[] | undefined, annotation?: string) {
  const registry = container({ env });
  const annotations = annotation === undefined ? undefined : { [ANNOTATION]: annotation };
  return readSetting(workload({ containers: [registry], annotations }), registry);
}

function recordIn(annotation: unknown) {
  return settingWith(undefined, JSON.stringify(annotation)).record;
}

describe('the variable', () => {
  for (const value of ['true', 'True', 'TRUE'])
    it(`enables with ${value}`, () => assert.equal(settingWith([{ name: VARIABLE, value }]).enabled, true));

  const others: EnvEntry[] = [
    { name: VARIABLE },
    ...['', 'false', 'yes', '1', ' true', 'truely', '"true"'].map((value) => ({ name: VARIABLE, value })),
    { name: VARIABLE, valueFrom: { configMapKeyRef: { name: 'true', key: 'true' } } },
    { name: VARIABLE, value: 'true', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } },
    { name: VARIABLE.toLowerCase(), value: 'true' },
    { name: `${VARIABLE}D`, value: 'true' },
  ];
  for (const entry of others)
    it(`does not enable: ${JSON.stringify(entry)}`, () => assert.equal(settingWith([entry]).enabled, false));

  it('is refused when it is given twice', () => {
    const twice = [
      { name: VARIABLE, value: 'false' },
      { name: VARIABLE, value: 'true' },
    ];
    assert.throws(() => settingWith(twice), RefusedError);
  });

  it('is nobody’s without a record', () => {
    assert.equal(settingWith([{ name: VARIABLE, value: 'true' }]).record, undefined);
  });
});

describe('the record in the annotation', () => {
  for (const previous of [
    { form: 'absent', hadEnv: false },
    { form: 'literal' },
    { form: 'literal', value: '' },
    { form: 'literal', value: 'true' },
    { form: 'reference', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } },
  ])
    it(`is read: ${JSON.stringify(previous)}`, () => {
      assert.deepEqual(recordIn({ ...RECORD, previous }), { ...RECORD, previous: { deletion: previous } });
    });

  it('is read without what it should not hold', () => {
    const previous = { form: 'absent', hadEnv: true };
    const wordy = {
      ...RECORD,
      previous: { ...previous, value: 'true', valueFrom: {} },
      patch: [],
      path: '/spec',
    };
    assert.deepEqual(recordIn(wordy), { ...RECORD, previous: { deletion: RECORD.previous } });
    const literal = { form: 'literal', value: 'false' };
    assert.deepEqual(recordIn({ ...RECORD, previous: { ...literal, name: 'PATH' } })?.previous, {
      deletion: literal,
    });
  });

  for (const text of [
    '',
    'true',
    'null',
    '[]',
    '{',
    '"text"',
    '{}',
    '7',
    `[${JSON.stringify(RECORD)}]`,
    '\0',
  ])
    it(`is refused: ${JSON.stringify(text.slice(0, 20))}`, () =>
      assert.throws(() => settingWith(undefined, text), RefusedError));

  const { run: _, ...withoutRun } = RECORD;
  for (const [name, record] of Object.entries({
    'no run': withoutRun,
    'a number for a run': { ...RECORD, run: 7 },
    nobody: { ...RECORD, by: null },
    'a date that is none': { ...RECORD, since: 1_700_000_000 },
    'no container': { ...RECORD, container: '' },
    'no previous value': { ...RECORD, previous: undefined },
    'a list of previous values': { ...RECORD, previous: [RECORD.previous] },
    'an unknown form': { ...RECORD, previous: { form: 'deleted' } },
    'a form that every object inherits': { ...RECORD, previous: { form: 'constructor' } },
    'absent, without a word on env': { ...RECORD, previous: { form: 'absent' } },
    'absent, with a text for env': { ...RECORD, previous: { form: 'absent', hadEnv: 'false' } },
    'a literal that is a boolean': { ...RECORD, previous: { form: 'literal', value: true } },
    'a literal that is null': { ...RECORD, previous: { form: 'literal', value: null } },
    'a reference to nothing': { ...RECORD, previous: { form: 'reference' } },
    'a reference that is a text': { ...RECORD, previous: { form: 'reference', valueFrom: 'secret' } },
    'a reference that is a list': { ...RECORD, previous: { form: 'reference', valueFrom: [] } },
  }))
    it(`is refused with ${name}`, () => assert.throws(() => recordIn(record), RefusedError));

  it('is said to be unreadable together with what can be done', () => {
    assert.throws(
      () => settingWith(undefined, 'garbage'),
      (error: RefusedError) => error.message.includes(ANNOTATION) && error.next.includes(VARIABLE),
    );
  });
});

describe('the registry’s container', () => {
  const pick = (containers: WorkloadContainer[], wanted: Parameters<typeof registryContainer>[1] = {}) =>
    registryContainer(workload({ containers }), wanted).name;
  const named = (name: string, image = 'quay.io/acme/thing:1', ports: number[] = []) =>
    container({ name, image, ports });

  it('is the one that is wanted', () => {
    assert.equal(pick([named('registry'), named('main')], { name: 'main' }), 'main');
    assert.throws(() => pick([named('registry')], { name: 'Registry' }), RefusedError);
  });

  it('is found by name, then by port, then by image, then for want of another', () => {
    assert.equal(
      pick([named('proxy', 'registry:2', [5000]), named('docker-registry')], { port: 5000 }),
      'docker-registry',
    );
    assert.equal(
      pick([named('proxy', 'registry:2', [80]), named('main', 'x', [1, 5000])], { port: 5000 }),
      'main',
    );
    assert.equal(pick([named('proxy'), named('main', 'registry:2.8.2')]), 'main');
    assert.equal(pick([named('anything')]), 'anything');
  });

  for (const image of [
    'registry',
    'registry:2',
    'docker.io/library/registry:2.8.2',
    'registry:5000/mirror/registry:2',
    'quay.io/domino/docker-registry@sha256:abc',
    'quay.io/domino/docker-registry:2.8@sha256:abc',
    'distribution/distribution:3.1.1',
  ])
    it(`is known by the image ${image}`, () => assert.equal(pick([named('a'), named('b', image)]), 'b'));

  for (const image of [
    'registry:5000/istio/proxy:1',
    'docker-registry:5000/exporter',
    'acme/registry-exporter:1',
    'acme/my-registry:1',
    'registry.k8s.io/pause:3.9',
    'registry/pause',
  ])
    it(`is not known by the image ${image}`, () =>
      assert.throws(() => pick([named('a'), named('b', image)]), RefusedError));

  it('is not guessed', () => {
    assert.throws(() => pick([named('a', 'registry:2'), named('b', 'registry:3')]), RefusedError);
    assert.throws(() => pick([]), RefusedError);
  });
});
