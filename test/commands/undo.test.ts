import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { recover } from '../../src/commands/recover.ts';
import { UndoTally, undo } from '../../src/commands/undo.ts';
import {
  InterruptedError,
  RefusedError,
  RegistryError,
  UnreachableError,
  UsageError,
} from '../../src/domain/errors.ts';
import { LeaseLostError } from '../../src/domain/lease.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { moveTo } from '../../src/domain/run.ts';
import type { RawOptions } from '../../src/options/values.ts';
import { A, B, C } from '../domain/builders.ts';
import { leaseRecord } from '../domain/leases.ts';
import { MemoryDisk } from '../support/fakes/run-store.ts';
import type { Program } from '../support/fakes/world.ts';
import { LEGACY_A, Scenario } from './scenario.ts';

const DELETE = { delete: true, yes: true };
const RUN = '20261123T100001Z-000001';

let scene: Scenario;
/** The registry as it was before anything was deleted. */
let before: string[];
beforeEach(() => {
  scene = new Scenario();
  scene.registry.canReadContent();
  before = scene.registry.dump();
});

/** One `undo` from its start to its end. */
async function undone(
  words: readonly string[] = [],
  flags: RawOptions = { yes: true },
  prepare: (program: Program) => void = () => {},
) {
  const program = scene.start(flags);
  prepare(program);
  const tally = new UndoTally();
  try {
    const { failed } = await undo(program.world, words, tally);
    return { program, failed, error: undefined, figures: tally.figures() };
  } catch (error) {
    return {
      program,
      failed: undefined,
      error: error as Error & { next?: string },
      figures: tally.figures(),
    };
  } finally {
    scene.lease.fate = 'dead';
  }
}

/** From here on nothing of the program happens any more. */
function killed(): void {
  const die = () => {
    throw new Error('killed');
  };
  scene.registry.before = scene.workload.before = scene.pod.before = scene.lease.before = die;
}

function alive(): void {
  scene.registry.before = scene.registry.after = () => {};
  scene.workload.before = scene.pod.before = scene.lease.before = () => {};
}

describe('undoing a run', () => {
  it('brings back what it has deleted, changes no setting, and leaves no pod and no lease', async () => {
    await scene.cleanly(DELETE);
    const patches = scene.workload.patches.length;
    const { failed, figures, program } = await undone();
    assert.equal(failed, 0);
    assert.deepEqual(scene.registry.dump(), before);
    assert.deepEqual([figures.tags, figures.restored], [4, 4]);
    assert.equal(scene.workload.patches.length, patches);
    scene.assertPutBack();
    assert.deepEqual(program.person.shown, ['deploy-pod: done', 'put-back: 4 of 4 tags', 'teardown: done']);
    assert.equal(program.person.events.length, 4);
    assert.equal(scene.record.stage, 'finished');
  });

  it('does nothing the second time', async () => {
    await scene.cleanly(DELETE);
    await undone();
    const { figures } = await undone();
    assert.deepEqual([figures.restored, figures.there], [0, 4]);
  });

  it('is of some environments, or of one naming scheme', async () => {
    await scene.cleanly(DELETE);
    await undone([], { yes: true, only: 'legacy' });
    assert.deepEqual(scene.tagsLeft(), [...Scenario.kept, `${LEGACY_A}:1`, `${LEGACY_A}:2`].sort());
    await undone([A]);
    assert.deepEqual(scene.registry.dump(), before);
    for (const environment of [B, C])
      assert.match((await undone([environment])).error?.message ?? '', /deleted nothing of 6/);
  });

  it('is of the newest run that has deleted something, or of the one that is named', async () => {
    await scene.cleanly(DELETE);
    scene.registry.push(NEW_REPOSITORY, `${A}-7`, 'a7');
    await scene.cleanly(DELETE);
    scene.registry.push(NEW_REPOSITORY, `${A}-8`, 'a8');
    await scene.cleanly({});
    assert.equal((await undone()).figures.tags, 1);
    assert.ok(scene.tagsLeft().includes(`${NEW_REPOSITORY}:${A}-7`));
    assert.equal((await undone([RUN])).figures.restored, 4);
    assert.match((await undone(['20261123T100009Z-000009'])).error?.message ?? '', /no run 2026/);
  });

  it('is of a folder that is named, which holds the state of another machine', async () => {
    await scene.cleanly(DELETE);
    const { record } = scene;
    const { figures } = await undone([], { yes: true, from: RUN });
    assert.equal(figures.restored, 4);
    assert.deepEqual(scene.record, record);
    assert.match((await undone([RUN], { yes: true, from: RUN })).error?.message ?? '', /not both/);
    assert.match(
      (await undone([], { yes: true, from: '/elsewhere' })).error?.message ?? '',
      /not the folder of a run/,
    );
  });

  it('says beforehand when garbage was collected since', async () => {
    await scene.cleanly(DELETE);
    const { record } = scene;
    scene.disk.latest.record = { ...record, reclaimedAt: '2026-11-24T10:00:00.000Z' };
    const { program } = await undone();
    assert.match(
      program.person.warnings.join('\n'),
      /Garbage was collected on 2026-11-24.* can no longer be taken back/,
    );
  });

  it('tells how many are not whole', async () => {
    await scene.cleanly(DELETE);
    scene.registry.collect('a1');
    const { failed, figures } = await undone();
    assert.equal(failed, 1);
    assert.deepEqual([figures.restored, figures.incomplete], [3, 1]);
  });
});

