import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { InUse } from '../../src/domain/in-use.ts';
import type { Digest, Tag } from '../../src/domain/names.ts';
import {
  deletionsOf,
  doomedTags,
  planRepository,
  type RepositoryPlan,
  type Revision,
  readRevision,
  revisePlan,
} from '../../src/domain/plan.ts';
import { protectionRules } from '../../src/domain/protection.ts';
import { subjectOf } from '../../src/domain/referrers.ts';
import { anyStory, type Story } from './arbitraries.ts';
import { check } from './property.ts';
import { closure, execute } from './registry-model.ts';

function planOf({ content, file, inUse }: Story, unties = false): RepositoryPlan {
  return planRepository(content, file, { unties, inUse });
}

/** Something runs the tag's image by this name, or by a digest that the image is or lists. */
function isInUse(
  tag: Tag,
  { digest, inUse, graph }: { digest: Digest | undefined; inUse: InUse; graph: Story['graph'] },
): boolean {
  return inUse.tags.has(tag) || [...closure([digest], graph)].some((each) => inUse.digests.has(each));
}

/** The doomed tags by the words of the file alone. */
function doomedByFile({ content: { ref, tags }, file }: Story): Tag[] {
  return [...tags.keys()].filter((tag) => {
    const names = readRevision(ref, tag);
    const entry = file.find(({ id }) => id === names?.environment);
    return names !== undefined && entry !== undefined && !entry.retain.includes(names.revision);
  });
}

/**
 * The doomed tags by the words of the file, with the tags that belong to what goes; and what the others need. Found by
 * trying every tag again and again.
 */
function doomedWithReferrers(story: Story): { doomed: ReadonlySet<Tag>; needed: ReadonlySet<Digest> } {
  const { tags, indexes } = story.content;
  const mayGo = (tag: Tag) =>
    tags.get(tag) !== undefined &&
    !isInUse(tag, { digest: tags.get(tag), inUse: story.inUse, graph: indexes });
  const doomed = new Set(doomedByFile(story).filter(mayGo));
  for (;;) {
    const [going, staying] = [true, false].map((is) =>
      [...tags].filter(([tag]) => doomed.has(tag) === is).map(([, digest]) => digest),
    );
    const needed = closure(staying ?? [], indexes);
    const more = [...tags.keys()].filter((tag) => {
      const subject = subjectOf(tag);
      return (
        subject !== undefined &&
        !doomed.has(tag) &&
        mayGo(tag) &&
        fallsWith(going ?? [], { needed, indexes }).has(subject)
      );
    });
    if (more.length === 0) return { doomed, needed };
    for (const tag of more) doomed.add(tag);
  }
}

/** What goes with these: they, and what they list, unless something else needs it. */
function fallsWith(
  going: readonly (Digest | undefined)[],
  { needed, indexes }: { needed: ReadonlySet<Digest>; indexes: Story['graph'] },
): ReadonlySet<Digest> {
  const free = Object.fromEntries(
    Object.entries(indexes).filter(([index]) => !needed.has(index as Digest)),
  ) as Story['graph'];
  return new Set([...closure(going, free)].filter((digest) => !needed.has(digest)));
}

/** What a plan comes to in a registry that holds these tags: nothing is lost that is not doomed. */
function assertHarmless(
  plan: RepositoryPlan,
  tags: ReadonlyMap<Tag, Digest | undefined>,
  graph: Story['graph'],
): void {
  const doomed = new Set(doomedTags(plan));
  const kept = [...tags].filter(([tag]) => !doomed.has(tag));
  const left = execute(tags, deletionsOf(plan));
  for (const [tag, digest] of kept) {
    assert.ok(left.tags.has(tag), `kept tag ${tag} has disappeared`);
    for (const needed of closure([digest], graph))
      assert.ok(!left.deleted.has(needed), `${needed} has been deleted, which ${tag} needs`);
  }
}

/** The tags as they are later; doomed ones have not moved (the step that deletes looks at each of them again). */
function laterTags(plan: RepositoryPlan, { later, content }: Story): ReadonlyMap<Tag, Digest | undefined> {
  const doomed = new Set(doomedTags(plan));
  return new Map(
    [...later.tags].map(([tag, digest]) => [tag, doomed.has(tag) ? content.tags.get(tag) : digest]),
  );
}

/** The changes that can come to a plan, one after the other and all at once. */
function revisionsOf({ struck, laterFile: environments, later: live, laterInUse: inUse }: Story): Revision[] {
  const all = { struck, environments, live };
  return [{ struck }, { environments }, { live }, all, { inUse }, { live, inUse }, { ...all, inUse }];
}

