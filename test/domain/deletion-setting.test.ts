import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyJsonPatch } from '../../scripts/sandbox/api/json-patch.ts';
import { readSetting, type Setting } from '../../src/domain/deletion-setting.ts';
import { RefusedError } from '../../src/domain/errors.ts';
import { registryContainer } from '../../src/domain/registry-container.ts';
import { changePatch, recordedContainer, restorePatch } from '../../src/domain/setting-change.ts';
import { ANNOTATION, VARIABLE } from '../../src/domain/setting-record.ts';
import type { EnvEntry, JsonPatch } from '../../src/domain/workload.ts';
import { read, type WireWorkload, wireContainer, wireWorkload } from './workloads.ts';

const WHO = { run: 'r-7', by: 'ann@laptop', since: '2026-11-23T10:00:00.000Z' };
const NAMED = { name: 'registry' };
const LEVEL: EnvEntry = { name: 'REGISTRY_LOG_LEVEL', value: 'info' };
const SECRET: EnvEntry = { name: 'S3_KEY', valueFrom: { secretKeyRef: { name: 's3', key: 'key' } } };
const REFERENCE: EnvEntry = {
  name: VARIABLE,
  valueFrom: { configMapKeyRef: { name: 'registry', key: 'delete', optional: true } },
};

function settingOf(object: WireWorkload): Setting {
  const workload = read(object);
  return readSetting(workload, registryContainer(workload, NAMED));
}

/** Applies a patch as an API server does: all or nothing, and then the object has another version. */
function applied(object: WireWorkload, patch: JsonPatch): WireWorkload {
  const patched = applyJsonPatch(object, patch) as WireWorkload;
  const resourceVersion = String(Number(object.metadata.resourceVersion) + 1);
  return { ...patched, metadata: { ...patched.metadata, resourceVersion } };
}

function enablePatchOf(object: WireWorkload): JsonPatch {
  const workload = read(object);
  const container = registryContainer(workload, NAMED);
  return changePatch(workload, { container, record: undefined, restore: [], set: ['deletion'], who: WHO })
    .patch;
}

function enable(object: WireWorkload): WireWorkload {
  return applied(object, enablePatchOf(object));
}

function restore(object: WireWorkload): WireWorkload {
  const { record } = settingOf(object);
  assert.ok(record);
  return applied(object, restorePatch(read(object), record));
}

function templateOf({ spec }: WireWorkload): string {
  return JSON.stringify(spec.template);
}

/** The object with another `env` of the registry, as somebody else may have left it. */
function withEnv(object: WireWorkload, env: readonly EnvEntry[]): WireWorkload {
  return { ...object, ...wireWorkload([wireContainer(env)], object.metadata.annotations) };
}

const enabled: EnvEntry = { name: VARIABLE, value: 'true' };

