/** Bad input, each refused before anything is touched, with the exit code and the words that help. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { KubeObject } from '../../scripts/sandbox/cluster/objects.ts';
import { listed, runFolder, runRecord } from './support/run-folder.ts';
import { ROUTES, Site, summaryOf } from './support/site.ts';

const DELETING = ['--delete', '--yes'];
const RESUMING = ['--resume', '--delete', '--yes'];
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:9';

let site: Site;
before(async () => {
  site = await Site.open();
});
after(() => site[Symbol.asyncDispose]());
beforeEach(() => site.reset());

/** Runs it and insists on exit code, words, the closing object, and that nothing was touched. */
async function refused(
  code: number,
  words: RegExp,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const ended = await site.runs(code, args, { env });
  assert.match(ended.stderr, words);
  assert.equal(summaryOf(ended).exitCode, code);
  await site.assertUntouched();
}

/** A kubeconfig like the sandbox's, with another server. */
function kubeconfigFor(server: string): string {
  const config = JSON.parse(readFileSync(site.sandbox.kubeconfig, 'utf8'));
  config.clusters[0].cluster.server = server;
  return site.file('kubeconfig-elsewhere', JSON.stringify(config));
}

describe('the environments file', () => {
  const file = (text: string) => ['--environments', site.file('environments', text)];

  test('is not there', () =>
    refused(2, /does not exist[\s\S]*environments-example/, ['--environments', join(site.folder, 'none')]));

  test('names nothing', async () => {
    await refused(2, /names no environment/, file(''));
    await refused(2, /names no environment/, file('# 62798b9bee0eb12322fc97e8 31\n\n'));
  });

  test('has faults of all kinds: all are told at once, each with its line', async () => {
    const text = [
      '62798b9bee0eb12322fc97e8 31 30',
      '62798B9BEE0EB12322FC97E8 1',
      '62798b9bee0eb12322fc97e 1',
      '6286a3c76d4fd0362f8ba3ec 1 -2 007 x',
      '62798b9bee0eb12322fc97e8 29',
    ].join('\n');
    const { stderr } = await site.runs(2, file(text));
    for (const fault of [
      /line 2: "62798B9BEE0EB12322FC97E8": .*lower-case/,
      /line 3: "62798b9bee0eb12322fc97e": .*23 characters/,
      /line 4: "-2"/,
      /line 4: "007"/,
      /line 4: "x"/,
      /line 5: "62798b9bee0eb12322fc97e8": .*line 1/,
    ])
      assert.match(stderr, fault);
    await site.assertUntouched();
  });

  test('from Windows, with tabs and remarks, is as good as any', async () => {
    const text = site.environmentsText.replaceAll(' ', '\t \t').replaceAll('\n', ' # remark\r\n');
    await site.runs(0, file(`\uFEFF${text}`));
    assert.deepEqual(listed(site.stateDir), site.judge().doomed);
    await site.assertUntouched();
  });

  test('retains everything: there is nothing to delete, and nothing is switched', async () => {
    const all = site.environmentsText.replaceAll(/ \d.*$/gm, ' 1 2 3 4 5 6');
    const ended = await site.runs(0, [...DELETING, ...file(all), '--only', 'new']);
    assert.equal(summaryOf(ended).planned, 0);
    await site.assertUntouched();
  });
});

describe('the command line', () => {
  test('deleting has to be confirmed, and nobody is there to ask', () => refused(2, /--yes/, ['--delete']));
  test('there is nothing to resume', () => refused(2, /no unfinished run/, ['--resume']));
  test('--resume and --fresh contradict each other', () => refused(2, /contradict/, ['--resume', '--fresh']));
  test('the summary is printed too when an option asks for JSON', () =>
    refused(2, /no unfinished run/, ['--resume', '--output', 'json'], { REGISTRY_CLEANER_OUTPUT: 'text' }));
  test('an option belongs to another command', () =>
    refused(2, /--delete goes with a run, not with scan/, ['scan', '--delete']));
});

describe('the cluster', () => {
  test('there is no kubeconfig: the demo is pointed to', () =>
    refused(2, /npm run demo/, [], { REGISTRY_CLEANER_KUBECONFIG: '' }));

  test('the context is unknown: those that there are are told', () =>
    refused(2, /no context "nowhere"[\s\S]*docker-registry-cleaner-sandbox/, ['--context', 'nowhere']));

  test('the API server cannot be reached', () =>
    refused(5, new RegExp(NOWHERE), ['--kubeconfig', kubeconfigFor(`https://${NOWHERE}`)]));

  test('a proxy is used, which is dead, unless NO_PROXY says otherwise', async () => {
    const proxied = ['--kubeconfig', kubeconfigFor('https://kubernetes.invalid:6443')];
    const HTTPS_PROXY = `http://${NOWHERE}`;
    await refused(5, new RegExp(NOWHERE), proxied, { HTTPS_PROXY });
    const direct = await site.runs(5, proxied, { env: { HTTPS_PROXY, NO_PROXY: '.invalid' } });
    assert.doesNotMatch(direct.stderr, new RegExp(NOWHERE));
  });

  test('the workload is not there', () =>
    refused(5, /no-such-registry/, ['--registry-workload', 'no-such-registry']));

  test('there is no Secret, and no password', () =>
    refused(2, /SKOPEO_PASSWORD/, ['--secret-name', 'no-such-secret']));

  for (const via of ROUTES)
    test(`the password is wrong: found before anything is changed (${via})`, () =>
      refused(5, /Check the password: SKOPEO_PASSWORD/, [...DELETING, '--via', via], {
        SKOPEO_PASSWORD: 'not-the-password',
      }));
});