describe('any plan', () => {
  it('loses no kept tag and nothing that a kept index lists, and rids the registry of every doomed tag', () => {
    check([anyStory], (story) => {
      const plan = planOf(story);
      assertHarmless(plan, story.content.tags, story.graph);
      const left = execute(story.content.tags, deletionsOf(plan));
      for (const tag of doomedTags(plan)) assert.ok(!left.tags.has(tag), `doomed tag ${tag} is still there`);
    });
  });

  it('dooms exactly what the file dooms and no kept tag needs', () => {
    check([anyStory], (story) => {
      const { doomed, needed } = doomedWithReferrers(story);
      const expected = [...story.content.tags].filter(
        ([tag, digest]) => doomed.has(tag) && digest !== undefined && !needed.has(digest),
      );
      assert.deepEqual(
        doomedTags(planOf(story)),
        expected.map(([tag]) => tag),
      );
    });
  });

  it('where tags can be untied, dooms exactly what the file dooms, and loses nothing all the same', () => {
    check([anyStory], (story) => {
      const plan = planOf(story, true);
      const { doomed } = doomedWithReferrers(story);
      const expected = [...story.content.tags].flatMap(([tag, digest]) =>
        doomed.has(tag) && digest !== undefined ? tag : [],
      );
      assert.deepEqual(doomedTags(plan), expected);
      assertHarmless(plan, story.content.tags, story.graph);
      const left = execute(story.content.tags, deletionsOf(plan));
      for (const tag of expected) assert.ok(!left.tags.has(tag), `doomed tag ${tag} is still there`);
      const needless = deletionsOf(plan).filter(({ digest, manifestStays }) => {
        const kept = [...story.content.tags].filter(([tag]) => !expected.includes(tag));
        const needed = closure(
          kept.map(([, digest]) => digest),
          story.graph,
        );
        return manifestStays !== undefined && !needed.has(digest);
      });
      assert.deepEqual(needless, [], 'no manifest stays that nothing needs');
    });
  });

  it('leaves everything that is in use, whether tags can be untied or not', () => {
    check([anyStory, fc.boolean()], (story, unties) => {
      const { content, inUse } = story;
      const plan = planOf(story, unties);
      const left = execute(content.tags, deletionsOf(plan));
      for (const [tag, digest] of content.tags)
        if (isInUse(tag, { digest, inUse, graph: content.indexes })) {
          assert.ok(left.tags.has(tag), `${tag} has disappeared, which is in use`);
          for (const needed of closure([digest], story.graph)) assert.ok(!left.deleted.has(needed));
        }
    });
  });

  it('where tags can be untied, loses nothing after any change either', () => {
    check([anyStory], (story) => {
      const plan = planOf(story, true);
      for (const revision of revisionsOf(story)) {
        const revised = revisePlan(plan, revision);
        const tags = revision.live ? laterTags(revised, story) : story.content.tags;
        assertHarmless(revised, tags, story.graph);
        const byOtherRoute = revisePlan(plan, { ...revision, unties: false });
        assert.ok(deletionsOf(byOtherRoute).every(({ manifestStays }) => manifestStays === undefined));
        assertHarmless(byOtherRoute, revision.live ? laterTags(byOtherRoute, story) : tags, story.graph);
      }
    });
  });

  it('has every tag of the registry once, in its order, with its digest', () => {
    check([anyStory], (story) => {
      const listed = planOf(story).tags.map(({ tag, digest }) => [tag, digest]);
      assert.deepEqual(listed, [...story.content.tags]);
    });
  });

  it('deletes every digest once, for all doomed tags on it', () => {
    check([anyStory], (story) => {
      const plan = planOf(story);
      const deletions = deletionsOf(plan);
      assert.equal(new Set(deletions.map(({ digest }) => digest)).size, deletions.length);
      assert.deepEqual(deletions.flatMap(({ tags }) => tags).sort(), [...doomedTags(plan)].sort());
    });
  });
});

