import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { emptiedInUse, inUseOf, neededInUse, usedImages } from '../../src/domain/in-use.ts';
import { legacyRepository, NEW_REPOSITORY } from '../../src/domain/names.ts';
import { legacyRef, NEW_REPOSITORY_REF, planRepository } from '../../src/domain/plan.ts';
import { A, B, C, contentOf, digest, entry, indexesOf, tag } from './builders.ts';

const LEGACY = legacyRepository(A);

/** Images, used by `user 1`, `user 2` and so on. */
function used(...images: string[]) {
  return usedImages(images.map((image, index) => ({ image, by: `user ${index + 1}` })));
}

/** What is in use of a repository, to compare. */
function inUse(repository: typeof NEW_REPOSITORY, ...images: string[]) {
  const { tags, digests } = inUseOf(used(...images), repository);
  return { tags: Object.fromEntries(tags), digests: Object.fromEntries(digests) };
}

describe('images in use', () => {
  it('are recognised by their repository, whatever the host is called and whatever path leads there', () => {
    const names = [
      `dominodatalab/environment:${A}-1`,
      `docker-registry:5000/dominodatalab/environment:${A}-2`,
      `docker-registry.domino-platform.svc/dominodatalab/environment:${A}-3`,
      `proxy.example.com/cache/dominodatalab/environment:${A}-4`,
      `docker-registry/dominodatalab/environment:${A}-5`,
    ];
    const tags = Object.fromEntries(names.map((_, index) => [`${A}-${index + 1}`, `user ${index + 1}`]));
    assert.deepEqual(inUse(NEW_REPOSITORY, ...names), { tags, digests: {} });
    assert.deepEqual(inUse(LEGACY, `domino-${A}:1`, `x.io/y/domino-${A}:2`, `domino-${B}:3`).tags, {
      1: 'user 1',
      2: 'user 2',
    });
  });

  it('are none of ours where a name is only similar', () => {
    const { repositories, environments, others } = used(
      `mydominodatalab/environment:${A}-1`,
      `dominodatalab/environment/x:${A}-1`,
      `dominodatalab/environments:${A}-1`,
      `old-domino-${A}:1`,
      `domino-${A}0:1`,
      `domino-${A.toUpperCase()}:1`,
      'nginx',
      'no name at all',
    );
    assert.deepEqual([repositories.size, environments.size, others], [0, 0, 8]);
  });

  it('are in use by tag, by digest, or by both', () => {
    const D = digest('d');
    assert.deepEqual(inUse(LEGACY, `domino-${A}:7`), { tags: { 7: 'user 1' }, digests: {} });
    assert.deepEqual(inUse(LEGACY, `domino-${A}@${D}`), { tags: {}, digests: { [D]: 'user 1' } });
    assert.deepEqual(inUse(LEGACY, `domino-${A}:7@${D}`), {
      tags: { 7: 'user 1' },
      digests: { [D]: 'user 1' },
    });
    assert.deepEqual(inUse(LEGACY, `domino-${A}`), { tags: { latest: 'user 1' }, digests: {} });
  });

  it('of which only a digest is known are in every repository', () => {
    const D = digest('d');
    for (const repository of [LEGACY, NEW_REPOSITORY])
      assert.deepEqual(inUse(repository, D, 'nginx'), { tags: {}, digests: { [D]: 'user 1' } });
    assert.equal(used(D, 'nginx').others, 1);
  });

  it('are used by the first that was seen', () => {
    assert.deepEqual(inUse(LEGACY, `domino-${A}:7`, `x.io/domino-${A}:7`).tags, { 7: 'user 1' });
  });

  it('belong to environments, as far as their names tell', () => {
    const { environments } = used(
      `dominodatalab/environment:${A}-1`,
      `dominodatalab/environment:${A}-2`,
      `domino-${B}@${digest('d')}`,
      `dominodatalab/environment@${digest('d')}`,
      `dominodatalab/environment:${C}-debug`,
    );
    assert.deepEqual(
      [...environments].map(([environment, { by }]) => [environment, by]),
      [
        [A, 'user 1'],
        [B, 'user 3'],
      ],
    );
  });

  it('by the ten thousand are sorted at once, and looked up by the hundred', () => {
    const uses = Array.from({ length: 20_000 }, (_, n) => ({
      image: `host:5000/dominodatalab/environment:${A}-${n + 1}@${digest(`d${n}`)}`,
      by: 'x',
    }));
    const sorted = usedImages(uses);
    assert.equal(inUseOf(sorted, NEW_REPOSITORY).digests.size, 20_000);
    for (let n = 0; n < 500; n += 1) assert.equal(inUseOf(sorted, LEGACY).tags.size, 0);
  });
});

