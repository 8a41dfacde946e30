import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RefusedError } from '../../src/domain/errors.ts';
import {
  decodeLease,
  describeHolder,
  elapsedMs,
  encodeLease,
  foreignLease,
  heldByOther,
  isHeldBy,
  judgeHolder,
  type LeaseObject,
  type LeaseRecord,
  leasePatch,
  leaseTaken,
} from '../../src/domain/lease.ts';
import { leaseHolder, leaseRecord } from './leases.ts';

/** What the API server holds after the record was written. */
function objectOf(record: LeaseRecord): LeaseObject {
  const { metadata, spec } = encodeLease(record);
  return { metadata: { namespace: 'platform', ...metadata }, spec };
}

/** A record's lease, with some of its specification replaced. */
function damaged(spec: object): LeaseObject {
  const object = objectOf(leaseRecord());
  return { ...object, spec: { ...object.spec, ...spec } };
}

const anyTime = fc
  .date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const plain = { noNullPrototype: true } as const;
const anyRecord: fc.Arbitrary<LeaseRecord> = fc.record(
  {
    holder: fc.record(
      {
        run: fc.string({ minLength: 1 }),
        by: fc.string(),
        host: fc.string(),
        pid: fc.nat(),
        machine: fc.string(),
        started: fc.string(),
        id: fc.string({ minLength: 1 }),
      },
      plain,
    ),
    since: anyTime,
    renewedAt: anyTime,
    durationSeconds: fc.integer({ min: 1, max: 3600 }),
    setting: fc.option(fc.string(), { nil: undefined }),
  },
  plain,
);

describe('what stands in a lease', () => {
  it('is read as it was written', () =>
    fc.assert(fc.property(anyRecord, (record) => assert.deepEqual(decodeLease(objectOf(record)), record))));

  it('has times with six digits after the point, as the API wants them', () => {
    const { spec } = encodeLease(leaseRecord({ since: '2026-11-23T10:00:00.120Z' }));
    assert.equal(spec.acquireTime, '2026-11-23T10:00:00.120000Z');
  });

  it('replaces the setting of an older record, or removes it', () => {
    const settingIn = (record: LeaseRecord) => {
      const { annotations } = leasePatch(record).metadata;
      return annotations['docker-registry-cleaner/previous-setting'];
    };
    assert.equal(settingIn(leaseRecord({ setting: 'kept' })), 'kept');
    assert.equal(settingIn(leaseRecord()), null);
  });

  it('is known without any annotation, but for the setting', () => {
    const { spec } = objectOf(leaseRecord({ setting: 'kept' }));
    assert.deepEqual(
      decodeLease({ metadata: {}, ...(spec && { spec }) }),
      leaseRecord({ setting: undefined }),
    );
  });

  const { id: _, ...withoutId } = leaseHolder();
  const others: Record<string, object> = {
    'of another program': { holderIdentity: 'controller-7d9c_4f1a' },
    'of nobody': { holderIdentity: '' },
    'whose holder is no object': { holderIdentity: '7' },
    'whose holder is null': { holderIdentity: 'null' },
    'whose holder has no ID': { holderIdentity: JSON.stringify(withoutId) },
    'whose process has no number': { holderIdentity: JSON.stringify({ ...leaseHolder(), pid: '7' }) },
    'without a duration': { leaseDurationSeconds: undefined },
    'with an impossible duration': { leaseDurationSeconds: 0 },
    'without a time': { renewTime: undefined },
    'with an impossible time': { acquireTime: 'yesterday' },
  };
  for (const [which, spec] of Object.entries(others))
    it(`is not understood in a lease ${which}`, () => assert.equal(decodeLease(damaged(spec)), undefined));
  it('is not understood in an empty lease', () => assert.equal(decodeLease({}), undefined));
});

it('a holding is told from another one of the same process', () => {
  const object = objectOf(leaseRecord());
  assert.equal(isHeldBy(object, leaseHolder()), true);
  assert.equal(isHeldBy(object, leaseHolder({ id: 'another' })), false);
  assert.equal(isHeldBy({}, leaseHolder()), false);
});

describe('the judgement of a holder', () => {
  const first = { version: '7', askedAtMs: 1000, answeredAtMs: 3000 };
  const later = (askedAtMs: number, version = '7') => ({
    version,
    askedAtMs,
    answeredAtMs: askedAtMs + 5000,
  });
  const lease = { durationSeconds: 60 };

  it('is open until the lease has been silent for its whole time, between the readings', () => {
    assert.equal(judgeHolder(first, later(62_999), lease), 'undecided');
    assert.equal(judgeHolder(first, later(63_000), lease), 'expired');
  });

  it('is alive after any change, however late it is seen', () => {
    assert.equal(judgeHolder(first, later(4000, '8'), lease), 'alive');
    assert.equal(judgeHolder(first, later(1_000_000, '8'), lease), 'alive');
  });
});

describe('the time since a renewal', () => {
  const renewal = { monotonicMs: 5000, wallMs: 1_000_000 };
  it('passes while the machine sleeps and one clock stands still', () =>
    assert.equal(elapsedMs(renewal, { monotonicMs: 5001, wallMs: 1_090_000 }), 90_000));
  it('passes when the wall clock is set back', () =>
    assert.equal(elapsedMs(renewal, { monotonicMs: 50_000, wallMs: 10_000 }), 45_000));
});

describe('the words', () => {
  const spoofed = leaseRecord({
    holder: leaseHolder({ run: 'r\u001b[2J', by: 'ann\n@laptop', host: 'lap\u202etop' }),
  });

  it('say who has it, since when and from where, on one line without controls', () => {
    const { message, next } = heldByOther(spoofed);
    assert.equal(
      message,
      'Another run is at work on this registry since 2026-11-23T10:00:00.000Z: run r [2J of ann @laptop (process 4711 on lap top).',
    );
    assert.match(next, /Wait for it to end/);
    assert.match(describeHolder(leaseHolder()), /^run run-1 of ann@laptop \(process 4711 on laptop\)$/);
  });

  it('for a lease of another program say how to look at it and how to get rid of it', () => {
    const error = foreignLease(damaged({ holderIdentity: 'other\u0007program' }));
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /in namespace platform .*\(its holder: other program\)/);
    assert.match(error.next, /kubectl -n platform get lease docker-registry-cleaner -o yaml/);
    assert.match(error.next, /kubectl -n platform delete lease docker-registry-cleaner/);
    assert.match(foreignLease({}).message, /\(its holder: nobody\)/);
  });

  it('say to whom a lease was lost, or to what', () => {
    assert.match(
      leaseTaken(objectOf(leaseRecord())).message,
      /another run has this one's lease: run run-1 of/,
    );
    assert.match(leaseTaken({}).message, /not written by this program/);
  });
});
