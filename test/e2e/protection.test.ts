/** What must not be lost, on every route: twins, indexes, signatures, and what the cluster runs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { idsIn, pushDangers, REPOSITORY, runPod, useImages } from './support/dangers.ts';
import { assertPulls } from './support/pull.ts';
import { ROUTES, Site, summaryOf } from './support/site.ts';

const DELETING = ['--delete', '--yes'];

// Each with a sandbox of its own: much of it is waiting.
describe('what must be left can be pulled, byte for byte, and the rest is gone', { concurrency: 2 }, () => {
  for (const via of ROUTES)
    test(`--via ${via}`, async () => {
      await using site = await Site.open({ via, furnish: pushDangers });
      const { inUse, elsewhere } = await useImages(site.sandbox, {
        environments: site.environmentsText,
        view: site.before,
      });
      const file = site.file('in-use', `# known from elsewhere\n${elsewhere}\n`);
      const ended = await site.runs(0, [...DELETING, '--in-use-file', file]);
      await site.assertCleaned({ inUse });
      const { left, doomed, counts } = site.judge({ inUse });
      const { planned, deleted, protected: isProtected, retained } = summaryOf(ended);
      assert.deepEqual(
        { planned, deleted, isProtected, retained },
        {
          planned: doomed.length,
          deleted: doomed.length,
          isProtected: counts.protected,
          retained: counts.retained,
        },
      );
      await assertPulls(
        site,
        site.before,
        left.map((line) => line.split(' ')[0] as string),
      );
    });
});

describe('between the plan and its turn', () => {
  test('a tag is pushed anew and survives, and a pod is started and keeps its image', async () => {
    await using site = await Site.open();
    const [a, b] = idsIn(site.environmentsText);
    const [pushed, run] = [`${a}-1`, `${b}-3`];
    const other = site.before.get(REPOSITORY);
    const content = other?.manifests.get(other.tags.get(`${a}-5`) ?? '');
    assert.ok(content);
    const text = JSON.stringify({ ...JSON.parse(content.text), note: 'pushed anew' });

    const command = site.start(DELETING);
    // By then the plan is made, and every tag was looked at for it.
    await command.step('enable-delete');
    await site.registry.push(REPOSITORY, pushed, { ...content, text });
    await runPod(site.sandbox, 'late', `docker-registry:5000/${REPOSITORY}:${run}`);
    const ended = await command.ended;
    assert.equal(ended.code, 0, command.output);
    assert.equal(summaryOf(ended).drifted, 2);

    const after = (await site.registry.view()).get(REPOSITORY);
    assert.equal(after?.manifests.get(after.tags.get(pushed) ?? '')?.text, text);
    assert.equal(after?.tags.get(run), other?.tags.get(run));
    const left = site
      .judge({ inUse: [`${REPOSITORY}:${run}`] })
      .left.map((line) => line.split(' ')[0] as string);
    await assertPulls(site, site.before, left);
    await assertPulls(site, await site.registry.view(), [`${REPOSITORY}:${pushed}`]);
    await site.assertTidy();
  });
});