describe('what must stay for images in use', () => {
  const needs = (names: readonly string[], lists: Readonly<Record<string, readonly string[]>> = {}) =>
    Object.fromEntries(neededInUse(inUseOf(used(...names), LEGACY), indexesOf(lists)));

  it('is the tag by its name, and the manifest by its digest', () => {
    assert.deepEqual(needs([`domino-${A}:7@${digest('d')}`]), { 7: 'user 1', [digest('d')]: 'user 1' });
  });

  it('is every index that lists the manifest, at any depth, but not what these list beside it', () => {
    const lists = { outer: ['inner', 'other'], inner: ['amd64', 'arm64'], twin: ['amd64'], far: ['arm64'] };
    assert.deepEqual(needs([`domino-${A}@${digest('amd64')}`], lists), {
      [digest('amd64')]: 'user 1',
      [digest('inner')]: 'user 1',
      [digest('outer')]: 'user 1',
      [digest('twin')]: 'user 1',
    });
  });

  it('ends with indexes that list each other', () => {
    const lists = { ping: ['pong', 'd'], pong: ['ping'] };
    assert.deepEqual(Object.keys(needs([`domino-${A}@${digest('d')}`], lists)).sort(), [
      ...['d', 'ping', 'pong'].map(digest).sort(),
    ]);
  });

  it('is found at any depth and width', () => {
    const many = Array.from({ length: 50_000 }, (_, n) => n);
    const deep = Object.fromEntries(many.map((n) => [digest(`i${n + 1}`), [digest(`i${n}`)]]));
    const wide = Object.fromEntries(many.map((n) => [digest(`w${n}`), [digest('i0')]]));
    const found = neededInUse(
      { tags: new Map(), digests: new Map([[digest('i0'), 'x']]) },
      { ...deep, ...wide },
    );
    assert.equal(found.size, 100_001);
  });

  it('is nothing where nothing is in use', () => {
    assert.deepEqual(needs(['nginx', `domino-${B}:7`], { index: ['child'] }), {});
  });
});

describe('environments that something runs', () => {
  const emptied = (images: readonly string[], ...plans: Parameters<typeof emptiedInUse>[0][]) =>
    emptiedInUse(
      plans.flatMap((each) => [...each]),
      used(...images),
    ).map(({ environment, by }) => [environment, by]);
  const plan = (file: ReturnType<typeof entry>[], ...given: Parameters<typeof contentOf>) => [
    planRepository(contentOf(...given), file),
  ];
  const legacy = (...lines: string[]) => plan([entry(A)], legacyRef(A), lines);

  it('are told when nothing of them would be left', () => {
    assert.deepEqual(emptied([`domino-${A}:9`], legacy('7 seven', '8 eight')), [[A, 'user 1']]);
  });

  it('are not told when something is left, in whichever repository', () => {
    assert.deepEqual(
      emptied([`domino-${A}:9`], plan([entry(A, 7)], legacyRef(A), ['7 seven', '8 eight'])),
      [],
    );
    const other = plan([entry(A, 1)], NEW_REPOSITORY_REF, [`${A}-1 one`, `${B}-1 one`]);
    assert.deepEqual(emptied([`domino-${A}:9`], legacy('7 seven'), other), []);
  });

  it('have nothing left in a tag without a manifest, or one that is no revision', () => {
    assert.deepEqual(emptied([`domino-${A}:9`], legacy('7 seven', '8', 'buildcache cache')), [[A, 'user 1']]);
  });

  it('are not told when nothing of them is deleted, or nothing runs them', () => {
    assert.deepEqual(emptied([`domino-${A}:9`], legacy()), []);
    assert.deepEqual(emptied([`domino-${B}:9`, 'nginx'], legacy('7 seven')), []);
  });

  it('are told by themselves, not for one another', () => {
    const both = plan([entry(A), entry(B)], NEW_REPOSITORY_REF, [`${A}-1 a`, `${B}-1 b`, `${tag(C)}-1 c`]);
    assert.deepEqual(emptied([`dominodatalab/environment:${B}-2`], both), [[B, 'user 1']]);
  });
});
