import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseImageReference } from '../../src/domain/image-reference.ts';
import { digest } from './builders.ts';

const D = digest('image');
const hex = D.slice('sha256:'.length);

/** Name, and what it says: repository, tag and digest. */
const understood: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'domino-a:31': ['domino-a', '31'],
  'domino-a': ['domino-a', 'latest'],
  'dominodatalab/environment:x-7': ['dominodatalab/environment', 'x-7'],
  'docker-registry:5000/domino-a:31': ['domino-a', '31'],
  'docker-registry:5000/domino-a': ['domino-a', 'latest'],
  'localhost/domino-a:31': ['domino-a', '31'],
  'Registry/domino-a:31': ['domino-a', '31'],
  'registry.example.com/cache/dominodatalab/environment:x-7': ['cache/dominodatalab/environment', 'x-7'],
  // No host, but a path: nothing in it tells a host.
  'docker-registry/domino-a:31': ['docker-registry/domino-a', '31'],
  '[fd00::1]:5000/domino-a:31': ['domino-a', '31'],
  [`10.0.0.1:5000/domino-a@${D}`]: ['domino-a', undefined, D],
  [`domino-a:31@${D}`]: ['domino-a', '31', D],
  [`docker-pullable://docker-registry:5000/domino-a@${D}`]: ['domino-a', undefined, D],
  [D]: [undefined, undefined, D],
  [`docker://${D}`]: [undefined, undefined, D],
  [hex]: [undefined, undefined, D],
  // A tag that looks like a digest is one all the same.
  [`sha256:${hex.slice(1)}`]: ['sha256', hex.slice(1)],
};

const nonsense = [
  '',
  ':31',
  '/domino-a:31',
  'Domino-a:31',
  'domino-a:',
  'domino-a:-31',
  `domino-a:${'1'.repeat(129)}`,
  'domino-a@31',
  `domino-a@${D}@${D}`,
  `@${D}`,
  'domino-a:31:32',
  'host:port/domino-a:31',
  'host name.com/domino-a:31',
  'example.com/',
];

describe('the name of an image', () => {
  for (const [name, [repository, tag, digest]] of Object.entries(understood))
    it(`is understood: ${name}`, () =>
      assert.deepEqual(parseImageReference(name), { repository, tag, digest }));

  for (const name of nonsense)
    it(`is none: ${JSON.stringify(name)}`, () => assert.equal(parseImageReference(name), undefined));
});
