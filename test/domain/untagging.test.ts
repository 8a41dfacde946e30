import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tag } from '../../src/domain/names.ts';
import {
  isMarker,
  type Ledger,
  ledgerManifest,
  lostTagManifest,
  markerTag,
  readLedger,
  readOwnManifest,
  TAGS_PER_LEDGER,
  tagsPerLedger,
  throwAwayManifest,
} from '../../src/domain/untagging.ts';
import { A, digest, tag } from './builders.ts';

const RUN = '20261123T100000Z-0000aa';
const ledger: Ledger = {
  marker: markerTag(RUN, 1),
  run: RUN,
  by: 'ann@laptop',
  since: '2026-11-23T10:00:00.000Z',
  tags: new Map([
    [tag(`${A}-2`), digest('two')],
    [tag(`${A}-1`), digest('one')],
    ['__proto__' as Tag, digest('odd')],
  ]),
};

describe('a ledger', () => {
  it('is read as it was written', () => {
    assert.deepEqual(
      new Map([...(readLedger(ledger.marker, ledgerManifest(ledger).text)?.tags ?? [])].sort()),
      new Map([...ledger.tags].sort()),
    );
    const { tags: _, ...rest } = ledger;
    const { tags: __, ...read } = readLedger(ledger.marker, ledgerManifest(ledger).text) ?? ledger;
    assert.deepEqual(read, rest);
  });

  it('has the same bytes whatever the order of its tags, so that writing it twice is harmless', () => {
    const turned = { ...ledger, tags: new Map([...ledger.tags].reverse()) };
    assert.deepEqual(ledgerManifest(turned), ledgerManifest(ledger));
  });

  it('stands under a tag that no revision can have', () => {
    assert.equal(ledger.marker, `registry-cleaner-${RUN}-1`);
    assert.equal(isMarker(ledger.marker), true);
    for (const other of ['registry-cleaner', `${A}-1`, 'registry-cleaner-x-1', `${ledger.marker}-debug`])
      assert.equal(isMarker(tag(other)), false);
    assert.throws(() => markerTag('not a run', 1), /not a run/);
  });

  it('is not taken from under another tag, nor from anything else', () => {
    const { text } = ledgerManifest(ledger);
    assert.equal(readLedger(markerTag(RUN, 2), text), undefined);
    for (const other of [
      '',
      '[]',
      '{}',
      text.replace('"manifests":[]', '"manifests":[{}]'),
      text.replace('image.index', 'image.manifest'),
      text.replace(/sha256:/, 'sha256;'),
      throwAwayManifest(ledger).text,
    ])
      assert.equal(readLedger(ledger.marker, other), undefined, other);
  });

  it('of as many tags as it may have stays far below what registries accept', () => {
    const tags = new Map(
      Array.from({ length: TAGS_PER_LEDGER }, (_, n) => [tag(`${A}-${100_000 + n}`), digest(`${n}`)]),
    );
    assert.ok(ledgerManifest({ ...ledger, tags }).text.length < 1024 * 1024);
  });
});

describe('the ledgers of a repository', () => {
  it('are a few for many tags, one for a few tags, and none of them is too large', () => {
    assert.deepEqual(
      [0, 1, 100, 101, 250, 400, 1000, 4000, 4001, 50_000].map((doomed) =>
        Math.ceil(doomed / tagsPerLedger(doomed)),
      ),
      [0, 1, 1, 2, 3, 4, 4, 4, 5, 50],
    );
  });
});

describe('a throw-away manifest', () => {
  it('is recognised, and names its ledger', () => {
    assert.deepEqual(readOwnManifest(throwAwayManifest(ledger).text), {
      kind: 'untied',
      marker: ledger.marker,
    });
    assert.deepEqual(readOwnManifest(lostTagManifest(tag('7')).text), { kind: 'lost' });
  });

  it('is one for each ledger, and for each tag without a manifest', () => {
    assert.notEqual(
      throwAwayManifest(ledger).text,
      throwAwayManifest({ ...ledger, marker: markerTag(RUN, 2) }).text,
    );
    assert.notEqual(lostTagManifest(tag('7')).text, lostTagManifest(tag('8')).text);
  });

  it('says to whoever finds it what it is', () => {
    assert.match(throwAwayManifest(ledger).text, /docker-registry-cleaner has untied this tag/);
    assert.match(ledgerManifest(ledger).text, /A later run finishes it/);
    assert.match(lostTagManifest(tag('7')).text, /lost the manifest/);
  });

  it('is not what a ledger or somebody else’s index is taken for', () => {
    assert.equal(readOwnManifest(ledgerManifest(ledger).text), undefined);
    const foreign = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
    assert.equal(readOwnManifest(JSON.stringify(foreign)), undefined);
  });
});
