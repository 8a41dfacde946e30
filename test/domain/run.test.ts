import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RefusedError, UsageError } from '../../src/domain/errors.ts';
import {
  type Binding,
  decideStart,
  isResumable,
  moveTo,
  type RunRecord,
  requireSameBinding,
  type Stage,
  stepKeys,
  stepTitles,
} from '../../src/domain/run.ts';

const BINDING: Binding = {
  clusterUid: 'c-1',
  context: 'prod',
  namespace: 'domino-platform',
  workload: 'statefulset/docker-registry',
  registry: 'docker-registry:5000',
};

function run(stage: Stage, differing: Partial<RunRecord> = {}): RunRecord {
  return {
    schema: 1,
    id: 'r-1',
    startedAt: '2026-11-23T10:00:00.000Z',
    stage,
    deleting: false,
    confirmed: false,
    allowAbsent: false,
    environments: [],
    steps: {},
    ...differing,
  };
}

const stages: Stage[] = ['listing', 'reviewed', 'deleting', 'incomplete', 'finished', 'given-up'];

describe('the moves of a run', () => {
  const lawful = new Set([
    'listing → reviewed',
    'listing → given-up',
    'reviewed → deleting',
    'reviewed → finished',
    'reviewed → given-up',
    'deleting → incomplete',
    'deleting → finished',
    'deleting → given-up',
    'incomplete → deleting',
    'incomplete → finished',
    'incomplete → given-up',
  ]);
  for (const from of stages)
    for (const to of stages) {
      const move = `${from} → ${to}`;
      if (from === to)
        it(`${move} changes nothing`, () => assert.deepEqual(moveTo(run(from), to), run(from)));
      else if (lawful.has(move)) it(move, () => assert.deepEqual(moveTo(run(from), to), run(to)));
      else it(`not ${move}`, () => assert.throws(() => moveTo(run(from), to), /cannot move/));
    }

  it('leave a run resumable until it is over', () => {
    const open = stages.filter((stage) => isResumable(run(stage)));
    assert.deepEqual(open, ['listing', 'reviewed', 'deleting', 'incomplete']);
  });
});

describe('a start', () => {
  const start = (stage: Stage | undefined, given: { resume?: true; fresh?: true; listsEdited?: true } = {}) =>
    decideStart({
      latest: stage && run(stage),
      resume: given.resume ?? false,
      fresh: given.fresh ?? false,
      listsEdited: given.listsEdited ?? false,
    }).action;

  it('begins where there is no run that could go on', () => {
    for (const stage of [undefined, 'finished', 'given-up'] as const) {
      assert.equal(start(stage), 'begin');
      assert.equal(start(stage, { fresh: true, listsEdited: true }), 'begin');
      assert.throws(() => start(stage, { resume: true }), UsageError);
    }
  });

  it('resumes what is not over', () => {
    for (const stage of stages.slice(0, 4)) {
      assert.equal(start(stage, { resume: true }), 'resume');
      assert.equal(start(stage, { resume: true, listsEdited: true }), 'resume');
    }
  });

  it('replaces a run that has nothing changed, unless its lists were edited', () => {
    for (const stage of ['listing', 'reviewed', 'incomplete'] as const) {
      assert.equal(start(stage), 'replace');
      assert.equal(start(stage, { fresh: true, listsEdited: true }), 'replace');
      assert.throws(() => start(stage, { listsEdited: true }), RefusedError);
    }
  });

  it('refuses to pass over a run that has begun to delete, and says what to do', () => {
    assert.throws(
      () => start('deleting'),
      (error: unknown) => error instanceof RefusedError && /--resume.*--fresh/.test(error.next),
    );
    assert.equal(start('deleting', { fresh: true }), 'give-up');
  });

  it('cannot do both', () => {
    for (const stage of [undefined, ...stages])
      assert.throws(() => start(stage, { resume: true, fresh: true }), UsageError);
  });
});

describe('what a run is bound to', () => {
  for (const key of ['clusterUid', 'registry', 'namespace', 'workload'] as const)
    it(`is its ${key}`, () => {
      const other = { ...BINDING, [key]: 'other' };
      assert.throws(
        () => requireSameBinding(run('deleting', { binding: BINDING }), other),
        (error: unknown) => error instanceof RefusedError && error.message.includes(BINDING[key]),
      );
    });

  it('is not the name of its context', () => {
    const renamed = { ...BINDING, context: 'renamed' };
    assert.doesNotThrow(() => requireSameBinding(run('deleting', { binding: BINDING }), renamed));
  });

  it('is nothing before the cluster has been asked', () => {
    assert.doesNotThrow(() => requireSameBinding(run('listing'), BINDING));
  });
});

describe('the steps', () => {
  it('have the titles and the order of the mission', () => {
    assert.deepEqual(
      stepKeys.map((key) => stepTitles[key]),
      [
        'deploy pod',
        'verify layout',
        'list new-repo tags',
        'list legacy tags',
        'enable delete',
        'delete',
        'move to tags/done',
        'make read-only',
        'collect garbage',
        'make writable',
        'disable delete',
        'verify',
        'teardown',
      ],
    );
  });
});