describe('any revision of a plan', () => {
  it('only ever takes deletions away', () => {
    check([anyStory], (story) => {
      const plan = planOf(story);
      const before = new Set(doomedTags(plan));
      for (const revision of revisionsOf(story)) {
        const revised = revisePlan(plan, revision);
        for (const tag of doomedTags(revised)) assert.ok(before.has(tag), `${tag} was kept and is doomed`);
        for (const { tag, digest, fate } of revised.tags)
          if (fate === 'delete') assert.equal(digest, story.content.tags.get(tag));
      }
    });
  });

  it('changes nothing when it is made again, and dooms no more when it is made piece by piece', () => {
    check([anyStory], (story) => {
      const plan = planOf(story);
      for (const revision of revisionsOf(story)) {
        const revised = revisePlan(plan, revision);
        assert.deepEqual(revisePlan(revised, revision), revised);
      }
      const [struck = {}, file = {}, live = {}, all = {}] = revisionsOf(story);
      const stepwise = revisePlan(revisePlan(revisePlan(plan, struck), file), live);
      const atOnce = new Set(doomedTags(revisePlan(plan, all)));
      for (const tag of doomedTags(stepwise)) assert.ok(atOnce.has(tag), `${tag} is doomed piece by piece`);
    });
  });

  it('keeps what was struck, and what the file retains or no longer names', () => {
    check([anyStory], (story) => {
      const revised = revisePlan(planOf(story), { struck: story.struck, environments: story.laterFile });
      const doomed = doomedTags(revised);
      assert.deepEqual(
        doomed.filter((tag) => story.struck.has(tag)),
        [],
      );
      const later = new Set(doomedByFile({ ...story, file: story.laterFile }));
      for (const tag of doomed)
        assert.ok(later.has(tag) || subjectOf(tag), `${tag} is not doomed by the later file`);
    });
  });

  it('leaves everything that is in use later', () => {
    check([anyStory, fc.boolean()], (story, unties) => {
      const plan = planOf(story, unties);
      for (const revision of revisionsOf(story)) {
        if (revision.inUse === undefined) continue;
        const revised = revisePlan(plan, revision);
        const tags = revision.live ? laterTags(revised, story) : story.content.tags;
        const doomed = new Set(doomedTags(revised));
        for (const [tag, digest] of tags)
          if (isInUse(tag, { digest, inUse: revision.inUse, graph: revised.indexes }))
            assert.ok(!doomed.has(tag), `${tag} is in use`);
      }
    });
  });

  it('loses nothing of what the registry holds later, tags pushed and moved since included', () => {
    check([anyStory], (story) => {
      const plan = planOf(story);
      for (const revision of revisionsOf(story)) {
        if (revision.live === undefined) continue;
        const revised = revisePlan(plan, revision);
        assertHarmless(revised, laterTags(revised, story), story.graph);
      }
    });
  });

  it('keeps the order of the tags, new ones last', () => {
    check([anyStory], (story) => {
      const known = [...story.content.tags.keys()];
      const pushed = [...story.later.tags.keys()].filter((tag) => !story.content.tags.has(tag));
      const plan = planOf(story);
      for (const revision of revisionsOf(story)) {
        const order = revisePlan(plan, revision).tags.map(({ tag }) => tag);
        assert.deepEqual(order, revision.live ? [...known, ...pushed] : known);
      }
    });
  });
});

describe('the random stories', () => {
  /** Whether, by one of these stories, something is lost that must be left. */
  function isCaught(plan: (story: Story) => RepositoryPlan): boolean {
    return fc.sample(anyStory, { seed: 1, numRuns: 2000 }).some((story) => {
      const { content, inUse, graph } = story;
      const doomed = new Set(doomedTags(plan(story)));
      try {
        assertHarmless(plan(story), content.tags, graph);
        for (const [tag, digest] of content.tags)
          assert.ok(!doomed.has(tag) || !isInUse(tag, { digest, inUse, graph: content.indexes }));
        return false;
      } catch (error) {
        if (error instanceof assert.AssertionError) return true;
        throw error;
      }
    });
  }

  for (const removed of protectionRules)
    it(`tell that the rule "${removed.name}" is missing`, () => {
      const rules = protectionRules.filter((rule) => rule !== removed);
      assert.equal(
        isCaught(({ content, file, inUse }) => planRepository(content, file, { inUse })),
        false,
      );
      assert.equal(
        isCaught(({ content, file, inUse }) => planRepository(content, file, { inUse, rules })),
        true,
      );
    });

  it('are not all harmless: each rule, each fate and each kind of change occurs', () => {
    const seen = new Set<string>();
    for (const story of fc.sample(anyStory, { seed: 1, numRuns: 300 })) {
      const plan = planOf(story);
      const revised = revisePlan(plan, { live: story.later });
      for (const { fate, rule } of plan.tags) seen.add(rule ?? fate);
      for (const { fate } of revisePlan(plan, { struck: story.struck }).tags) seen.add(fate);
      if (doomedTags(revised).length < doomedTags(plan).length) seen.add('newly protected by a later look');
      if (deletionsOf(plan).some(({ tags }) => tags.length > 1)) seen.add('doomed twins');
      if (Object.keys(plan.indexes).length > 1) seen.add('several indexes');
    }
    const rules = [...protectionRules.map(({ name }) => name), 'unreadable'];
    const fates = ['delete', 'retain', 'struck', 'unrecognised', 'other'];
    const changes = ['newly protected by a later look', 'doomed twins', 'several indexes'];
    for (const kind of [...rules, ...fates, ...changes]) assert.ok(seen.has(kind), `never: ${kind}`);
  });
});
