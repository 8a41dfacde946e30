/**
 * What Docker Distribution's garbage collector prints (distribution source, `registry/storage/garbagecollect.go`, the
 * same in versions 2.8 and 3). It tells of each blob before it takes it. Lines that are not known are passed over.
 */
import { type Digest, parseDigest } from './names.ts';

const MARKING = /^(\S+): marking manifest /;
const SUMMARY = /^(\d+) blobs? marked, (\d+) blobs? and \d+ manifests? eligible for deletion/;
const ELIGIBLE = /^blob eligible for deletion: (\S+)/;

export class CollectorOutput {
  /** The blobs that it takes, or in a dry run would take. */
  readonly eligible = new Set<Digest>();
  /** How many these will be, once it has seen what is needed. */
  announced: number | undefined;
  /** Manifests that it has found so far, all of which stay. */
  manifests = 0;
  /** The repository that it is looking through. */
  repository = '';

  read(line: string): void {
    const marking = MARKING.exec(line);
    if (marking) {
      this.repository = marking[1] ?? '';
      this.manifests += 1;
    }
    const summary = SUMMARY.exec(line);
    if (summary) this.announced = Number(summary[2]);
    const digest = parseDigest(ELIGIBLE.exec(line)?.[1] ?? '');
    if (digest !== undefined) this.eligible.add(digest);
  }
}
