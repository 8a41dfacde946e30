import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deletionsOf, legacyRef, planRepository } from '../../src/domain/plan.ts';
import { cheaperStrategy, divide } from '../../src/domain/strategy.ts';
import { A, contentOf, digest, entry } from './builders.ts';

describe('the cheaper strategy', () => {
  const choose = (tags: number, doomed: number, manifests = doomed) =>
    cheaperStrategy({ tags, doomed, manifests });

  it('unties first where much is deleted from a large repository', () => {
    assert.equal(choose(1000, 900), 'untag-first');
    assert.equal(choose(4000, 3900), 'untag-first');
    assert.equal(choose(50_000, 49_000), 'untag-first');
  });

  it('deletes by digest from a small repository, and a few from a large one', () => {
    assert.equal(choose(4, 3), 'by-digest');
    assert.equal(choose(25, 23), 'by-digest');
    assert.equal(choose(4000, 3), 'by-digest');
    assert.equal(choose(1000, 10), 'by-digest');
  });

  it('deletes by digest where many tags share few manifests', () => {
    assert.equal(choose(1000, 900, 2), 'by-digest');
  });
});

describe('deletions', () => {
  const content = contentOf(legacyRef(A), ['9 twins', '8 twins', '7 seven', '6 six']);

  it('that spare the manifest are untied, the others deleted by digest in a small repository', () => {
    const plan = planRepository(content, [entry(A, 9)], { unties: true });
    const { untie, direct } = divide(plan, deletionsOf(plan), undefined);
    assert.deepEqual(untie, [
      {
        repository: plan.ref.repository,
        digest: digest('twins'),
        tags: ['8'],
        manifestStays: 'shared digest (9)',
      },
    ]);
    assert.deepEqual(
      direct.map(({ tags }) => tags),
      [['7'], ['6']],
    );
  });

  it('are all untied where that is wanted', () => {
    const plan = planRepository(content, [entry(A, 9)], { unties: true });
    const { untie, direct } = divide(plan, deletionsOf(plan), 'untag-first');
    assert.deepEqual([untie.length, direct.length], [3, 0]);
  });

  it('never untie by a route that cannot, whatever is wanted', () => {
    const plan = planRepository(content, [entry(A, 9)]);
    const { untie, direct } = divide(plan, deletionsOf(plan), 'untag-first');
    assert.deepEqual(untie, []);
    assert.deepEqual(
      direct.map(({ tags }) => tags),
      [['7'], ['6']],
    );
  });
});
