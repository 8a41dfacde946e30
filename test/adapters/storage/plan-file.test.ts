import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openPlanFile } from '../../../src/adapters/storage/plan-file.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import { NEW_REPOSITORY_REF, planRepository, type RepositoryPlan } from '../../../src/domain/plan.ts';
import { A, contentOf, entry } from '../../domain/builders.ts';
import { temporaryFolder } from './folder.ts';

function pathIn(test: TestContext): string {
  return join(temporaryFolder(test), 'plan.jsonl');
}

/** A plan of some size, so that writing it takes a while. */
function planned(revision: number, size = 200): RepositoryPlan {
  const lines = Array.from({ length: size + 1 }, (_, n) => `${A}-${revision * 1000 + n} m${n}`);
  return planRepository(contentOf(NEW_REPOSITORY_REF, lines, { m0: ['m1'] }), [entry(A, 1000)]);
}

describe('the plan on disk', () => {
  it('gives back what was planned, in its order', async (test) => {
    const path = pathIn(test);
    const plans = [planned(1), planned(2)];
    for (const plan of plans) await openPlanFile(path).append(plan);
    assert.deepEqual(await openPlanFile(path).read(), JSON.parse(JSON.stringify(plans)));
  });

  it('loses nothing when repositories are planned at the same time', async (test) => {
    const file = openPlanFile(pathIn(test));
    const plans = Array.from({ length: 80 }, (_, n) => planned(n + 1, ((n * 7) % 11) * 40));
    const waiting = [...plans];
    const planner = async () => {
      for (let plan = waiting.shift(); plan; plan = waiting.shift()) await file.append(plan);
    };
    await Promise.all([planner(), planner(), planner(), planner()]);
    const read = await file.read();
    assert.deepEqual(
      read.map(({ tags }) => tags[0]?.tag).sort(),
      plans.map(({ tags }) => tags[0]?.tag).sort(),
    );
  });

  it('forgets a line that was cut short, and goes on after what is whole', async (test) => {
    const path = pathIn(test);
    await openPlanFile(path).append(planned(1));
    const whole = readFileSync(path, 'utf8');
    appendFileSync(path, '{"ref":{"scheme":"new","repository":"d');
    const file = openPlanFile(path);
    assert.equal((await file.read()).length, 1);
    await file.append(planned(2));
    assert.equal((await file.read()).length, 2);
    assert.ok(readFileSync(path, 'utf8').startsWith(`${whole}{`));
  });

  it('has a fingerprint of its bytes', async (test) => {
    const file = openPlanFile(pathIn(test));
    const empty = await file.sha256();
    await file.append(planned(1));
    const first = await file.sha256();
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.notEqual(first, empty);
    assert.equal(await file.sha256(), first);
  });

  for (const line of ['{"ref":', '{}', 'null', '{"ref":{"repository":"r"}}'])
    it(`that is damaged is reported: ${line}`, async (test) => {
      const path = pathIn(test);
      writeFileSync(path, `${line}\n`);
      await assert.rejects(openPlanFile(path).read(), (error: unknown) => {
        assert.ok(error instanceof StorageError);
        assert.match(error.next, /--fresh/);
        return true;
      });
    });

  it('refuses to be a symbolic link', async (test) => {
    const path = pathIn(test);
    writeFileSync(`${path}.real`, '');
    symlinkSync(`${path}.real`, path);
    const file = openPlanFile(path);
    await assert.rejects(file.append(planned(1)), StorageError);
    await assert.rejects(file.read(), StorageError);
    await assert.rejects(file.sha256(), StorageError);
    assert.equal(readFileSync(`${path}.real`, 'utf8'), '');
  });
});
