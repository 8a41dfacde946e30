/** Bad weather on the way to the registry, which the program sits out by itself. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault } from '../../scripts/sandbox/faults.ts';
import { repeated } from './support/access-log.ts';
import { CONCURRENCY, hitInMidDelete } from './support/hit.ts';
import { listed } from './support/run-folder.ts';
import { ROUTES, type Route, Site, summaryOf } from './support/site.ts';

const POD = 'docker-registry-cleaner';
const UNTAG_FIRST = ['--strategy', 'untag-first'];

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
  'the kubelet restarts': [
    { fault: 'refuseExec', podPrefix: POD, times: 4 },
    { fault: 'dropExec', podPrefix: POD },
  ],
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
