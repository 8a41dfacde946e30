/** `latest:N` in the environments file, from the first start to the last. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { InterruptedError } from '../../src/domain/errors.ts';
import { legacyRepository, NEW_REPOSITORY } from '../../src/domain/names.ts';
import { A } from '../domain/builders.ts';
import { Scenario } from './scenario.ts';

const LEGACY = legacyRepository(A);
const GO_ON = { resume: true, delete: true, yes: true };

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
  scene.registry.clear();
  scene.environments = `${A} latest:3\n`;
  for (const revision of [1, 2, 3, 9]) scene.registry.push(LEGACY, String(revision), `old${revision}`);
  for (const revision of [7, 8, 9]) scene.registry.push(NEW_REPOSITORY, `${A}-${revision}`, `new${revision}`);
});

function left(): string[] {
  return scene
    .tagsLeft()
    .map((line) => line.split(':')[1]?.replace(`${A}-`, 'new-') ?? '')
    .sort();
}

describe('latest:3', () => {
  it('keeps the newest three by number over both naming schemes together', async () => {
    await scene.cleanly({ delete: true, yes: true });
    assert.deepEqual(left(), ['9', 'new-7', 'new-8', 'new-9']);
  });

  it('counts what is in the other repositories also with --only', async () => {
    await scene.cleanly({ delete: true, yes: true, only: 'legacy' });
    assert.deepEqual(left(), ['9', 'new-7', 'new-8', 'new-9']);
  });

  it('keeps everything where there is less, and misses nothing', async () => {
    scene.environments = `${A} latest:30 2\n`;
    const { figures } = await scene.cleanly({ delete: true, yes: true });
    assert.equal(figures.planned, 0);
    assert.equal(figures.retained, 7);
  });

  it('does not count a revision that the registry has no manifest for', async () => {
    scene.registry.push(NEW_REPOSITORY, `${A}-10`, 'new10');
    scene.registry.breakManifest(NEW_REPOSITORY, 'new10');
    await scene.cleanly({ delete: true, yes: true });
    assert.deepEqual(left(), ['9', 'new-10', 'new-7', 'new-8', 'new-9']);
  });

  it('means the same revisions over all resumes: what is built meanwhile dooms nothing that was kept', async () => {
    await scene.cleanly({});
    scene.registry.push(NEW_REPOSITORY, `${A}-10`, 'new10');
    scene.registry.push(LEGACY, '11', 'old11');
    await scene.cleanly(GO_ON);
    assert.deepEqual(left(), ['11', '9', 'new-10', 'new-7', 'new-8', 'new-9']);
  });

  it('means them also for repositories that are listed only after a resume, where newer ones stay as well', async () => {
    scene.registry.before = ({ operation, repository }) => {
      if (operation === 'resolve' && repository === LEGACY) throw new InterruptedError('SIGINT');
    };
    assert.ok((await scene.clean({})).error instanceof InterruptedError);
    scene.registry.before = () => {};
    assert.equal(scene.record.stage, 'listing');
    scene.registry.push(NEW_REPOSITORY, `${A}-10`, 'new10');
    scene.registry.push(LEGACY, '11', 'old11');
    scene.registry.push(LEGACY, '7', 'old7');
    await scene.cleanly({ resume: true });
    await scene.cleanly(GO_ON);
    assert.deepEqual(left(), ['11', '7', '9', 'new-10', 'new-7', 'new-8', 'new-9']);
  });

  it('means as many more as the file has come to ask for while the run was listing, at every later start', async () => {
    scene.registry.before = ({ operation, repository }) => {
      if (operation === 'resolve' && repository === LEGACY) throw new InterruptedError('SIGINT');
    };
    assert.ok((await scene.clean({})).error instanceof InterruptedError);
    scene.registry.before = () => {};
    scene.environments = `${A} latest:5\n`;
    const reviewed = await scene.cleanly({ resume: true });
    assert.equal(reviewed.program.person.reviews[0]?.review.totals.toDelete, 1);
    await scene.cleanly(GO_ON);
    assert.deepEqual(left(), ['2', '3', '9', 'new-7', 'new-8', 'new-9']);
  });

  it('keeps more when the file asks for more later, and dooms nothing when it asks for less', async () => {
    await scene.cleanly({});
    scene.environments = `${A} latest:5\n`;
    await scene.cleanly({ resume: true });
    assert.deepEqual(scene.record.environments, [{ id: A, retain: [], latest: 3, keepFrom: 7, line: 1 }]);
    scene.environments = `${A} latest:1\n`;
    const { figures } = await scene.cleanly({ resume: true });
    assert.equal(figures.planned, 3);
    scene.environments = `${A} latest:5\n`;
    await scene.cleanly(GO_ON);
    assert.deepEqual(left(), ['2', '3', '9', 'new-7', 'new-8', 'new-9']);
  });
});
