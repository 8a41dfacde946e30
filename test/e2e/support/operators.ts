/** Two operators of one registry, each with a state folder of their own. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { changes } from './access-log.ts';
import { midDelete } from './interrupt.ts';
import { type Site, summaryOf } from './site.ts';

const DELETING = ['--delete', '--yes'];

/** Starts two runs at once: one does the work, the other is refused and told of it. */
export async function startTwoAtOnce(site: Site, args: readonly string[] = []): Promise<void> {
  const commands = ['one', 'other'].map((name) =>
    site.start([...DELETING, ...args, '--state-dir', join(site.stateDir, name)]),
  );
  const ended = await Promise.all(commands.map(async (command) => ({ command, ...(await command.ended) })));
  const [worker, refused] = ended.toSorted((a, b) => Number(a.code) - Number(b.code));
  assert.ok(worker && refused);
  assert.deepEqual(
    [worker.code, refused.code],
    [0, 4],
    ended.map(({ command }) => command.output).join('\n'),
  );
  assert.match(refused.stderr, new RegExp(`Another run .*\\(process ${worker.command.pid} on `));
  assert.equal(summaryOf(worker).deleted, site.judge().doomed.length);
  assert.equal(summaryOf(refused).deleted, 0);
  await site.assertCleaned();
}

/**
 * Stops a run in mid-delete until its lease has expired and another run has taken over and done all; then lets it go on.
 *
 * @returns how many changes the first had made
 */
export async function stopUntilTakenOver(site: Site, args: readonly string[] = []): Promise<number> {
  const log = site.sandbox.registryLog;
  const earlier = (await changes(log)).length;
  const first = site.start([...DELETING, ...args, '--concurrency', '2']);
  await midDelete(site, first);
  first.kill('SIGSTOP');
  const made = (await changes(log)).length - earlier;
  site.sandbox.faults.clear();
  const elsewhere = ['--state-dir', join(site.stateDir, 'elsewhere')];
  const second = await site.runs(0, [...DELETING, ...args, ...elsewhere]);
  assert.match(second.stderr, /has ended without putting everything back/);
  await site.assertCleaned({ mayLeaveOrphans: true });
  const before = await changes(log);

  first.kill('SIGCONT');
  const ended = await first.ended;
  assert.equal(ended.code, 4, first.output);
  assert.match(ended.stderr, /lease/);
  assert.deepEqual((await changes(log)).slice(before.length), [], 'it has changed nothing more');
  await site.assertCleaned({ mayLeaveOrphans: true });
  return made;
}
