/** Tags that are untied before their manifests are deleted: cut short in between, finished by whoever comes next. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { changes } from './support/access-log.ts';
import type { Command } from './support/command.ts';
import { ledgersIn, untiedIn } from './support/ledgers.ts';
import type { RegistryView, RepositoryView } from './support/registry-view.ts';
import { Site, summaryOf } from './support/site.ts';

const REPOSITORY = 'dominodatalab/environment';
const NEW_ONLY = { only: 'new' } as const;
const MANIFESTS = `/v2/${REPOSITORY}/manifests/`;
const UNTAG_FIRST = ['--strategy', 'untag-first', '--concurrency', '2'];
const DELETING = ['--delete', '--yes', ...UNTAG_FIRST, '--only', 'new'];

function repositoryOf(view: ReadonlyMap<string, RepositoryView>): RepositoryView {
  return view.get(REPOSITORY) ?? assert.fail(`there is no ${REPOSITORY}`);
}

/** The doomed tags that the program has pointed at a throw-away manifest so far. */
async function untiedSoFar(site: Site): Promise<string[]> {
  const { doomed } = site.judge(NEW_ONLY);
  const put = (await changes(site.sandbox.registryLog)).filter(({ method }) => method === 'PUT');
  return doomed.filter((tag) => put.some(({ target }) => target === tag));
}

/** When a run is killed: what it cannot get beyond, how to wait for it, and what it must have left. */
interface Moment {
  readonly hold: { readonly method: string; readonly path: string; readonly after: number };
  reached(site: Site, command: Command): Promise<void>;
  look(site: Site): Promise<RegistryView>;
}

const moments = {
  'in the midst of untying': {
    // The ledger and some tags.
    hold: { method: 'PUT', path: MANIFESTS, after: 8 },
    async reached(site, command) {
      await command.until('a few untied tags', async () => (await untiedSoFar(site)).length >= 4);
    },
    async look(site) {
      const view = await site.registry.view();
      const { doomed } = site.judge(NEW_ONLY);
      const untied = untiedIn(view);
      assert.ok(untied.length >= 4 && untied.length < doomed.length, `${untied.length} tags are untied`);
      return view;
    },
  },

  'between untying and deleting': {
    // The throw-away manifest.
    hold: { method: 'DELETE', path: `${MANIFESTS}sha256:`, after: 1 },
    async reached(site, command) {
      const had = new Set(
        [...repositoryOf(site.before).manifests.keys()].map((each) => `${REPOSITORY}@${each}`),
      );
      await command.until('the end of the throw-away manifest', async () =>
        (await changes(site.sandbox.registryLog)).some(
          ({ method, target, status }) => method === 'DELETE' && status === 202 && !had.has(target),
        ),
      );
    },
    async look(site) {
      const view = await site.registry.view();
      const { doomed, doomedManifests } = site.judge(NEW_ONLY);
      const names = new Set([...repositoryOf(view).tags.keys()].map((tag) => `${REPOSITORY}:${tag}`));
      assert.deepEqual(
        doomed.filter((tag) => names.has(tag)),
        [],
        'all are untied',
      );
      assert.deepEqual(
        await site.registry.present(doomedManifests),
        doomedManifests,
        'no manifest is deleted',
      );
      return view;
    },
  },
} as const satisfies Record<string, Moment>;
const killedAt = Object.entries(moments);

/** Begins a run and kills it at a moment. */
async function kill(site: Site, moment: Moment, args: readonly string[] = []): Promise<void> {
  await site.sandbox.faults.inject({ fault: 'registryHold', ...moment.hold });
  const command = site.start([...DELETING, ...args]);
  await moment.reached(site, command);
  command.kill('SIGKILL');
  await command.ended;
  assert.equal(ledgersIn(await moment.look(site)).length, 1, 'the ledger is there');
  site.sandbox.faults.clear();
  await site.assertNothingLost(NEW_ONLY);
}

