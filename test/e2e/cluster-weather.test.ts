/** Bad weather in the cluster: what the program sits out by itself, and what it cannot. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Fault } from '../../scripts/sandbox/faults.ts';
import type { Ended } from './support/command.ts';
import { DELETING, hitInMidDelete } from './support/hit.ts';
import { applyManualRestore } from './support/manual-restore.ts';
import { Site, summaryOf } from './support/site.ts';
import { eventually } from './support/wait.ts';

const POD = 'docker-registry-cleaner';

let site: Site;
before(async () => {
  site = await Site.open();
});
after(() => site[Symbol.asyncDispose]());
beforeEach(() => site.reset());

const inject = (fault: Fault) => site.sandbox.faults.inject(fault);

test('a slow API server that also refuses some requests', async () => {
  await inject({ fault: 'apiSlow', delayMs: 50 });
  await inject({ fault: 'apiError', code: 429, times: 2, retryAfterSeconds: 1, method: 'GET' });
  await inject({ fault: 'apiError', code: 500, times: 2, method: 'GET', path: '/pods' });
  await inject({ fault: 'apiError', code: 503, times: 1, method: 'POST', path: '/pods' });
  await site.runs(0, DELETING);
  await site.assertCleaned();
});

describe('the rollout', () => {
  test('never ends: the setting is put back, the stuck pod replaced, and the run can be resumed', async () => {
    await inject({ fault: 'endlessRollout' });
    const ended = await site.runs(5, [...DELETING, '--rollout-timeout', '2s']);
    assert.match(ended.stderr, /rollout is not over/);
    await site.assertUntouched();
    assert.equal(await site.registry.deletes(), false);
    await site.runs(0, ['--resume']);
    await site.assertCleaned();
  });

  for (const [name, change] of Object.entries({
    OnDelete: { type: 'OnDelete' },
    'a partition': { type: 'RollingUpdate', rollingUpdate: { partition: 1 } },
  } as const)) {
    test(`${name} is refused before anything is created`, async () => {
      const before = site.workload.updateStrategy;
      await site.workload.configure((spec) => Object.assign(spec, { updateStrategy: change }));
      const created = site.watchPods();
      const ended = await site.runs(4, DELETING);
      assert.match(ended.stderr, name === 'OnDelete' ? /OnDelete/ : /partition 1/);
      assert.deepEqual(created.end(), []);
      await site.assertUntouched();
      await site.workload.configure((spec) => Object.assign(spec, { updateStrategy: before }));
    });
  }
});

describe('a controller that writes the template back is named, nothing is lost, and the run can be resumed', () => {
  test('during the rollout', async () => {
    await inject({ fault: 'writeBack', afterMs: 50 });
    await blamesController(await site.run(DELETING));
  });

  test('in mid-delete', async () => {
    await blamesController(
      await hitInMidDelete({ site, hit: async () => site.workload.writeTemplateBack() }),
    );
  });

  async function blamesController(ended: Ended): Promise<void> {
    assert.ok(ended.code === 4 || ended.code === 5, ended.stdout + ended.stderr);
    assert.match(ended.stderr, /a controller, a GitOps tool/);
    await site.assertNothingLost();
    await site.assertTidy();
    site.sandbox.faults.clear();
    await site.runs(0, ['--resume']);
    await site.assertCleaned();
  }
});

describe('the API server stays away while the setting is put back', () => {
  test('exit code 5, and the command that does it by hand is the last thing printed', async () => {
    const lasting = () => inject({ fault: 'apiError', code: 503, times: 1_000_000, path: 'statefulsets' });
    const ended = await hitInMidDelete({ site, hit: lasting, args: ['--restore-timeout', '1s'] });
    assert.equal(ended.code, 5, ended.stdout + ended.stderr);
    assert.equal(summaryOf(ended).exitCode, 5);
    site.sandbox.faults.clear();
    assert.equal(await site.registry.deletes(), true);
    const last = ended.stderr.trimEnd().split('\n').at(-1) ?? '';
    await applyManualRestore(last, site.sandbox);
    await eventually('the registry to refuse deletions again', async () => !(await site.registry.deletes()));
    site.assertRestored();
    await site.runs(0, ['--resume']);
    await site.assertCleaned();
  });
});

describe('the pod cannot start', () => {
  const words = {
    imagePull: /ImagePullBackOff[\s\S]*not found/,
    unschedulable: /0\/1 nodes are available/,
    crash: /exited|ended|Failed/i,
    containerConfig: /secret "registry-client" not found/,
    quota: /exceeded quota: compute-quota/,
    webhook: /admission webhook "policy\.example\.com" denied the request/,
  } as const;
  for (const [failure, pattern] of Object.entries(words)) {
    test(`${failure}: exit code 5, in the cluster's words`, async () => {
      await inject({ fault: 'failPods', failure: failure as keyof typeof words, podPrefix: POD });
      const ended = await site.runs(5, ['--pod-timeout', '4s']);
      assert.match(ended.stderr, pattern);
      await site.assertUntouched();
    });
  }
});

test('what one may not do is named as rules to ask for, before anything is created', async () => {
  const created = site.watchPods();
  await inject({
    fault: 'deny',
    denials: [
      { verb: 'create', resource: 'pods/exec' },
      { verb: 'patch', resource: 'statefulsets', group: 'apps' },
    ],
  });
  const ended = await site.runs(5, DELETING);
  assert.match(ended.stderr, /resources: \["pods\/exec"\]/);
  assert.match(ended.stderr, /resources: \["statefulsets"\]\n +resourceNames: \["docker-registry"\]/);
  await inject({ fault: 'deny', denials: [{ verb: 'create', resource: 'pods/portforward' }] });
  const forwarding = await site.runs(5, ['--via', 'port-forward']);
  assert.match(forwarding.stderr, /resources: \["pods\/portforward"\]/);
  assert.deepEqual(created.end(), []);
  await site.assertUntouched();
});
