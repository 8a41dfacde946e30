import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { abortable, pause, singleFlight } from '../../../src/adapters/kubernetes/abort.ts';

const reason = new Error('enough');
const never = new AbortController().signal;

describe('what is aborted rejects with the signal’s reason', () => {
  test('at once when it was aborted before', () =>
    assert.rejects(abortable(Promise.resolve(1), AbortSignal.abort(reason)), reason));

  test('while it waits', async () => {
    const controller = new AbortController();
    const waiting = [abortable(new Promise(() => {}), controller.signal), pause(60_000, controller.signal)];
    controller.abort(reason);
    for (const each of waiting) await assert.rejects(each, reason);
  });

  test('but not when it was done before', async () => {
    const controller = new AbortController();
    const value = await abortable(Promise.resolve(1), controller.signal);
    controller.abort(reason);
    assert.equal(value, 1);
  });
});

describe('a single flight', () => {
  /** Work that is finished from outside. */
  function controlled() {
    const flights: PromiseWithResolvers<string>[] = [];
    const call = singleFlight((signal) => {
      const flight = Promise.withResolvers<string>();
      flights.push(flight);
      return abortable(flight.promise, signal);
    });
    return { call, flights };
  }

  test('is shared by all who come meanwhile, with its failure', async () => {
    const { call, flights } = controlled();
    const calls = [call(never), call(never)];
    assert.equal(flights.length, 1);
    flights[0]?.reject(reason);
    for (const each of calls) await assert.rejects(each, reason);
  });

  test('is followed by another one', async () => {
    const { call, flights } = controlled();
    const first = call(never);
    flights[0]?.resolve('one');
    assert.equal(await first, 'one');
    const second = call(never);
    flights[1]?.resolve('two');
    assert.equal(await second, 'two');
  });

  test('that was given up by who began it is begun anew by who still waits', async () => {
    const { call, flights } = controlled();
    const controller = new AbortController();
    const given = call(controller.signal);
    const waiting = call(never);
    controller.abort(reason);
    await assert.rejects(given, reason);
    while (flights.length < 2) await Promise.resolve();
    flights[1]?.resolve('anew');
    assert.equal(await waiting, 'anew');
  });
});
