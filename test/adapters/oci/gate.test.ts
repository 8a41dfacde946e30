import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Gate, type Kind, type Pass } from '../../../src/adapters/oci/gate.ts';

const signal = new AbortController().signal;

/** A gate, and in which order it lets in. */
function watch({ ceiling }: { ceiling: number }) {
  const gate = new Gate({ ceiling, now: () => 0 });
  const entered: string[] = [];
  const passes = new Map<string, Pass>();
  return {
    entered,
    passes,
    async enter(kind: Kind, name: string, options: { signal?: AbortSignal } = {}): Promise<void> {
      const pass = await gate.enter(kind, options.signal ?? signal);
      entered.push(name);
      passes.set(name, pass);
    },
    async leave(name: string, outcome: Parameters<Pass['leave']>[0] = 'answered'): Promise<void> {
      passes.get(name)?.leave(outcome);
      await turn();
    },
  };
}

describe('Gate', () => {
  it('lets in as many as the ceiling allows, of both kinds together, in their order', async () => {
    const { entered, enter, leave } = watch({ ceiling: 2 });
    for (const name of ['a', 'b', 'c', 'd']) void enter('look', name);
    await turn();
    assert.deepEqual(entered, ['a', 'b']);
    await leave('b');
    assert.deepEqual(entered, ['a', 'b', 'c']);
    void enter('change', 'x');
    await leave('a');
    assert.deepEqual(entered, ['a', 'b', 'c', 'x']);
    await leave('x');
    assert.deepEqual(entered, ['a', 'b', 'c', 'x', 'd']);
  });

  it('lets no look in while a change waits', async () => {
    const { entered, enter, leave } = watch({ ceiling: 8 });
    for (let number = 0; number < 8; number++) void enter('change', `change ${number}`);
    await turn();
    // A refusal: of the changes, only half as many may be under way from now on.
    await leave('change 0', 'refused');
    void enter('change', 'late');
    void enter('look', 'look');
    await leave('change 1');
    assert.ok(!entered.includes('look'), 'there is room, but a change waits');
    for (let number = 2; number < 6; number++) await leave(`change ${number}`);
    assert.deepEqual(entered.slice(-2), ['late', 'look']);
  });

  it('forgets who does not want to wait any longer', async () => {
    const { entered, enter, leave } = watch({ ceiling: 1 });
    const control = new AbortController();
    const reason = new Error('enough');
    await enter('look', 'a');
    const given = enter('change', 'b', { signal: control.signal });
    void enter('look', 'c');
    control.abort(reason);
    await assert.rejects(given, reason);
    await assert.rejects(enter('look', 'd', { signal: control.signal }), reason);
    await leave('a');
    assert.deepEqual(entered, ['a', 'c']);
  });
});
