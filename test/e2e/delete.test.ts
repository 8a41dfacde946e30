/** A run with `--delete`, in fair weather: exactly what must be left is left, and everything else is as before. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { EnvVar, SandboxOptions } from '../../scripts/sandbox/options.ts';
import { changes, deletions } from './support/access-log.ts';
import { type Ended, parseEvents } from './support/command.ts';
import { finishedLists, listed, runRecord } from './support/run-folder.ts';
import { type Route, Site, summaryOf } from './support/site.ts';

const VARIABLE = 'REGISTRY_STORAGE_DELETE_ENABLED';
const DELETING = ['--delete', '--yes'];

/** Cleans a registry, and holds all that the program has done and told against what it should have. */
async function assertCleans(site: Site, args: readonly string[]): Promise<Ended> {
  const ended = await site.runs(0, [...DELETING, ...args]);
  await site.assertCleaned();
  assert.equal(await site.registry.deletes(), false);

  const { doomed, doomedManifests, counts } = site.judge();
  const { planned, deleted, alreadyGone, failed, drifted, exitCode, mode, ...rest } = summaryOf(ended);
  assert.deepEqual(
    { planned, deleted, alreadyGone, failed, drifted },
    { planned: doomed.length, deleted: doomed.length, alreadyGone: 0, failed: 0, drifted: 0 },
  );
  assert.deepEqual(
    [exitCode, mode, rest.retained, rest.protected],
    [0, 'delete', counts.retained, counts.protected],
  );
  const { verify, lost, moved, stillThere, notWhole } = rest;
  assert.deepEqual(
    [verify, lost, moved, stillThere, notWhole],
    ['sample', 0, 0, 0, 0],
    'the check finds nothing',
  );
  const had = new Set(
    [...site.before].flatMap(([name, { manifests }]) =>
      [...manifests.keys()].map((each) => `${name}@${each}`),
    ),
  );
  const asked = (await deletions(site.sandbox.registryLog)).map(({ target }) => target);
  assert.deepEqual(asked.filter((target) => had.has(target)).toSorted(), doomedManifests.toSorted(), 'once');

  assert.equal(runRecord(site.stateDir).stage, 'finished');
  assert.deepEqual(listed(site.stateDir), doomed);
  const repositories = new Set(doomed.map((name) => name.split(':')[0]));
  assert.equal(finishedLists(site.stateDir).length, repositories.size);
  return ended;
}

function skippedSteps({ stdout }: Ended) {
  return parseEvents(stdout)
    .filter(({ state }) => state === 'skipped')
    .map(({ step, reason }) => ({ step, reason }));
}

// Each with a sandbox of its own: most of a run is waiting.
describe('everything doomed goes, once, and nothing else', { concurrency: 3 }, () => {
  const ways: Readonly<Record<string, { via?: Route; strategy?: string; needsNoPod?: string }>> = {
    // Through a pod, that is, and untagging first.
    'unless told otherwise': {},
    "through a forwarded port of the registry's own pod": {
      via: 'port-forward',
      needsNoPod: '--via port-forward needs none',
    },
    directly: { via: 'direct', strategy: 'untag-first', needsNoPod: '--via direct needs none' },
    'by Skopeo': { via: 'skopeo' },
  };
  for (const [name, { strategy, needsNoPod: reason, ...route }] of Object.entries(ways)) {
    test(name, async () => {
      await using site = await Site.open(route);
      const pods = site.watchPods();
      const args = strategy === undefined ? [] : ['--strategy', strategy];
      const ended = await assertCleans(site, args);
      const podSteps = ['deploy-pod', 'teardown'];
      assert.deepEqual(skippedSteps(ended), reason ? podSteps.map((step) => ({ step, reason })) : []);
      assert.equal(pods.end().length, reason ? 0 : 1);

      const again = await site.runs(0, [...DELETING, ...args]);
      assert.equal(summaryOf(again).planned, 0);
      const skipped = skippedSteps(again).filter(({ step }) => !podSteps.includes(String(step)));
      assert.deepEqual(
        skipped.map(({ step }) => step),
        ['enable-delete', 'delete', 'move-done', 'disable-delete', 'verify'],
      );
      await site.assertCleaned();
    });
  }
});

