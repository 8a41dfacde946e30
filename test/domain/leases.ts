/** Leases as tests want them. */
import type { LeaseHolder, LeaseRecord } from '../../src/domain/lease.ts';

export function leaseHolder(differing: Partial<LeaseHolder> = {}): LeaseHolder {
  return {
    run: 'run-1',
    by: 'ann@laptop',
    host: 'laptop',
    pid: 4711,
    machine: 'boot-1 pid:[1]',
    started: '12345',
    id: 'holding-1',
    ...differing,
  };
}

export function leaseRecord(differing: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    holder: leaseHolder(),
    since: '2026-11-23T10:00:00.000Z',
    renewedAt: '2026-11-23T10:00:30.000Z',
    durationSeconds: 60,
    setting: undefined,
    ...differing,
  };
}
