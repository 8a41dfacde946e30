/** Keeping a lease, with clocks that are set by hand: only renewals in the background take real time, and little. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { LeaseKeeper } from '../../../src/adapters/kubernetes/lease-keeper.ts';
import { UnreachableError } from '../../../src/domain/errors.ts';
import { decodeLease, isHeldBy, LeaseLostError } from '../../../src/domain/lease.ts';
import { leaseHolder, leaseRecord } from '../../domain/leases.ts';
import { eventually } from '../../e2e/support/wait.ts';
import { timeLimit } from './support/connection.ts';
import { LeasePlace } from './support/lease-place.ts';

const FIRST = leaseRecord({ setting: 'previous' });
const OTHER = leaseRecord({ holder: leaseHolder({ by: 'bob@desk', id: 'holding-2' }) });
const LIMIT_MS = 45_000;

/** A lease that is held, and its clocks. Without `renewMs` it is not renewed while a test runs. */
function hold(test: TestContext, { renewMs = 60_000 } = {}) {
  const place = new LeasePlace();
  const clocks = { monotonicMs: 5000, wallMs: Date.parse(FIRST.renewedAt) };
  const now = () => ({ ...clocks });
  const times = { leaseMarginMs: 15_000, leaseRenewMs: renewMs, leaseRetryMs: renewMs };
  const written = { record: FIRST, object: place.put(FIRST), askedAt: now() };
  const lease = new LeaseKeeper(place, written, { times, takenOver: undefined, now });
  test.after(() => lease.release(timeLimit()).catch(() => {}));
  const pass = (ms: number) => {
    clocks.monotonicMs += ms;
    clocks.wallMs += ms;
  };
  const renewals = () => place.calls.filter((call) => call === 'update').length;
  return { place, clocks, lease, pass, renewals };
}

describe('one may rely on a lease', () => {
  test('until its time less the margin has passed since the renewal was asked for', (test) => {
    const { lease, pass } = hold(test);
    pass(LIMIT_MS);
    lease.requireHeld();
    pass(1);
    assert.throws(() => lease.requireHeld(), LeaseLostError);
  });

  test('not after a sleep in which only the wall clock went on, before any timer has fired', (test) => {
    const { lease, clocks, place } = hold(test);
    clocks.wallMs += LIMIT_MS + 1;
    assert.throws(() => lease.requireHeld(), /could not renew its lease for 45 s/);
    assert.deepEqual(place.calls, []);
  });

  test('not when the wall clock was set back', (test) => {
    const { lease, clocks } = hold(test);
    clocks.monotonicMs += LIMIT_MS + 1;
    clocks.wallMs -= 3_600_000;
    assert.throws(() => lease.requireHeld(), LeaseLostError);
  });

  test('not any more once it was doubtful, even when it turns out to be ours', async (test) => {
    const { lease, pass } = hold(test);
    pass(LIMIT_MS + 1);
    assert.throws(() => lease.requireHeld(), LeaseLostError);
    await lease.confirm(timeLimit());
    assert.throws(() => lease.requireHeld(), LeaseLostError);
    assert.equal(lease.lost.aborted, true);
  });

  test('by mistake only, when it has been let go of', async (test) => {
    const { lease } = hold(test);
    await lease.release(timeLimit());
    assert.throws(() => lease.requireHeld(), /has been let go of/);
  });

  test('not for as long as an answer was under way: it counts from the question', async (test) => {
    const { lease, place, pass } = hold(test);
    place.before = () => pass(LIMIT_MS + 1);
    await lease.confirm(timeLimit());
    assert.throws(() => lease.requireHeld(), LeaseLostError);
  });
});

