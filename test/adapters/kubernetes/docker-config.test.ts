import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCredentials } from '../../../src/adapters/kubernetes/docker-config.ts';

const REGISTRY = 'docker-registry:5000';
const filled = { username: 'domino-registry', password: 's3:cret' };
const other = { username: 'other', password: 'other' };

function look(auths: unknown, registry = REGISTRY) {
  return findCredentials(JSON.stringify({ auths }), registry);
}

describe('the entry of a registry', () => {
  const found: [string, Record<string, unknown>][] = [
    ['the host as it stands', { [REGISTRY]: filled, 'docker-registry': other }],
    ['the host with a scheme', { [`https://${REGISTRY}`]: filled, 'docker-registry': other }],
    ['the host with Docker’s path', { [`http://${REGISTRY}/v1/`]: filled, 'quay.io': other }],
    ['the host in other letters', { 'Docker-Registry:5000': filled, 'quay.io': other }],
    ['the host without a port', { 'docker-registry': filled, 'quay.io': other }],
    ['the host with another port', { 'docker-registry:80': filled, 'quay.io': other }],
    ['the only one there is', { 'docker-registry.domino-platform.svc': filled }],
  ];
  for (const [name, auths] of found)
    test(`may be ${name}`, () => assert.deepEqual(look(auths), { found: true, credentials: filled }));

  test('may hold user and password in base64; a password may hold a colon', () => {
    const auth = Buffer.from('domino-registry:s3:cret').toString('base64');
    assert.deepEqual(look({ [REGISTRY]: { auth } }), { found: true, credentials: filled });
  });
});

describe('no credentials', () => {
  const faults: [string, string, RegExp][] = [
    ['no JSON', 'nonsense', /no "auths"/],
    ['no auths', '{}', /no "auths"/],
    ['auths of another kind', '{"auths":["secret"]}', /no "auths"/],
    ['other hosts only', JSON.stringify({ auths: { a: other, b: other } }), /no entry for .*: a, b\)/],
    ['an empty entry', JSON.stringify({ auths: { [REGISTRY]: {} } }), /no user and password/],
    ['a user only', JSON.stringify({ auths: { [REGISTRY]: { auth: 'c2VjcmV0' } } }), /no user and password/],
    [
      'an empty password',
      JSON.stringify({ auths: { [REGISTRY]: { auth: 'dTo=' } } }),
      /no user and password/,
    ],
  ];
  for (const [name, json, expected] of faults)
    test(`when there is ${name}: told without the content`, () => {
      const lookup = findCredentials(json, REGISTRY);
      assert.ok(!lookup.found);
      assert.match(lookup.why, expected);
      assert.doesNotMatch(lookup.why, /secret|c2VjcmV0|dTo/);
    });
});