describe('undoing is refused', () => {
  beforeEach(() => scene.cleanly(DELETE));

  const refused = async (words: string[], flags: RawOptions, prepare?: (program: Program) => void) => {
    const { error } = await undone(words, flags, prepare);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    scene.assertPutBack();
    return error ?? assert.fail('it was not refused');
  };

  it('without a confirmation, and it is asked for at a terminal', async () => {
    assert.ok((await refused([], {})) instanceof UsageError);
    const ask = (answer: string) => (program: Program) => {
      program.person.present = true;
      program.person.answer = answer;
    };
    assert.ok((await refused([], {}, ask('no'))) instanceof RefusedError);
    const { program, figures } = await undone([], {}, ask('prod'));
    assert.match(program.person.questions.join(), /To put 4 tags back into docker-registry:5000/);
    assert.equal(figures.restored, 4);
  });

  it('in another cluster', async () => {
    scene.clusterUid = 'cluster-2';
    const error = await refused([], { yes: true });
    assert.ok(error instanceof RefusedError);
    assert.match(`${error.message} ${error.next}`, /another cluster.*--context/);
  });

  it('for another registry', async () => {
    assert.match((await refused([], { yes: true, registry: 'other:5000' })).message, /another registry/);
  });

  it('by Skopeo', async () => {
    for (const flags of [{ via: 'skopeo' }, { 'local-skopeo': true }])
      assert.ok((await refused([], { yes: true, ...flags })) instanceof UsageError, JSON.stringify(flags));
  });

  it('of what is neither a run nor an environment, or of two runs', async () => {
    for (const words of [['latest'], [`${A}x`], [RUN, RUN]])
      assert.ok((await refused(words, { yes: true })) instanceof UsageError, words.join());
  });

  it('while another run is at work', async () => {
    scene.lease.record = leaseRecord();
    scene.lease.fate = 'working';
    const { error } = await undone();
    assert.ok(error instanceof RefusedError, String(error));
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('of a run that saved nothing, as those of earlier versions', async () => {
    scene.disk.latest.saved.length = 0;
    assert.match(`${(await refused([], { yes: true })).next}`, /earlier version/);
  });

  it('where no run has deleted anything', async () => {
    scene.disk.runs.clear();
    assert.match((await refused([], { yes: true })).message, /No run in .* has deleted anything/);
  });
});

describe('an undo that ends before its end', () => {
  beforeEach(() => scene.cleanly(DELETE));

  // What was put and not read back yet does not count: the next one finds it there.
  for (const [at, least] of [
    ['put', 0],
    ['read', 1],
  ] as const)
    it(`by a signal at ${at}: leaves no pod and no lease, and is finished by the next one`, async () => {
      const { error, figures } = await undone([], { yes: true, concurrency: '1' }, (program) => {
        scene.registry.after = ({ operation }) => {
          if (operation === at) program.interrupt(new InterruptedError('SIGTERM'));
        };
      });
      assert.ok(error instanceof InterruptedError);
      assert.match(error.next, /The same command goes on/);
      assert.ok(figures.restored >= least && figures.restored < 4);
      assert.ok(scene.registry.count('put') >= 1);
      scene.assertPutBack();
      alive();
      const next = await undone();
      assert.equal(next.figures.restored + next.figures.there, 4);
      assert.deepEqual(scene.registry.dump(), before);
    });

  it('killed: recover leaves nothing behind, from a machine that knows nothing of it', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation === 'put') killed();
    };
    await undone();
    alive();
    assert.notEqual(scene.pod.owner, undefined);
    const { disk } = scene;
    Object.assign(scene, { disk: new MemoryDisk() });
    await recover(scene.start().world);
    scene.assertPutBack();
    Object.assign(scene, { disk });
    assert.equal((await undone()).failed, 0);
    assert.deepEqual(scene.registry.dump(), before);
  });

  it('killed: the next one takes its pod away by itself', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation === 'put') killed();
    };
    await undone();
    alive();
    assert.equal((await undone()).failed, 0);
    scene.assertPutBack();
  });

  it('because it has lost the lease: puts nothing more', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation === 'put') scene.lease.record = undefined;
    };
    const { error } = await undone([], { yes: true, concurrency: '1' });
    assert.ok(error instanceof LeaseLostError, String(error));
    // Two are under way at a time.
    assert.ok(scene.registry.count('put') <= 2);
  });

  it('because the registry refuses everything', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'put') throw new RegistryError('read-only (405)', { failure: 'unsupported' });
    };
    const { error } = await undone();
    assert.ok(error instanceof UnreachableError);
    scene.assertPutBack();
  });
});

