/** A run without `--delete`: lists, a plan, a review, and nothing else. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { deletions } from './support/access-log.ts';
import { parseEvents } from './support/command.ts';
import { listed, runFolder } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';

let site: Site;
before(async () => {
  site = await Site.open();
});
after(() => site[Symbol.asyncDispose]());
beforeEach(() => site.reset());

/** Legacy repositories of the sandbox's environments that do not exist. */
function missingRepositories(): string[] {
  return site.environmentsText
    .split('\n')
    .map((line) => `domino-${line.split(' ')[0]}`)
    .filter((name) => /^domino-[0-9a-f]{24}$/.test(name) && !site.before.has(name));
}

/** Folders 0700, files 0600. */
function assertPrivate(folder: string): void {
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    assert.equal(statSync(path).mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, path);
  }
}

describe('scanning', () => {
  test('changes nothing, keeps its cache private, and leaves no pod', async () => {
    const pods = site.watchPods();
    const { stdout } = await site.runs(0, ['scan']);
    assert.equal(pods.end().length, 1);
    await site.assertUntouched();
    assertPrivate(site.stateDir);
    const [report] = parseEvents(stdout).filter(({ event }) => event === 'scan');
    assert.deepEqual(report?.unread, []);
    // Those of the file, and two that it does not name.
    assert.equal((report?.environments as unknown[] | undefined)?.length, 6);
    assert.equal(parseEvents(stdout).at(-1)?.event, 'scan');
  });

  test('passes over variables of other commands', async () => {
    const env = { REGISTRY_CLEANER_DELETE: 'true', REGISTRY_CLEANER_STOP_AFTER: '1s' };
    const { stdout } = await site.runs(0, ['scan'], { env });
    const ending = parseEvents(stdout).filter((event) => 'secondsLeft' in event);
    assert.deepEqual(ending, [], 'no window is told that does not end it');
    await site.assertUntouched();
  });
});

describe('planning', () => {
  test('changes nothing, and leaves lists of exactly what would go', async () => {
    const { stdout, stderr } = await site.runs(0, []);
    await site.assertUntouched();
    assert.deepEqual(await deletions(site.sandbox.registryLog), []);
    const { doomed, counts } = site.judge();
    assert.deepEqual(listed(site.stateDir), doomed);

    const steps = parseEvents(stdout).filter(({ event }) => event === 'step');
    assert.equal(new Set(steps.map(({ step }) => step)).size, 11, 'every step is told');
    const { durationMs, predictedBytes, missingRepositories: missing, ...summary } = summaryOf({ stdout });
    assert.ok(Number(predictedBytes) > 0, String(predictedBytes));
    assert.deepEqual(summary, {
      event: 'summary',
      mode: 'plan',
      exitCode: 0,
      environments: 4,
      planned: doomed.length,
      deleted: 0,
      alreadyGone: 0,
      failed: 0,
      drifted: 0,
      ...counts,
      ...{ verify: 'none', verified: 0, moved: 0, lost: 0, stillThere: 0, looked: 0, notWhole: 0 },
      reclaimedBytes: null,
      resumed: false,
      report: join(runFolder(site.stateDir), 'report.html'),
    });
    assert.ok(Number.isInteger(durationMs) && Number(durationMs) > 0, String(durationMs));
    assert.deepEqual([...(missing as string[])].sort(), missingRepositories().sort());
    assert.match(stderr, /ENVIRONMENT +(REPOSITORY|WHERE) +FOUND +RETAINED/);
    assertPrivate(site.stateDir);

    // Nobody has touched it: the next one takes its place.
    const first = runFolder(site.stateDir);
    await site.runs(0, []);
    assert.notEqual(runFolder(site.stateDir), first);
    assert.equal(JSON.parse(readFileSync(join(first, 'run.json'), 'utf8')).stage, 'given-up');
  });

  test('in words: the review on standard output, nothing on standard error', async () => {
    const environments = site.environmentsText.replace(/ \d+ \d+\n$/, '\n');
    const file = site.file('one-without-revisions', environments);
    const report = site.file('report.html', 'an earlier one');
    const words = ['--output', 'text', '--environments', file, '--report', report];
    const { stdout, stderr } = await site.runs(0, words);
    assert.equal(stderr, '');
    const { doomed } = site.judge({ environments });
    assert.match(stdout, new RegExp(`${doomed.length} tags of \\d+ to delete`));
    assert.match(stdout, /\bALL \d+/);
    assert.match(stdout, /\d+ tags of these only as tags/);
    assert.match(stdout, /--resume --delete/);
    assert.ok(stdout.includes(`Report: ${report}\n`), stdout);
    const text = readFileSync(report, 'utf8');
    assert.equal(text, readFileSync(join(runFolder(site.stateDir), 'report.html'), 'utf8'));
    assert.equal(statSync(report).mode & 0o777, 0o600);
    const [, data = ''] = /<script type="application\/json" id="data">(.*)<\/script>/.exec(text) ?? [];
    const { rows, standings } = JSON.parse(data);
    const toDelete = standings.findIndex(([key]: [string]) => key === 'open');
    assert.equal(rows.filter((row: unknown[]) => row[3] === toDelete).length, doomed.length);
  });

  test('by Skopeo: what shares its manifest with what stays is protected', async () => {
    const { stdout } = await site.runs(0, ['--output', 'text', '--via', 'skopeo']);
    await site.assertUntouched();
    const { doomed } = site.judge({ unties: false });
    assert.ok(doomed.length < site.judge().doomed.length);
    assert.deepEqual(listed(site.stateDir), doomed);
    assert.match(stdout, /index child/);
    assert.match(stdout, /shared digest/);
  });
});