describe('the registry', () => {
  test('has none of the legacy repositories: that is a wrong registry', async () => {
    const line = site.environmentsText
      .split('\n')
      .find((each) => /^[0-9a-f]{24} /.test(each) && !site.before.has(`domino-${each.slice(0, 24)}`));
    const environments = site.file('environments', `${line}\n`);
    await refused(4, /does not have the repository domino-/, [
      ...DELETING,
      '--only',
      'legacy',
      '--environments',
      environments,
    ]);
  });

  test('has no new repository: it is noted, and the legacy ones are cleaned', async () => {
    const legacy = site.environmentsText
      .split('\n')
      .filter((each) => site.before.get(`domino-${each.slice(0, 24)}`)?.tags.has('6'));
    const environments = `${legacy.join('\n')}\n`;
    const repositories = join(site.sandbox.storage, 'docker/registry/v2/repositories');
    renameSync(join(repositories, 'dominodatalab'), join(site.folder, 'away'));
    const ended = await site.run([...DELETING, '--environments', site.file('environments', environments)]);
    renameSync(join(site.folder, 'away'), join(repositories, 'dominodatalab'));
    assert.equal(ended.code, 0, ended.stdout + ended.stderr);
    assert.deepEqual(summaryOf(ended).missingRepositories, ['dominodatalab/environment']);
    await site.assertCleaned({ environments, only: 'legacy' });
  });

  test('an absent revision is allowed on request', async () => {
    const environments = site.file('environments', site.environmentsText.replace(/ 6 5$/m, ' 6 5 999'));
    await site.runs(0, ['--environments', environments, '--allow-absent']);
  });
});

// Each with a sandbox of its own: it is waited for an answer.
describe('a way to the registry that is shut', { concurrency: true }, () => {
  for (const via of ['pod', 'direct', 'skopeo'] as const)
    test(`the other ways are named, and nothing is planned (${via})`, async () => {
      await using site = await Site.open({ via });
      const ended = await site.runs(5, [...DELETING, '--registry', NOWHERE]);
      assert.match(ended.stderr, /Other ways to the registry: --via/);
      assert.ok(!ended.stdout.includes('"list-new"'), ended.stdout);
      await site.assertUntouched();
    });
});

describe('what an earlier start has left', () => {
  test('symbolic links in the place of lists, state and folders are not followed', async () => {
    await site.runs(0, []);
    for (const name of ['revisions_to_delete', 'run.json', 'plan.jsonl']) {
      const path = join(runFolder(site.stateDir), name);
      const target = join(site.folder, `target-${name}`);
      renameSync(path, target);
      symlinkSync(target, path);
      await refused(6, /symbolic link/, RESUMING);
      rmSync(path);
      renameSync(target, path);
    }
    const link = join(site.folder, 'link');
    symlinkSync(site.stateDir, link);
    await refused(6, /symbolic link/, [...RESUMING, '--state-dir', link]);
    await site.runs(0, RESUMING);
    await site.assertCleaned();
  });

  test('a damaged state file is set aside and told, never silently begun anew', async () => {
    await site.runs(0, []);
    const path = join(runFolder(site.stateDir), 'run.json');
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -20));
    await refused(6, /damaged[\s\S]*run\.json\.damaged/, RESUMING);
    await refused(2, /no unfinished run/, RESUMING);
  });

  test('damaged lines of the journal are told; their tags are looked at again', async () => {
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 30 });
    const command = site.start(DELETING);
    await command.event('a deletion', ({ event, step }) => event === 'progress' && step === 'delete');
    command.kill('SIGTERM');
    await command.ended;
    const journal = join(runFolder(site.stateDir), 'journal.jsonl');
    const [first = '', ...rest] = readFileSync(journal, 'utf8').split('\n');
    writeFileSync(journal, [first.slice(0, 40), ...rest].join('\n'));
    const ended = await site.runs(0, ['--resume']);
    assert.match(ended.stderr, /1 line of the journal/);
    await site.assertCleaned();
  });

  test('a run is never continued against another registry or another cluster', async () => {
    await site.runs(0, []);
    const otherName = site.sandbox.registry.replace('127.0.0.1', 'localhost');
    await refused(4, /another registry/, [...RESUMING, '--registry', otherName]);
    const { store } = site.sandbox.cluster;
    const key = { resource: 'namespaces', namespace: '', name: 'kube-system' };
    const system = store.get<KubeObject>(key) as KubeObject;
    store.remove(key);
    store.create('namespaces', system);
    await refused(4, /another cluster/, RESUMING);
    assert.equal(runRecord(site.stateDir).stage, 'reviewed');
  });
});
