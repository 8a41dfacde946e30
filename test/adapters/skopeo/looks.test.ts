import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readLooks } from '../../../src/adapters/skopeo/looks.ts';
import type { Repository } from '../../../src/domain/names.ts';

const WHERE = { registry: '127.0.0.1:33711', repository: 'dominodatalab/environment' as Repository };
const NAME = `${WHERE.registry}/${WHERE.repository}`;
const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const HEX = 'ca59f6c3004aa22d469d805582dac5da027f26e7f6ec9976c67a6d9a2684f617';
const OTHER = '6d29972b2904cdc513c053a7afc114c91676ed1ce196a11c2086d875a75af1dd';

// The lines as Skopeo 1.9.3 prints them.
const line = (message: string) => `time="2026-11-23T16:29:52Z" level=debug msg=${JSON.stringify(message)}`;
const trying = (tag: string) => line(`Trying to access "${NAME}:${tag}"`);
const mediaType = (type: string) => line(`Content-Type from manifest GET is "${type}"`);
const judging = (tag: string) => line(`IsRunningImageAllowed for image docker:${NAME}:${tag}`);
const reading = (hex: string, repository = WHERE.repository) =>
  line(`Reading /tmp/x/skopeo-run.1/signatures/${repository}@sha256=${hex}/signature-1`);
const section = (tag: string, hex = HEX) => [trying(tag), mediaType(IMAGE), judging(tag), reading(hex)];
const looks = (lines: readonly string[]) => Object.fromEntries(readLooks(lines.join('\n'), WHERE));
const image = (hex: string) => ({ digest: `sha256:${hex}`, mediaType: IMAGE });

describe('readLooks', () => {
  it('finds the image of each tag, twins among them', () => {
    assert.deepEqual(looks([...section('950'), ...section('404', OTHER), ...section('950-twin')]), {
      950: image(HEX),
      404: image(OTHER),
      '950-twin': image(HEX),
    });
  });

  it('leaves out a tag that is gone, and does not give it the next one’s digest', () => {
    const gone = [trying('404'), mediaType('application/json; charset=utf-8')];
    assert.deepEqual(looks([...gone, ...section('951', OTHER)]), { 951: image(OTHER) });
  });

  it('leaves out an index, and whatever is not known to be an image', () => {
    for (const type of [INDEX, 'application/vnd.docker.distribution.manifest.v1+prettyjws', '']) {
      assert.deepEqual(looks([trying('1'), mediaType(type), judging('1'), reading(HEX)]), {});
    }
  });

  it('leaves out a tag of which one line is missing, misplaced or there twice', () => {
    const whole = section('1');
    for (let missing = 0; missing < whole.length; missing++) {
      assert.deepEqual(looks(whole.toSpliced(missing, 1)), {}, `without ${whole[missing]}`);
    }
    assert.deepEqual(looks([trying('1'), mediaType(IMAGE), reading(HEX), judging('1')]), {});
    assert.deepEqual(looks([...whole, reading(OTHER)]), {});
    assert.deepEqual(looks([trying('1'), mediaType(IMAGE), ...whole.slice(1)]), {});
  });

  it('leaves out what belongs to another reference', () => {
    assert.deepEqual(looks([trying('1'), mediaType(IMAGE), judging('2'), reading(HEX)]), {});
    assert.deepEqual(
      looks([trying('1'), mediaType(IMAGE), judging('1'), reading(HEX, 'other' as Repository)]),
      {},
    );
    assert.deepEqual(
      looks(section('1').map((text) => text.replaceAll(WHERE.registry, 'elsewhere:5000'))),
      {},
    );
  });

  it('finds nothing in a log of another wording', () => {
    assert.deepEqual(looks(['', 'skopeo: not found', line('Judging 1 by sha256:…')]), {});
  });
});