describe('in the background', () => {
  test('it is renewed again and again, with everything that stands in it', async (test) => {
    const { place, lease, renewals, pass } = hold(test, { renewMs: 1 });
    pass(40_000);
    await eventually('two renewals', () => renewals() >= 2);
    pass(40_000);
    lease.requireHeld();
    const record = place.object && decodeLease(place.object);
    assert.deepEqual(record?.holder, FIRST.holder);
    assert.equal(record?.since, FIRST.since);
    assert.equal(record?.setting, 'previous');
    assert.ok(Date.parse(record.renewedAt) > Date.parse(FIRST.renewedAt));
  });

  test('a renewal that fails is tried again', async (test) => {
    const { place, lease, pass, renewals } = hold(test, { renewMs: 1 });
    let failures = 0;
    place.before = () => {
      failures += 1;
      if (failures <= 3) throw new UnreachableError('The API server cannot be reached.');
    };
    pass(40_000);
    await eventually('a renewal after the failures', () => renewals() >= 5);
    pass(40_000);
    lease.requireHeld();
  });

  test('one that fails for too long is told, also to whoever does not ask', async (test) => {
    const { place, lease, pass } = hold(test, { renewMs: 1 });
    place.before = () => {
      throw new UnreachableError('The API server cannot be reached.');
    };
    pass(LIMIT_MS + 1);
    await eventually('the signal', () => lease.lost.aborted);
    assert.ok(lease.lost.reason instanceof LeaseLostError);
  });

  test('a renewal that gets no answer is given up, so that another can be tried', async (test) => {
    const { place, renewals } = hold(test, { renewMs: 5 });
    place.before = (call, signal) => {
      if (call !== 'update') return;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    await eventually('several tries', () => renewals() >= 2);
  });

  test('one whose answer was lost is found, and nothing is lost', async (test) => {
    const { place, lease, renewals } = hold(test, { renewMs: 1 });
    let lost = 0;
    place.after = (call) => {
      lost += call === 'update' ? 1 : 0;
      if (call === 'update' && lost === 1) throw new UnreachableError('The connection was cut.');
    };
    await eventually('renewals after it', () => renewals() >= 4);
    lease.requireHeld();
    assert.equal(lease.lost.aborted, false);
  });

  test("it is seen that somebody else has it, and that one's is left alone", async (test) => {
    const { place, lease, renewals } = hold(test, { renewMs: 1 });
    const theirs = place.put(OTHER);
    await eventually('the signal', () => lease.lost.aborted);
    assert.throws(() => lease.requireHeld(), /another run has this one's lease: run run-1 of bob@desk/);
    const before = renewals();
    await eventually('another look', () => renewals() > before);
    await assert.rejects(lease.confirm(timeLimit()), LeaseLostError);
    await assert.rejects(lease.keepSetting('ours', timeLimit()), LeaseLostError);
    await lease.release(timeLimit());
    assert.equal(place.object, theirs);
  });
});

describe('before something is put back', () => {
  test('a lease that was not renewed in time, but that nobody has taken, is still ours', async (test) => {
    const { place, lease, pass } = hold(test);
    pass(3_600_000);
    await lease.confirm(timeLimit());
    assert.equal(lease.setting, 'previous');
    assert.ok(place.object && isHeldBy(place.object, FIRST.holder));
  });

  test('one that is gone is taken anew, without a setting that may be out of date', async (test) => {
    const { place, lease } = hold(test);
    place.object = undefined;
    await lease.confirm(timeLimit());
    assert.equal(lease.setting, undefined);
    assert.ok(place.object && isHeldBy(place.object, FIRST.holder));
    assert.throws(() => lease.requireHeld(), /has been deleted/);
  });

  test('one that somebody else takes in that moment is not', async (test) => {
    const { place, lease } = hold(test);
    place.object = undefined;
    place.before = (call) => {
      if (call === 'create') place.put(OTHER);
    };
    await assert.rejects(lease.confirm(timeLimit()), LeaseLostError);
    assert.ok(place.object && isHeldBy(place.object, OTHER.holder));
  });

  test('that the API server cannot be reached is no loss', async (test) => {
    const { place, lease } = hold(test);
    const failure = new UnreachableError('The API server cannot be reached.');
    place.before = () => {
      throw failure;
    };
    await assert.rejects(lease.confirm(timeLimit()), failure);
    lease.requireHeld();
  });
});

describe('the setting in the lease', () => {
  test('is there when it was kept, and goes again', async (test) => {
    const { place, lease } = hold(test);
    const kept = () => place.object && decodeLease(place.object)?.setting;
    await lease.keepSetting('other', timeLimit());
    assert.deepEqual([lease.setting, kept()], ['other', 'other']);
    await lease.keepSetting(undefined, timeLimit());
    assert.deepEqual([lease.setting, kept()], [undefined, undefined]);
  });

  test('is not kept in a lease that is gone', async (test) => {
    const { place, lease } = hold(test);
    place.object = undefined;
    await assert.rejects(lease.keepSetting('other', timeLimit()), LeaseLostError);
    assert.equal(place.object, undefined);
  });
});

describe('letting go', () => {
  test('removes the lease, also after a renewal whose answer was lost', async (test) => {
    const { place, lease } = hold(test);
    place.put(FIRST);
    await lease.release(timeLimit());
    assert.equal(place.object, undefined);
  });

  test('ends renewing, and may be done twice', async (test) => {
    const { place, lease } = hold(test, { renewMs: 1 });
    await lease.release(timeLimit());
    await lease.release(timeLimit());
    assert.equal(place.object, undefined);
  });

  test('may be done again after a failure', async (test) => {
    const { place, lease } = hold(test);
    place.before = () => {
      throw new UnreachableError('The API server cannot be reached.');
    };
    await assert.rejects(lease.release(timeLimit()), UnreachableError);
    place.before = () => {};
    await lease.release(timeLimit());
    assert.equal(place.object, undefined);
  });
});

test('a lease that somebody changes all the time is not fought for', async (test) => {
  const { place, lease } = hold(test);
  place.before = (call) => {
    if (call !== 'find') place.put(FIRST);
  };
  await assert.rejects(lease.confirm(timeLimit()), /changed by somebody else all the time/);
  await assert.rejects(lease.release(timeLimit()), /changed by somebody else all the time/);
});