describe('through npm run clean', () => {
  test('standard output has JSON lines only', async () => {
    const { stdout } = await site.runs(0, [], { through: 'npm' });
    assert.ok(parseEvents(stdout).length > 5);
    assert.equal(summaryOf({ stdout }).mode, 'plan');
  });

  test('exit codes and messages pass through', async () => {
    const wrong = await site.runs(2, ['--concurency', '3'], { through: 'npm' });
    assert.match(wrong.stderr, /--concurrency/);
    const absent = site.file('absent', site.environmentsText.replace(/ \d+ \d+$/m, ' 1 999'));
    const refused = await site.runs(4, ['--environments', absent], { through: 'npm' });
    assert.match(refused.stderr, /999/);
    assert.equal(summaryOf(refused).exitCode, 4);
    await site.assertUntouched();
  });
});

describe('a reviewed plan', () => {
  test('struck lines are kept and counted, stray blanks do not matter, a foreign line is refused', async () => {
    await site.runs(0, []);
    const list = join(runFolder(site.stateDir), 'revisions_to_delete');
    const [first = '', second = '', ...rest] = readFileSync(list, 'utf8').trim().split('\n');
    writeFileSync(list, [`  ${second}\t`, '', ...rest, `${first}-foreign`, ''].join('\r\n'));

    const foreign = await site.runs(2, ['--resume', '--delete', '--yes']);
    assert.match(foreign.stderr, new RegExp(`${first}-foreign`));
    await site.assertUntouched();

    const replaced = await site.runs(4, []);
    assert.match(replaced.stderr, /edited/);

    writeFileSync(list, [`  ${second}\t`, '', ...rest].join('\r\n'));
    const struck = [`dominodatalab/environment:${first}`];
    const done = await site.runs(0, ['--resume', '--delete', '--yes']);
    await site.assertCleaned({ struck });
    const { doomed, counts } = site.judge({ struck });
    const summary = summaryOf(done);
    assert.equal(summary.resumed, true);
    assert.deepEqual([summary.planned, summary.deleted], [doomed.length, doomed.length]);
    assert.deepEqual([summary.struck, summary.protected], [counts.struck, counts.protected]);
  });

  test('a revision that the file retains since then is kept, one that it dooms since then too', async () => {
    const environments = site.file('environments', site.environmentsText);
    await site.runs(0, ['--environments', environments]);
    const [id] = (site.judge().doomed.find((name) => name.startsWith('dominodatalab/')) ?? '')
      .split(/[:-]/)
      .slice(1);
    const lines = site.environmentsText.split('\n');
    const retainsMore = lines.map((line) => (line.startsWith(`${id} `) ? `${id} 6 1` : line)).join('\n');
    writeFileSync(environments, retainsMore);
    await site.runs(0, ['--environments', environments, '--resume', '--delete', '--yes']);
    // 5 was retained when the plan was made, 1 is since: both stay.
    const both = lines.map((line) => (line.startsWith(`${id} `) ? `${id} 6 5 1` : line)).join('\n');
    await site.assertCleaned({ environments: both });
  });

  for (const [via, unties] of [
    ['pod', true],
    ['skopeo', false],
  ] as const)
    test(`what was pushed since is kept, and so is what it needs (${via})`, async () => {
      await site.runs(0, ['--via', via]);
      const repository = 'dominodatalab/environment';
      const { tags, manifests } = site.before.get(repository) ?? assert.fail();
      const shared = [...tags.values(), ...[...manifests.values()].flatMap(({ children }) => children)];
      const isAlone = (digest: string | undefined) => shared.filter((each) => each === digest).length === 1;
      const [moved = '', needed = '', source = ''] = site
        .judge({ unties: false })
        .doomed.filter((name) => name.startsWith(`${repository}:`))
        .map((name) => name.slice(repository.length + 1))
        .filter((tag) => isAlone(tags.get(tag)));
      const manifestOf = (tag: string) => manifests.get(tags.get(tag) ?? '') ?? assert.fail();
      await site.registry.push(repository, moved, manifestOf(source));
      await site.registry.push(repository, 'pushed-since', manifestOf(needed));

      const ended = await site.runs(0, ['--resume', '--delete', '--yes', '--via', via]);
      const after = (await site.registry.view()).get(repository)?.tags;
      assert.equal(
        after?.get(moved),
        tags.get(source),
        'the doomed tag that was moved onto another manifest',
      );
      assert.equal(after?.get('pushed-since'), tags.get(needed), 'the new tag on a doomed manifest');
      assert.equal(after?.get(needed), unties ? undefined : tags.get(needed), 'the doomed tag beside it');
      const { planned, deleted, alreadyGone, failed, drifted } = summaryOf(ended);
      assert.ok(Number(drifted) >= 1, ended.stdout);
      assert.equal(Number(deleted) + Number(alreadyGone) + Number(failed) + Number(drifted), planned);
      await site.assertNothingLost({ unties });
      await site.assertTidy();
    });

  test('a changed plan is refused', async () => {
    await site.runs(0, []);
    const plan = join(runFolder(site.stateDir), 'plan.jsonl');
    writeFileSync(plan, readFileSync(plan, 'utf8').replace('"fate":"retain"', '"fate":"delete"'));
    const refused = await site.runs(4, ['--resume', '--delete', '--yes']);
    assert.match(refused.stderr, /changed since it was made/);
    await site.assertUntouched();
  });
});
