/** A run with `--delete`, in fair weather: exactly what must be left is left, and everything else is as before. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { EnvVar } from '../../scripts/sandbox/options.ts';
import { deletions, repeated } from './support/access-log.ts';
import { type Ended, parseEvents } from './support/command.ts';
import { finishedLists, listed, runRecord } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';

const VARIABLE = 'REGISTRY_STORAGE_DELETE_ENABLED';
const DELETING = ['--delete', '--yes'];

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

  test('everything doomed goes, once, and nothing else', async () => {
    const started = await deletions(site.sandbox.registryLog);
    const { stdout } = await site.runs(0, DELETING);
    await site.assertCleaned();
    const { doomed, doomedManifests, counts } = site.judge();
    const { planned, deleted, alreadyGone, failed, drifted, exitCode, mode, ...rest } = summaryOf({ stdout });
    assert.deepEqual(
      { planned, deleted, alreadyGone, failed, drifted },
      {
        ...{ planned: doomed.length, deleted: doomed.length, alreadyGone: 0, failed: 0, drifted: 0 },
      },
    );
    assert.deepEqual(
      [exitCode, mode, rest.retained, rest.protected],
      [0, 'delete', counts.retained, counts.protected],
    );
    const requests = (await deletions(site.sandbox.registryLog)).slice(started.length);
    const ofTheBeginning = requests.map(({ target }) => target).filter((target) => had.has(target));
    assert.deepEqual(ofTheBeginning.toSorted(), doomedManifests.toSorted());
    assert.equal(await site.registry.deletes(), false);

    assert.equal(runRecord(site.stateDir).stage, 'finished');
    assert.deepEqual(listed(site.stateDir), doomed);
    const repositories = new Set(doomed.map((name) => name.split(':')[0]));
    assert.equal(finishedLists(site.stateDir).length, repositories.size);

    const again = await site.runs(0, DELETING);
    assert.equal(summaryOf(again).planned, 0);
    const steps = parseEvents(again.stdout).filter((event) => event.state === 'skipped');
    assert.deepEqual(
      steps.map(({ step }) => step),
      ['enable-delete', 'delete', 'move-done', 'disable-delete'],
    );
    await site.assertCleaned();
  });

  test('--only legacy, then --only new: together the whole', async () => {
    const skipped = ({ stdout }: Ended) =>
      parseEvents(stdout)
        .filter(({ state }) => state === 'skipped')
        .map(({ step, reason }) => ({ step, reason }));
    const legacy = await site.runs(0, [...DELETING, '--only', 'legacy']);
    assert.deepEqual(skipped(legacy), [{ step: 'list-new', reason: '--only legacy' }]);
    await site.assertCleaned({ only: 'legacy' });
    const rest = await site.runs(0, [...DELETING, '--only', 'new']);
    assert.deepEqual(skipped(rest), [{ step: 'list-legacy', reason: '--only new' }]);
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

  test('deletion was enabled before: nothing is changed, and nothing restored', async () => {
    await setVariables([{ name: VARIABLE, value: 'true' }]);
    let rollouts = 0;
    const stop = site.sandbox.cluster.store.subscribe(({ resource, object, previous }) => {
      const isNew = object.metadata.generation !== previous?.metadata.generation;
      if (resource === 'statefulsets' && isNew) rollouts += 1;
    });
    const { stdout } = await site.runs(0, DELETING);
    stop();
    await site.assertCleaned();
    assert.equal(rollouts, 0);
    const review = parseEvents(stdout).find(({ event }) => event === 'review');
    assert.equal(review?.restarts, 0);
  });
});

describe('a Deployment, and an API server from before 1.30', () => {
  test('a registry of some size', async () => {
    await using site = await Site.open({
      ...{ environments: 10, revisions: 15, legacy: 5, seed: 7 },
      ...{ workloadKind: 'Deployment', execV5: false },
    });
    const { stdout } = await site.runs(0, [...DELETING, '--registry-workload', 'deployment/docker-registry']);
    await site.assertCleaned();
    assert.equal(summaryOf({ stdout }).deleted, site.judge().doomed.length);
  });
});