describe('undoing a run that is not finished', () => {
  it('puts back what it has deleted so far, and gives it up', async () => {
    await scene.clean({ ...DELETE, concurrency: '1' }, (program) => {
      scene.registry.after = ({ operation }) => {
        if (operation === 'delete') program.interrupt(new InterruptedError('SIGINT'));
      };
    });
    alive();
    assert.equal(scene.record.stage, 'deleting');
    assert.ok(scene.tagsLeft().length < before.length);
    const { program } = await undone();
    assert.deepEqual(scene.registry.dump(), before);
    assert.equal(scene.record.stage, 'given-up');
    assert.match(program.person.said.join('\n'), /not finished.*given up/s);
  });

  it('puts its setting back first, if it was killed', async () => {
    scene.registry.after = ({ operation }) => {
      if (operation === 'delete') killed();
    };
    await scene.clean({ ...DELETE, concurrency: '1' });
    alive();
    assert.equal(scene.workload.deletionEnabled(), true);
    const { error } = await undone();
    assert.equal(error, undefined);
    assert.deepEqual(scene.registry.dump(), before);
    scene.assertPutBack();
  });

  it('does not give it up while something is left to be done', async () => {
    await scene.cleanly(DELETE);
    scene.disk.latest.record = moveTo({ ...scene.record, stage: 'deleting' }, 'incomplete');
    scene.registry.before = ({ operation }) => {
      if (operation === 'put') throw new RegistryError('no (405)', { failure: 'unsupported' });
    };
    await undone();
    assert.equal(scene.record.stage, 'incomplete');
  });
});
