/** The check after deleting, and the history that runs leave. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type Event, parseEvents } from './support/command.ts';
import { runRecord } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';

const REPOSITORY = 'dominodatalab/environment';
const DELETING = ['--delete', '--yes'];

let site: Site;
before(async () => {
  site = await Site.open();
});
after(() => site[Symbol.asyncDispose]());
beforeEach(() => site.reset());

/** Three tags of images that stay, each on a manifest of its own that no index lists. */
function keptTags(): [string, string, string] {
  const { tags = new Map(), manifests = new Map() } = site.before.get(REPOSITORY) ?? {};
  const left = new Set(site.judge().left);
  const listed = new Set([...manifests.values()].flatMap(({ children }) => children));
  const [lost, pushed, broken] = [...tags].flatMap(([tag, digest]) => {
    const sharing = [...tags.values()].filter((other) => other === digest).length;
    const isPlain = sharing === 1 && !listed.has(digest) && manifests.get(digest)?.children.length === 0;
    return isPlain && left.has(`${REPOSITORY}:${tag} ${digest}`) ? [tag] : [];
  });
  assert.ok(lost !== undefined && pushed !== undefined && broken !== undefined);
  return [lost, pushed, broken];
}

function manifestOf(tag: string) {
  const { tags, manifests } = site.before.get(REPOSITORY) ?? assert.fail();
  const digest = tags.get(tag) ?? '';
  return { digest, ...(manifests.get(digest) ?? assert.fail(`${tag} has no manifest`)) };
}

function findingsOf(stdout: string): Record<string, string> {
  const event = parseEvents(stdout).find(({ event }) => event === 'verify');
  const findings = event?.findings as { tag: string; verdict: string }[];
  return Object.fromEntries(findings.map(({ tag, verdict }) => [tag, verdict]));
}

/** What `history` tells of the newest run. */
async function newest(): Promise<Event> {
  const { stdout } = await site.runs(0, ['history']);
  return parseEvents(stdout)[0] ?? assert.fail('there is no run');
}

test('an image that is lost meanwhile is told, with what to undo; one that was pushed is no failure', async () => {
  const [lost, pushed, broken] = keptTags();
  const layers = JSON.parse(manifestOf(broken).text).layers as { digest: string }[];
  await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
  const command = site.start([...DELETING, '--verify', 'full']);
  await command.step('delete');
  await site.registry.loseTag(REPOSITORY, lost);
  await site.registry.push(REPOSITORY, pushed, manifestOf(lost));
  await site.registry.loseLayer(REPOSITORY, layers.at(-1)?.digest ?? '');
  const during = await newest();
  assert.equal(during.process, command.pid);
  const { code, stdout, stderr } = await command.ended;
  assert.equal(code, 3, stdout + stderr);
  await site.assertTidy();
  const { id, stage } = runRecord(site.stateDir);
  assert.equal(stage, 'incomplete');
  assert.deepEqual(findingsOf(stdout), { [lost]: 'lost', [pushed]: 'moved', [broken]: 'notWhole' });
  assert.match(
    stderr,
    new RegExp(`LOST: ${REPOSITORY}:${lost} \\(${manifestOf(lost).digest}\\): the tag is gone`),
  );
  assert.match(stderr, new RegExp(`npm run clean -- undo ${id}`));
  assert.partialDeepStrictEqual(summaryOf({ stdout }), {
    ...{ exitCode: 3, failed: 0, verify: 'full', lost: 1, moved: 1, notWhole: 1, stillThere: 0 },
  });
  assert.partialDeepStrictEqual(await newest(), { run: id, ended: true, lost: 1, moved: 1 });

  site.sandbox.faults.clear();
  await site.registry.push(REPOSITORY, lost, manifestOf(lost));
  const again = await site.runs(0, ['--resume', '--verify', 'full']);
  assert.deepEqual(findingsOf(again.stdout), { [pushed]: 'moved', [broken]: 'notWhole' });
  assert.equal(runRecord(site.stateDir).stage, 'finished');
});

test('interrupted, then killed while it is checked: recover from elsewhere, and a resume makes the check', async () => {
  await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
  const first = site.start(DELETING);
  await first.step('verify');
  first.kill('SIGINT');
  const interrupted = await first.ended;
  assert.equal(interrupted.code, 130, interrupted.stderr);
  await site.assertTidy();
  assert.partialDeepStrictEqual(await newest(), { stage: 'deleting', ended: true });

  const second = site.start(['--resume']);
  await second.step('verify');
  second.kill('SIGKILL');
  await second.ended;
  assert.partialDeepStrictEqual(await newest(), { stage: 'deleting', ended: false });
  await site.runs(0, ['recover', '--state-dir', join(site.folder, 'elsewhere')]);
  await site.assertTidy();
  await site.assertNothingLost();

  const { stdout } = await site.runs(0, ['--resume']);
  await site.assertCleaned();
  const { planned, deleted, verify, lost, moved } = summaryOf({ stdout });
  assert.deepEqual([verify, lost, moved], ['sample', 0, 0]);
  const { id } = runRecord(site.stateDir);
  assert.partialDeepStrictEqual(await newest(), { run: id, stage: 'finished', planned, deleted });
  await assertTrail(id);
});

async function assertTrail(id: string): Promise<void> {
  const trail = parseEvents((await site.runs(0, ['history', id])).stdout);
  const events = trail.map(({ event }) => event).filter((event) => event !== 'tag' && event !== 'manifest');
  assert.deepEqual(
    events.filter((event) => event === 'start' || event === 'end'),
    ['start', 'end', 'start', 'start', 'end'],
    'the second was killed',
  );
  const gone = trail.filter(
    ({ event, outcome, tag }) => event === 'tag' && outcome === 'deleted' && !isMarker(tag),
  );
  assert.deepEqual(gone.map(({ repository, tag }) => `${repository}:${tag}`).sort(), site.judge().doomed);
  for (const line of gone) {
    assert.match(String(line.digest), /^sha256:[0-9a-f]{64}$/);
    assert.match(String(line.by), /.@./);
    assert.equal(line.run, id);
  }
  const text = await site.runs(0, ['history', id, '--output', 'text']);
  assert.equal(text.stdout.trimEnd().split('\n').length, trail.length);
}

function isMarker(tag: unknown): boolean {
  return String(tag).startsWith('registry-cleaner-');
}