describe('enabling and restoring', () => {
  const before: Record<string, WireWorkload> = {
    'no env at all': wireWorkload([wireContainer()]),
    'an env without the variable': wireWorkload([wireContainer([LEVEL, SECRET])]),
    'literal false': wireWorkload([wireContainer([{ name: VARIABLE, value: 'false' }])]),
    'a literal that is neither': wireWorkload([wireContainer([{ name: VARIABLE, value: ` "maybe' ` }])]),
    'no value': wireWorkload([wireContainer([{ name: VARIABLE }])]),
    'an empty value': wireWorkload([wireContainer([{ name: VARIABLE, value: '' }])]),
    'a reference': wireWorkload([wireContainer([REFERENCE])]),
    'a reference in the middle': wireWorkload([wireContainer([LEVEL, REFERENCE, SECRET])]),
    'a literal in the middle': wireWorkload([
      wireContainer([LEVEL, { name: VARIABLE, value: 'false' }, SECRET]),
    ]),
    'a literal at the end': wireWorkload([wireContainer([SECRET, { name: VARIABLE, value: '0' }])]),
    'several containers': wireWorkload([
      wireContainer([{ name: VARIABLE, value: 'false' }], 'sidecar'),
      wireContainer([LEVEL]),
      wireContainer(undefined, 'exporter'),
    ]),
    annotations: wireWorkload([wireContainer([LEVEL])], {
      'meta.helm.sh/release-name': 'domino',
      'a~b/c': '~',
    }),
  };

  for (const [name, object] of Object.entries(before)) {
    it(`leaves the template as it was to the byte: ${name}`, () => {
      const restored = restore(enable(object));
      assert.equal(templateOf(restored), templateOf(object));
      assert.deepEqual(restored.metadata.annotations ?? {}, object.metadata.annotations ?? {});
    });

    it(`enables it, changing nothing but the variable and one annotation: ${name}`, () => {
      const changed = enable(object);
      const setting = settingOf(changed);
      assert.deepEqual([setting.enabled, setting.record?.run, setting.entry], [true, WHO.run, enabled]);
      assert.deepEqual(
        { ...setting.record, previous: undefined },
        { ...WHO, container: 'registry', previous: undefined },
      );
      const others = ({ name }: EnvEntry) => name !== VARIABLE;
      for (const [index, container] of object.spec.template.spec.containers.entries()) {
        const now = changed.spec.template.spec.containers[index];
        if (container.name !== 'registry') assert.deepEqual(now, container);
        else assert.deepEqual(now?.env?.filter(others), (container.env ?? []).filter(others));
      }
      const { [ANNOTATION]: _, ...annotations } = changed.metadata.annotations ?? {};
      assert.deepEqual(annotations, object.metadata.annotations ?? {});
    });

    it(`does neither when the object has changed meanwhile: ${name}`, () => {
      const newer = { ...object, metadata: { ...object.metadata, resourceVersion: '101' } };
      assert.throws(() => applied(newer, enablePatchOf(object)));
      const changed = enable(object);
      const { record } = settingOf(changed);
      assert.ok(record);
      const patch = restorePatch({ ...read(changed), resourceVersion: '1' }, record);
      assert.throws(() => applied(changed, patch));
    });
  }

  it('does neither when the containers have changed places', () => {
    const object = wireWorkload([wireContainer([LEVEL]), wireContainer([LEVEL], 'exporter')]);
    const { containers } = object.spec.template.spec;
    const turned = wireWorkload(containers.toReversed());
    assert.throws(() => applied(turned, enablePatchOf(object)));
  });
});

describe('restoring what somebody else has changed meanwhile', () => {
  const ours = (env?: readonly EnvEntry[]) => enable(wireWorkload([wireContainer(env)]));

  it('keeps what was added around the variable', () => {
    const added = withEnv(ours(), [LEVEL, enabled, SECRET]);
    assert.equal(templateOf(restore(added)), templateOf(wireWorkload([wireContainer([LEVEL, SECRET])])));
  });

  it('finds the variable in another place', () => {
    const moved = withEnv(ours([LEVEL, REFERENCE]), [enabled, SECRET, LEVEL]);
    const expected = wireWorkload([wireContainer([REFERENCE, SECRET, LEVEL])]);
    assert.equal(templateOf(restore(moved)), templateOf(expected));
  });

  for (const [name, env] of Object.entries({
    'set to false': [LEVEL, { name: VARIABLE, value: 'false' }],
    'made a reference': [REFERENCE],
    removed: [LEVEL],
    'removed with the whole env': undefined,
  })) {
    it(`only removes the annotation when the variable was ${name}`, () => {
      const changed = wireWorkload([wireContainer(env)], ours([LEVEL]).metadata.annotations);
      assert.equal(settingOf(changed).enabled, false);
      const restored = restore(changed);
      assert.equal(templateOf(restored), templateOf(changed));
      assert.deepEqual(restored.metadata.annotations, {});
    });
  }

  it('refuses when the container is there no more', () => {
    const changed = ours();
    const { record } = settingOf(changed);
    assert.ok(record);
    const renamed = wireWorkload([wireContainer([enabled], 'main')], changed.metadata.annotations);
    assert.throws(() => recordedContainer(read(renamed), record), RefusedError);
    assert.throws(() => restorePatch(read(renamed), record), RefusedError);
  });
});
