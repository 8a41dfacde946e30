import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InterruptedError } from '../../../src/domain/errors.ts';
import type { Progress, StepView } from '../../../src/ports.ts';
import { personAt } from './streams.ts';

function step(run: (progress: Progress) => Promise<string | undefined>, skip?: string): StepView {
  return { key: 'delete', title: 'delete', skip, run };
}

/** The objects of JSON lines. */
function objects(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe('a question', () => {
  it('is agreed to with exactly the expected words', async () => {
    for (const [typed, agreed] of [
      ['prod\n', true],
      ['  prod \n', true],
      ['PROD\n', false],
      ['yes\n', false],
      ['\n', false],
    ] as const) {
      const { person, stdin, stdout } = personAt();
      const answer = person.confirm('type prod: ', 'prod');
      stdin.write(typed);
      assert.equal(await answer, agreed, JSON.stringify(typed));
      assert.match(stdout(), /type prod: /);
    }
  });

  it('is not agreed to by the end of the input', async () => {
    const { person, stdin } = personAt();
    const answer = person.confirm('?', 'prod');
    stdin.end();
    assert.equal(await answer, false);
  });

  it('is not agreed to by a terminal that has gone', async () => {
    const { person, stdin } = personAt({ terminal: true });
    const answer = person.confirm('?', 'prod');
    stdin.destroy(Object.assign(new Error('read EIO'), { code: 'EIO' }));
    assert.equal(await answer, false);
  });

  it('ends with the reason of a signal', async () => {
    const controller = new AbortController();
    const { person } = personAt({ signal: controller.signal });
    const answer = person.confirm('?', 'prod');
    const reason = new InterruptedError('SIGTERM');
    controller.abort(reason);
    await assert.rejects(answer, reason);
  });

  it('takes Ctrl+C for the signal that it stands for', async () => {
    const controller = new AbortController();
    const { person, stdin, interruptions } = personAt({ terminal: true, signal: controller.signal });
    const answer = person.confirm('?', 'prod');
    stdin.write('\x03');
    controller.abort(new InterruptedError('SIGINT'));
    await assert.rejects(answer, InterruptedError);
    assert.equal(interruptions(), 1);
  });

  it('goes to standard error where standard output is for a machine', async () => {
    const { person, stdin, stdout, stderr } = personAt({ output: 'json' });
    const answer = person.confirm('type prod: ', 'prod');
    stdin.write('prod\n');
    assert.equal(await answer, true);
    assert.deepEqual([stdout(), stderr()], ['', 'type prod: ']);
  });

  it('can be asked at a terminal only', () => {
    assert.equal(personAt({ terminal: true }).person.present, true);
    assert.equal(personAt().person.present, false);
  });
});

describe('plain lines', () => {
  it('tell of each step, and why one is skipped', async () => {
    const { person, stdout } = personAt();
    await person.steps([
      step(async () => '3 tags'),
      step(async () => undefined),
      step(() => assert.fail('it was run'), '--only new'),
    ]);
    assert.equal(
      stdout(),
      '- delete …\n  delete: done (3 tags)\n- delete …\n  delete: done\n- delete: skipped (--only new)\n',
    );
  });

  it('stop at the first step that fails, with its error', async () => {
    const { person, stdout } = personAt();
    const error = new Error('no');
    const steps = [step(() => Promise.reject(error)), step(() => assert.fail('it was run'))];
    await assert.rejects(person.steps(steps), error);
    assert.match(stdout(), /delete: FAILED\n$/);
  });

  it('do not come for every tag', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const { person, stdout } = personAt();
    await person.steps([
      step(async (progress) => {
        for (let done = 1; done <= 1000; done += 1) {
          test.mock.timers.tick(20);
          progress.update({ done, total: 1000, text: 'tags' });
        }
        return undefined;
      }),
    ]);
    assert.deepEqual(
      stdout()
        .split('\n')
        .filter((line) => line.includes('of 1000')),
      [
        '    250 of 1000 tags, about 15 s left',
        '    500 of 1000 tags, about 10 s left',
        '    750 of 1000 tags, about 5 s left',
        '    1000 of 1000 tags',
      ],
    );
  });

  it('tell how much of the window is left', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const { person, stdout } = personAt({ endsAtMs: 1_000_000 + 12 * 60_000 });
    await person.steps([
      step(async (progress) => {
        test.mock.timers.tick(10_000);
        progress.update({ done: 1, total: 9, text: 'tags' });
        test.mock.timers.tick(10_000);
        progress.status('waiting for the pod');
        return undefined;
      }),
    ]);
    assert.deepEqual(stdout().split('\n').slice(1, 3), [
      '    1 of 9 tags; 11 min 50 s of the window left',
      '    waiting for the pod; 11 min 40 s of the window left',
    ]);
  });

  it('have no control characters of cluster and registry in what is waited for', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const { person, stdout } = personAt();
    await person.steps([
      step(async (progress) => {
        test.mock.timers.tick(10_000);
        progress.status('pod x (\u001b[2J\u001b]0;owned\u0007\u202Eevil\nBack-off)');
        return undefined;
      }),
    ]);
    const [, status] = stdout().split('\n');
    assert.equal(status, '    pod x ( [2J ]0;owned evil Back-off)');
  });
});

describe('JSON lines', () => {
  it('are one object a line, and everything for people goes to standard error', async () => {
    const { person, stdout, stderr } = personAt({ output: 'json' });
    person.say('for people');
    person.warn('beware\nof "this"');
    await person.steps([step(async () => 'note'), step(async () => undefined, 'why')]);
    await assert.rejects(person.steps([step(() => Promise.reject(new Error('a\nb')))]));
    assert.deepEqual(objects(stdout()), [
      { event: 'warning', text: 'beware\nof "this"' },
      { event: 'step', step: 'delete', title: 'delete', state: 'started' },
      { event: 'step', step: 'delete', title: 'delete', state: 'done', note: 'note' },
      { event: 'step', step: 'delete', title: 'delete', state: 'skipped', reason: 'why' },
      { event: 'step', step: 'delete', title: 'delete', state: 'started' },
      { event: 'step', step: 'delete', title: 'delete', state: 'failed', reason: 'a b' },
    ]);
    assert.match(stderr(), /^for people\nWarning: beware/);
  });

  it('tell progress twice a second and at the end', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const { person, stdout } = personAt({ output: 'json' });
    await person.steps([
      step(async (progress) => {
        for (let done = 1; done <= 100; done += 1) {
          test.mock.timers.tick(10);
          progress.update({ done, total: 100 });
        }
        return undefined;
      }),
    ]);
    assert.deepEqual(
      objects(stdout())
        .filter(({ event }) => event === 'progress')
        .map(({ done }) => done),
      [1, 51, 100],
    );
  });

  it('tell with the progress how much of the window is left', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
    const { person, stdout } = personAt({ output: 'json', endsAtMs: 1_060_900 });
    await person.steps([
      step(async (progress) => {
        progress.update({ done: 1, total: 2 });
        test.mock.timers.tick(61_000);
        progress.update({ done: 2, total: 2 });
        return undefined;
      }),
    ]);
    const left = objects(stdout()).flatMap(({ event, secondsLeft }) =>
      event === 'progress' ? [secondsLeft] : [],
    );
    assert.deepEqual(left, [60, 0]);
  });

  it('have nothing to say in text', () => {
    const { person, stdout } = personAt();
    person.event({ event: 'anything' });
    assert.equal(stdout(), '');
  });
});