describe('a StatefulSet', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site[Symbol.asyncDispose]());
  beforeEach(() => site.reset());

  /** Sets the variables of the registry's container; `undefined`: it has no `env` at all. */
  async function setVariables(env: readonly EnvVar[] | undefined): Promise<void> {
    await site.workload.configure(({ template }) => {
      const [container] = template.spec.containers;
      if (container && env) container.env = [...env];
      else delete container?.env;
    });
  }

  test('--only legacy, then --only new: together the whole', async () => {
    const legacy = await site.runs(0, [...DELETING, '--only', 'legacy']);
    assert.deepEqual(skippedSteps(legacy), [{ step: 'list-new', reason: '--only legacy' }]);
    await site.assertCleaned({ only: 'legacy' });
    const rest = await site.runs(0, [...DELETING, '--only', 'new']);
    assert.deepEqual(skippedSteps(rest), [{ step: 'list-legacy', reason: '--only new' }]);
    await site.assertCleaned();
  });

  const other: EnvVar = { name: 'REGISTRY_LOG_LEVEL', value: 'error' };
  const variants: Readonly<Record<string, readonly EnvVar[] | undefined>> = {
    'no environment at all': undefined,
    'the literal false, between others': [
      other,
      { name: VARIABLE, value: 'false' },
      { ...other, name: 'TZ' },
    ],
    'a reference': [
      {
        name: VARIABLE,
        valueFrom: { configMapKeyRef: { name: 'docker-registry-settings', key: 'delete-enabled' } },
      },
    ],
  };
  for (const [name, env] of Object.entries(variants)) {
    test(`the setting was ${name}: exactly that is put back`, async () => {
      await setVariables(env);
      await site.runs(0, [...DELETING, '--only', 'legacy']);
      await site.assertCleaned({ only: 'legacy' });
      assert.equal(await site.registry.deletes(), false);
    });
  }
});

// Each with a sandbox of its own: much of it is waiting.
describe('a registry that is set up otherwise', { concurrency: true }, () => {
  const enabled: Readonly<Record<string, SandboxOptions>> = {
    'by the variable': { registryEnv: [{ name: VARIABLE, value: 'true' }] },
    "by the registry's own configuration": { configuredDeletion: true },
  };
  for (const [name, options] of Object.entries(enabled))
    test(`deletion was enabled before, ${name}: nothing is changed, and nothing restarted`, async () => {
      await using site = await Site.open(options);
      assert.equal(await site.registry.deletes(), true);
      const pods = () => site.sandbox.cluster.pods().map(({ metadata }) => metadata.uid);
      const [before, generation] = [pods(), site.workload.generation];
      const { stdout } = await site.runs(0, DELETING);
      await site.assertCleaned();
      assert.deepEqual([pods(), site.workload.generation], [before, generation]);
      const review = parseEvents(stdout).find(({ event }) => event === 'review');
      assert.equal(review?.restarts, 0);
    });

  test('it is read-only: that is told, and the setting is put back', async () => {
    const readOnly = { name: 'REGISTRY_STORAGE_MAINTENANCE_READONLY', value: '{"enabled":true}' };
    await using site = await Site.open({ registryEnv: [readOnly] });
    const ended = await site.runs(5, DELETING);
    assert.match(ended.stderr, /still refuses to delete[\s\S]*read-only/);
    await site.assertUntouched();
    assert.deepEqual(await changes(site.sandbox.registryLog), []);
  });

  test('a Deployment of some size, and an API server from before 1.30', async () => {
    await using site = await Site.open({
      ...{ environments: 10, revisions: 15, legacy: 5, seed: 7 },
      ...{ workloadKind: 'Deployment', execV5: false },
    });
    const { stdout } = await site.runs(0, [...DELETING, '--registry-workload', 'deployment/docker-registry']);
    await site.assertCleaned();
    assert.equal(summaryOf({ stdout }).deleted, site.judge().doomed.length);
  });
});