// Each with a sandbox of its own, at the same time: most of it is waiting.
describe('killed with kill -9', { concurrency: 3 }, () => {
  for (const [when, moment] of killedAt) {
    test(`${when}: --resume finishes it`, async () => {
      await using site = await Site.open();
      await kill(site, moment);
      const ended = await site.runs(0, ['--resume']);
      await site.assertCleaned(NEW_ONLY);
      const { planned, deleted, alreadyGone } = summaryOf(ended);
      assert.equal(planned, site.judge(NEW_ONLY).doomed.length);
      assert.equal(Number(deleted) + Number(alreadyGone), planned);
    });

    test(`${when}: a clone without state recovers, and finishes it in a new run`, async () => {
      await using site = await Site.open();
      await kill(site, moment);
      const elsewhere = ['--state-dir', join(site.folder, 'elsewhere')];
      await site.runs(0, ['recover', ...elsewhere]);
      await site.assertTidy();
      await site.assertNothingLost(NEW_ONLY);
      await site.runs(0, [...DELETING, ...elsewhere]);
      await site.assertCleaned(NEW_ONLY);
      // Where it was begun, nothing is left to be done, or to be put back.
      await site.runs(0, ['--resume']);
      await site.assertCleaned(NEW_ONLY);
    });

    test(`${when}: what the next run's file retains is put back`, async () => {
      await using site = await Site.open();
      const [first = ''] = site.judge(NEW_ONLY).doomed;
      await kill(site, moment);
      const untied = (await untiedSoFar(site)).includes(first) ? first : ((await untiedSoFar(site))[0] ?? '');
      const [, id = '', revision = ''] = /:([0-9a-f]+)-(\d+)$/.exec(untied) ?? [];
      const environments = site.environmentsText.replace(id, `${id} ${revision}`);
      const elsewhere = ['--state-dir', join(site.folder, 'elsewhere')];
      const retaining = ['--environments', site.file('retains-more', environments)];
      await site.runs(0, ['recover', ...elsewhere]);
      await site.runs(0, [...DELETING, ...elsewhere, ...retaining]);
      await site.assertCleaned({ ...NEW_ONLY, environments });
    });
  }

  test('resumed by Skopeo, killed again, resumed over HTTP', async () => {
    await using site = await Site.open();
    await kill(site, moments['in the midst of untying'], ['--via', 'pod']);
    const bySkopeo = site.start(['--resume', '--via', 'skopeo', '--concurrency', '2']);
    await bySkopeo.step('delete');
    bySkopeo.kill('SIGKILL');
    await bySkopeo.ended;
    await site.assertNothingLost(NEW_ONLY);
    await site.runs(0, ['--resume', '--via', 'pod']);
    await site.assertCleaned(NEW_ONLY);
  });

  test('resumed by Skopeo to its end; the next run over HTTP unties the rest', async () => {
    await using site = await Site.open();
    await kill(site, moments['in the midst of untying'], ['--via', 'pod']);
    await site.run(['--resume', '--via', 'skopeo']);
    await site.assertNothingLost(NEW_ONLY);
    await site.assertTidy();
    await site.runs(0, [...DELETING, '--fresh']);
    await site.assertCleaned(NEW_ONLY);
  });
});

test('what is pushed while the run unties survives, and what it needs', async () => {
  await using site = await Site.open();
  await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 60 });
  const { tags, manifests } = repositoryOf(site.before);
  const manifestOf = (tag: string) => manifests.get(tags.get(tag) ?? '') ?? assert.fail(tag);
  const command = site.start(DELETING);
  await command.until('an untied tag', async () => (await untiedSoFar(site)).length > 0);
  const names = (list: readonly string[]) => list.map((name) => name.slice(REPOSITORY.length + 1));
  const untied = names(await untiedSoFar(site));
  const isAlone = (tag: string) =>
    [...tags.values()].filter((digest) => digest === tags.get(tag)).length === 1;
  const later = names(site.judge(NEW_ONLY).doomed).filter((tag) => !untied.includes(tag) && isAlone(tag));
  const [moved = '', source = '', needed = ''] = later.slice(-3);
  const again = untied[0] ?? '';
  await Promise.all([
    site.registry.push(REPOSITORY, moved, manifestOf(source)),
    site.registry.push(REPOSITORY, 'pushed-since', manifestOf(needed)),
    site.registry.push(REPOSITORY, again, manifestOf(again)),
  ]);
  const ended = await command.ended;
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);
  const after = repositoryOf(await site.registry.view()).tags;
  assert.equal(after.get(moved), tags.get(source), 'a doomed tag that was moved');
  assert.equal(after.get('pushed-since'), tags.get(needed), 'a new tag on a doomed manifest');
  assert.equal(after.get(again), tags.get(again), 'a tag that was untied a moment ago');
  assert.deepEqual(
    [...after.keys()].filter((tag) => tag.startsWith('registry-cleaner-')),
    [],
  );
  const { planned, deleted, alreadyGone, failed, drifted } = summaryOf(ended);
  assert.equal(Number(deleted) + Number(alreadyGone) + Number(failed) + Number(drifted), planned);
  assert.ok(Number(drifted) >= 1, ended.stdout);
  await site.assertNothingLost(NEW_ONLY);
  await site.assertTidy();
});
