import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tag } from '../../src/domain/names.ts';
import { fallenChildren, legacyRef, planRepository, revisePlan } from '../../src/domain/plan.ts';
import { subjectOf } from '../../src/domain/referrers.ts';
import { A, contentOf, digest, entry, fatesOf, tag } from './builders.ts';

const FILE = [entry(A, 9)];

/** The tag under which something stands that belongs to a manifest. */
function belongingTo(nickname: string, suffix = ''): Tag {
  return tag(`${digest(nickname).replace(':', '-')}${suffix}`);
}

describe('a tag that belongs to an image', () => {
  it('is recognised in each of its forms, and nothing else is', () => {
    for (const suffix of ['', '.sig', '.att', '.sbom'])
      assert.equal(subjectOf(belongingTo('one', suffix)), digest('one'));
    for (const other of [
      'sha256-abc.sig',
      `${belongingTo('one')}.txt`,
      `x${belongingTo('one')}`,
      'buildcache',
    ])
      assert.equal(subjectOf(tag(other)), undefined);
  });

  it('goes with its subject, and stays with it', () => {
    const [goes, stays] = [belongingTo('eight', '.sig'), belongingTo('nine', '.sig')];
    const plan = planRepository(
      contentOf(legacyRef(A), ['8 eight', '9 nine', `${goes} s8`, `${stays} s9`]),
      FILE,
    );
    assert.deepEqual(fatesOf(plan), { 8: 'delete', 9: 'retain', [goes]: 'delete', [stays]: 'unrecognised' });
    assert.equal(plan.tags.find((planned) => planned.tag === goes)?.subject, digest('eight'));
  });

  it('stays when its subject is protected, or only loses a tag', () => {
    const signature = belongingTo('twins', '.sig');
    const content = contentOf(legacyRef(A), ['8 twins', '9 twins', `${signature} s`]);
    for (const unties of [false, true])
      assert.equal(fatesOf(planRepository(content, FILE, { unties }))[signature], 'unrecognised');
  });

  it('stays when nobody knows its subject', () => {
    const signature = belongingTo('unknown', '.sig');
    const plan = planRepository(contentOf(legacyRef(A), ['8 eight', `${signature} s`]), FILE);
    assert.equal(fatesOf(plan)[signature], 'unrecognised');
  });

  it('goes as well when it belongs to what belongs to something that goes', () => {
    const [first, second] = [belongingTo('eight', '.sbom'), belongingTo('sbom', '.sig')];
    const plan = planRepository(contentOf(legacyRef(A), ['8 eight', `${second} s`, `${first} sbom`]), FILE);
    assert.deepEqual(fatesOf(plan), { 8: 'delete', [first]: 'delete', [second]: 'delete' });
  });

  it('goes with a platform of an image index that goes', () => {
    const attestation = belongingTo('amd64', '.att');
    const content = contentOf(legacyRef(A), ['8 index', '9 nine', `${attestation} a`], { index: ['amd64'] });
    assert.equal(fatesOf(planRepository(content, FILE))[attestation], 'delete');
  });

  it('stays when the reviewer strikes it or its subject, or the file retains that now', () => {
    const signature = belongingTo('eight', '.sig');
    const plan = planRepository(contentOf(legacyRef(A), ['8 eight', '9 nine', `${signature} s`]), FILE);
    assert.equal(fatesOf(revisePlan(plan, { struck: new Set([signature]) }))[signature], 'struck');
    assert.equal(fatesOf(revisePlan(plan, { struck: new Set([tag('8')]) }))[signature], 'unrecognised');
    const retained = revisePlan(plan, { environments: [entry(A, 9, 8)] });
    assert.equal(fatesOf(retained)[signature], 'unrecognised');
  });

  it('stays when it was pushed after the plan was made', () => {
    const signature = belongingTo('eight', '.sig');
    const plan = planRepository(contentOf(legacyRef(A), ['8 eight', '9 nine']), FILE);
    const live = contentOf(legacyRef(A), ['8 eight', '9 nine', `${signature} s`]);
    assert.equal(fatesOf(revisePlan(plan, { live }))[signature], 'other');
  });
});

describe('what an index lists', () => {
  const listed = (lines: readonly string[], lists: Record<string, readonly string[]>) =>
    [...fallenChildren(planRepository(contentOf(legacyRef(A), lines, lists), FILE))].map(
      ([child, parents]) => [child, [...parents]] as const,
    );

  it('goes with it, when nothing else needs it', () => {
    assert.deepEqual(listed(['8 index', '9 nine'], { index: ['amd64', 'arm64'] }), [
      [digest('amd64'), [digest('index')]],
      [digest('arm64'), [digest('index')]],
    ]);
  });

  it('stays when a kept index lists it, or a tag stands for it', () => {
    assert.deepEqual(
      listed(['8 index', '9 other', '7 arm64'], { index: ['amd64', 'arm64'], other: ['amd64'] }),
      [],
    );
  });

  it('waits for every index that lists it, over any number of levels', () => {
    const children = new Map(
      listed(['8 outer', '7 second'], { outer: ['inner'], inner: ['amd64'], second: ['amd64'] }),
    );
    assert.deepEqual(children.get(digest('inner')), [digest('outer')]);
    assert.deepEqual(
      [...(children.get(digest('amd64')) ?? [])].sort(),
      [digest('inner'), digest('second')].sort(),
    );
  });
});
