/** Bad weather that the program sits out by itself, and bad weather that it cannot. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Fault } from '../../scripts/sandbox/faults.ts';
import { changes, repeated } from './support/access-log.ts';
import type { Ended } from './support/command.ts';
import { midDelete, midManifests } from './support/interrupt.ts';
import { applyManualRestore } from './support/manual-restore.ts';
import { listed } from './support/run-folder.ts';
import { ROUTES, type Route, Site, summaryOf } from './support/site.ts';
import { eventually } from './support/wait.ts';

const CONCURRENCY = 4;
const DELETING = ['--delete', '--yes', '--concurrency', String(CONCURRENCY)];
const POD = 'docker-registry-cleaner';
const UNTAG_FIRST = ['--strategy', 'untag-first'];

let site: Site;
before(async () => {
  site = await Site.open();
});
after(() => site[Symbol.asyncDispose]());
beforeEach(() => site.reset());

const inject = (fault: Fault) => site.sandbox.faults.inject(fault);

/** A deleting run that is hit in the midst of deleting; where it unties tags first, in the midst of that as well. */
async function hitInMidDelete(given: {
  readonly site: Site;
  readonly hit: () => Promise<void>;
  readonly args?: readonly string[];
}) {
  const { site, hit, args = [] } = given;
  await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 30 });
  const before = (await changes(site.sandbox.registryLog)).length;
  const command = site.start([...DELETING, ...args]);
  await midDelete(site, command);
  await hit();
  if (args.includes('untag-first')) {
    await midManifests(site, command);
    await hit();
  }
  const ended = await command.ended;
  return { ...ended, requests: (await changes(site.sandbox.registryLog)).slice(before) };
}

/** A deleting run that is hit in the midst of deleting, and recovers by itself. */
async function sitsOut(faults: readonly Fault[], site: Site, args: readonly string[]): Promise<void> {
  const hit = async () => {
    for (const fault of faults) await site.sandbox.faults.inject(fault);
  };
  const ended = await hitInMidDelete({ site, hit, args });
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  await site.assertCleaned();
  const { planned, deleted, alreadyGone } = summaryOf(ended);
  assert.equal(Number(deleted) + Number(alreadyGone), planned);
  assert.equal(planned, site.judge().doomed.length);
  const allowed = args.length > 0 ? 2 * 2 * CONCURRENCY : CONCURRENCY;
  assert.ok(repeated(ended.requests) <= allowed, `${repeated(ended.requests)} requests were repeated`);
}

const unavailable: Fault = { fault: 'apiError', code: 503, times: 4 };
const inPods = {
  'the exec sockets drop': [{ fault: 'dropExec', podPrefix: POD }],
  'the pod is lost': [{ fault: 'losePod', pod: POD }],
  'the registry restarts': [{ fault: 'restartRegistry' }],
  'the registry fails some requests': [{ fault: 'registryError', times: 5 }],
  'the registry cannot be reached for a while': [{ fault: 'registryDown', forMs: 3000 }],
  'blobs are where only the cluster gets': [{ fault: 'redirectBlobs', to: 'nowhere' }],
} as const satisfies Record<string, readonly Fault[]>;
const dropForward: Fault = { fault: 'dropForward' };

/** What may happen on each of the routes. */
const weather: Readonly<Record<Route, Readonly<Record<string, readonly Fault[]>>>> = {
  pod: {
    ...inPods,
    'the API server fails while the setting is put back': [{ ...unavailable, path: 'statefulsets' }],
  },
  skopeo: inPods,
  'port-forward': {
    'the forwarded connections drop': [dropForward],
    'they drop while the API server is not available': [unavailable, dropForward],
    'the registry restarts': inPods['the registry restarts'],
  },
  direct: {
    'the registry restarts': inPods['the registry restarts'],
    'the registry cannot be reached for a while': inPods['the registry cannot be reached for a while'],
  },
};

/** A forwarded port leads past the Service and its slowness: there the API server is far away. */
function slowWay(via: string): { readonly apiLatencyMs?: number } {
  return via === 'port-forward' ? { apiLatencyMs: 40 } : {};
}

// Each with a sandbox of its own, several at the same time: most of such a run is waiting.
describe('in mid-delete, without a resume', { concurrency: 3 }, () => {
  for (const via of ROUTES)
    for (const [name, faults] of Object.entries(weather[via]))
      test(`${via}: ${name}`, async () => {
        await using site = await Site.open({ via, ...slowWay(via) });
        await sitsOut(faults, site, via === 'skopeo' ? [] : UNTAG_FIRST);
      });
});

describe('in mid-listing: the list is whole all the same', { concurrency: true }, () => {
  const cuts: Readonly<Partial<Record<Route, Fault>>> = {
    pod: { fault: 'dropExec', podPrefix: POD },
    skopeo: { fault: 'dropExec', podPrefix: POD },
    'port-forward': { fault: 'dropForward' },
  };
  for (const [via, cut] of Object.entries(cuts))
    test(`${via}: its connections drop`, async () => {
      await using site = await Site.open({ via: via as Route, ...slowWay(via) });
      await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 30 });
      const command = site.start([]);
      await command.event('progress', ({ event, step }) => event === 'progress' && step === 'list-new');
      await site.sandbox.faults.inject(cut);
      assert.equal((await command.ended).code, 0, command.output);
      assert.deepEqual(listed(site.stateDir), site.judge().doomed);
      await site.assertUntouched();
    });
});

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
