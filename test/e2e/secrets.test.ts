/** The password is where it is needed, and nowhere else. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { recordApi } from './support/api-recorder.ts';
import { type CommandOptions, PROJECT } from './support/command.ts';
import { watchProcesses } from './support/process-watch.ts';
import { Site } from './support/site.ts';

const DELETING = ['--delete', '--yes'];

let site: Site;
before(async () => {
  site = await Site.open();
});
after(() => site[Symbol.asyncDispose]());
beforeEach(() => site.reset());

/** Runs the command under observation, and looks for the password in everything that it leaves and shows. */
async function leavesNoTrace(
  args: readonly string[],
  options: Partial<CommandOptions>,
): Promise<Set<string>> {
  await using api = await recordApi(site);
  const startedAt = Date.now();
  const command = site.start([...args, '--kubeconfig', api.kubeconfig], options);
  const watch = watchProcesses(site.sandbox.password, [command.pid]);
  const ended = await command.ended;
  const shown = watch.end();
  assert.equal(ended.code, 0, ended.stdout + ended.stderr);

  const streams = /\/(exec\?.*command=|portforward\?)/;
  if (!args.includes('--local-skopeo'))
    assert.ok(
      api.requests.some((request) => streams.test(request)),
      'what leads into pods was recorded',
    );
  const { password, username } = site.sandbox;
  const secrets = [password, Buffer.from(`${username}:${password}`).toString('base64')];
  for (const secret of secrets) {
    assert.ok(!ended.stdout.includes(secret), 'on standard output');
    assert.ok(!ended.stderr.includes(secret), 'on standard error');
    assert.deepEqual(
      api.requests.filter((request) => request.includes(secret)),
      [],
      'in what is asked of the API server',
    );
    const npmLogs = join(PROJECT, 'node_modules/.npm-logs');
    assert.deepEqual(
      [site.stateDir, site.home, npmLogs].flatMap((place) => filesWith(secret, place, startedAt)),
      [],
    );
  }
  if (process.platform === 'linux')
    assert.deepEqual(shown, [], 'in the arguments or environment of a process');
  return new Set(watch.programs);
}

/** Files below a folder, changed since `sinceMs`, that hold the text. */
function filesWith(text: string, folder: string, sinceMs: number): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).mtimeMs >= sinceMs - 1000)
    .filter((path) => readFileSync(path).includes(text));
}

test('SKOPEO_PASSWORD, through npm, through a pod', async () => {
  await leavesNoTrace(DELETING, { through: 'npm', env: { SKOPEO_PASSWORD: site.sandbox.password } });
  await site.assertCleaned();
});

test('the positional argument, through npm, by Skopeo in a pod: with a warning', async () => {
  const bySkopeo = [...DELETING, '--via', 'skopeo'];
  const programs = await leavesNoTrace([...bySkopeo, site.sandbox.password], { through: 'npm' });
  if (process.platform === 'linux') assert.ok(programs.has('skopeo'), [...programs].join(' '));
  await site.assertCleaned({ unties: false });
});

test("the cluster's Secret, through a forwarded port", async () => {
  await leavesNoTrace([...DELETING, '--via', 'port-forward'], {});
  await site.assertCleaned();
});

test('SKOPEO_PASSWORD, with the Skopeo of this machine: its children do not inherit it', async () => {
  const bySkopeo = [...DELETING, '--via', 'skopeo', '--local-skopeo'];
  await leavesNoTrace(bySkopeo, { env: { SKOPEO_PASSWORD: site.sandbox.password } });
  await site.assertCleaned({ unties: false });
});
