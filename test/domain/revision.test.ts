import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  doomedTags,
  legacyRef,
  NEW_REPOSITORY_REF,
  planRepository,
  type Revision,
  revisePlan,
} from '../../src/domain/plan.ts';
import { A, B, C, contentOf, digest, entry, fatesOf, indexesOf, tag, tagsOf } from './builders.ts';

/** What a look at the registry brings. */
function live(lines: readonly string[], lists: Readonly<Record<string, readonly string[]>> = {}): Revision {
  return { live: { tags: tagsOf(lines), indexes: indexesOf(lists) } };
}

const plan = planRepository(
  contentOf(
    legacyRef(A),
    ['9 nine', '8 eight', '7 twins', '6 twins', '5 index', '4 child', '3 three', '2', 'buildcache cache'],
    { index: ['child'] },
  ),
  [entry(A, 9)],
);

describe('a plan after review', () => {
  it('is the same when nothing has changed', () => {
    assert.deepEqual(doomedTags(plan), ['8', '7', '6', '5', '4', '3']);
    assert.deepEqual(revisePlan(plan, {}), plan);
    assert.deepEqual(revisePlan(plan, { struck: new Set(), environments: [entry(A, 9)] }), plan);
    assert.deepEqual(revisePlan(plan, live(['9 nine', 'buildcache cache'])), plan);
  });

  it('keeps a struck tag and its twin', () => {
    const fates = fatesOf(revisePlan(plan, { struck: new Set([tag('7')]) }));
    assert.deepEqual([fates[7], fates[6]], ['struck', 'protect: shared digest']);
    assert.equal(fates[8], 'delete');
  });

  it('keeps a struck index and what it lists', () => {
    const fates = fatesOf(revisePlan(plan, { struck: new Set([tag('5')]) }));
    assert.deepEqual([fates[5], fates[4]], ['struck', 'protect: index child']);
  });

  it('calls only what was doomed struck', () => {
    const struck = new Set(['9', '2', 'buildcache', 'unknown'].map(tag));
    assert.deepEqual(revisePlan(plan, { struck }), plan);
  });

  it('leaves the plan that it was given as it was', () => {
    const before = structuredClone(plan);
    revisePlan(plan, { struck: new Set([tag('7')]), ...live(['9 twins', '10 ten']) });
    assert.deepEqual(plan, before);
  });
});

describe('a plan after a change of the file', () => {
  it('honours what is newly retained, with its twin', () => {
    const fates = fatesOf(revisePlan(plan, { environments: [entry(B), entry(A, 9, 6, 3)] }));
    assert.deepEqual([fates[3], fates[6], fates[7]], ['retain', 'retain', 'protect: shared digest']);
    assert.equal(fates[8], 'delete');
  });

  it('dooms nothing that was retained', () => {
    const fates = fatesOf(revisePlan(plan, { environments: [entry(A)] }));
    assert.equal(fates[9], 'retain');
  });

  it('leaves an environment alone that is no longer in the file', () => {
    const both = planRepository(contentOf(NEW_REPOSITORY_REF, [`${A}-1 a`, `${B}-1 b`, `${C}-1 b`]), [
      entry(A),
      entry(B),
      entry(C),
    ]);
    assert.deepEqual(fatesOf(revisePlan(both, { environments: [entry(A), entry(C)] })), {
      [`${A}-1`]: 'delete',
      [`${B}-1`]: 'other',
      [`${C}-1`]: 'protect: shared digest',
    });
  });
});

describe('a plan after a second look at the registry', () => {
  it('keeps a tag that was pushed since, though the file would doom it, and its digest', () => {
    const revised = revisePlan(plan, live(['12 twelve', '11 eight']));
    const fates = fatesOf(revised);
    assert.deepEqual([fates[12], fates[11], fates[8]], ['other', 'other', 'protect: shared digest']);
    assert.deepEqual(
      revised.tags.slice(-2).map(({ tag }) => tag),
      ['12', '11'],
    );
  });

  it('protects what a kept tag has moved to', () => {
    assert.equal(fatesOf(revisePlan(plan, live(['buildcache three'])))[3], 'protect: shared digest');
  });

  it('protects what a new index under a kept or new tag lists, at any depth', () => {
    const lists = { outer: ['inner', 'else'], inner: ['three'] };
    for (const keeper of ['9', 'pushed']) {
      const fates = fatesOf(revisePlan(plan, live([`${keeper} outer`], lists)));
      assert.deepEqual([fates[3], fates[8]], ['protect: index child', 'delete']);
    }
  });

  it('keeps what it protected although the keeper has moved away or is gone', () => {
    const twins = contentOf(legacyRef(A), ['2 one', '1 one']);
    const before = planRepository(twins, [entry(A, 2)]);
    for (const change of [live(['2 two']), live([])])
      assert.equal(fatesOf(revisePlan(before, change))[1], 'protect: shared digest');
  });

  it('takes over the digest of a kept tag that could not be read before, or has moved', () => {
    const revised = revisePlan(plan, live(['2 eight', '9 new']));
    const digests = new Map(revised.tags.map((planned) => [String(planned.tag), planned.digest]));
    assert.deepEqual([digests.get('2'), digests.get('9')], [digest('eight'), digest('new')]);
    assert.equal(fatesOf(revised)[8], 'protect: shared digest');
  });

  it('protects what a tag has moved to that is struck, or newly retained, at the same time', () => {
    const look = live(['6 eight']);
    for (const reprieve of [{ struck: new Set([tag('6')]) }, { environments: [entry(A, 9, 6)] }])
      assert.equal(fatesOf(revisePlan(plan, { ...reprieve, ...look }))[8], 'protect: shared digest');
  });

  it('protects what a tag has moved to that is itself protected only now', () => {
    const fates = fatesOf(revisePlan(plan, live(['pushed eight', '8 three', '3 three'])));
    assert.deepEqual([fates[8], fates[3]], ['protect: shared digest', 'protect: shared digest']);
  });

  it('keeps the digest of a kept tag that cannot be read any more', () => {
    assert.deepEqual(revisePlan(plan, live(['9'])), plan);
  });

  it('notes a new tag that cannot be read, and takes nothing for its twin', () => {
    const revised = revisePlan(plan, live(['broken']));
    assert.equal(fatesOf(revised).broken, 'other');
    assert.deepEqual(doomedTags(revised), doomedTags(plan));
  });
});
