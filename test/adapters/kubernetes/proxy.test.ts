import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { proxyFromEnvironment, redactedProxy } from '../../../src/adapters/kubernetes/proxy.ts';
import { UsageError } from '../../../src/domain/errors.ts';

const server = new URL('https://api.corp.example.org:6443');
const HTTPS_PROXY = 'http://proxy:3128';

function proxyFor(url: string, environment: Record<string, string>): string | undefined {
  return proxyFromEnvironment(new URL(url), environment);
}

describe('the proxy that the environment names', () => {
  const cases: [string, Record<string, string>, string | undefined][] = [
    ['none', {}, undefined],
    ['in upper case', { HTTPS_PROXY }, HTTPS_PROXY],
    ['in lower case', { https_proxy: HTTPS_PROXY }, HTTPS_PROXY],
    ['empty in upper case, set in lower', { HTTPS_PROXY: '', https_proxy: HTTPS_PROXY }, HTTPS_PROXY],
    ['for everything', { ALL_PROXY: 'socks5://proxy:1080' }, 'socks5://proxy:1080'],
    ['for HTTPS before that for everything', { ALL_PROXY: 'http://other', HTTPS_PROXY }, HTTPS_PROXY],
    ['for plain HTTP only', { HTTP_PROXY: HTTPS_PROXY }, undefined],
    ['without a scheme', { HTTPS_PROXY: 'proxy:3128' }, 'http://proxy:3128'],
  ];
  for (const [name, environment, expected] of cases)
    test(name, () => assert.equal(proxyFromEnvironment(server, environment), expected));

  test('serves a plain server by HTTP_PROXY', () =>
    assert.equal(proxyFor('http://localhost:8001', { HTTP_PROXY: HTTPS_PROXY }), HTTPS_PROXY));

  for (const value of ['http://', 'ftp://proxy:21', 'http://user:secret@pro xy'])
    test(`is refused when it is ${value}, without repeating it`, () =>
      assert.throws(
        () => proxyFromEnvironment(server, { HTTPS_PROXY: value }),
        (error) =>
          error instanceof UsageError && /HTTPS_PROXY/.test(error.message) && !/secret/.test(error.message),
      ));
});

describe('NO_PROXY', () => {
  const direct: [string, string][] = [
    ['*', 'https://anything'],
    ['api.corp.example.org', 'https://api.corp.example.org'],
    ['API.Corp.Example.org', 'https://api.corp.example.org'],
    ['corp.example.org', 'https://api.corp.example.org'],
    ['corp.example.org', 'https://corp.example.org'],
    ['.corp.example.org', 'https://api.corp.example.org'],
    ['*.corp.example.org', 'https://api.corp.example.org'],
    ['other, corp.example.org', 'https://api.corp.example.org'],
    ['other corp.example.org', 'https://api.corp.example.org'],
    ['corp.example.org:6443', 'https://api.corp.example.org:6443'],
    ['corp.example.org:443', 'https://api.corp.example.org'],
    ['10.1.2.3', 'https://10.1.2.3:6443'],
    ['10.1.2.3:6443', 'https://10.1.2.3:6443'],
    ['10.0.0.0/8', 'https://10.1.2.3'],
    ['::1', 'https://[::1]:6443'],
    ['[::1]:6443', 'https://[::1]:6443'],
    ['0:0:0:0:0:0:0:1', 'https://[::1]'],
    ['fd00::/8', 'https://[fd12::1]'],
  ];
  for (const [noProxy, url] of direct)
    test(`${noProxy} exempts ${url}`, () =>
      assert.equal(proxyFor(url, { HTTPS_PROXY, NO_PROXY: noProxy }), undefined));

  const proxied: [string, string][] = [
    ['', 'https://anything'],
    ['.corp.example.org', 'https://corp.example.org'],
    ['example.org', 'https://badexample.org'],
    ['corp.example.org:443', 'https://api.corp.example.org:6443'],
    ['10.1.2.3:443', 'https://10.1.2.3:6443'],
    ['10.0.0.0/16', 'https://10.1.2.3'],
    ['10.0.0.0/99', 'https://10.1.2.3'],
    ['10.0.0.0/8', 'https://ten.example.org'],
    ['10.1.2.3', 'https://ten.example.org'],
    ['fd00::/8', 'https://10.1.2.3'],
    ['localhost', 'https://127.0.0.1:6443'],
  ];
  for (const [noProxy, url] of proxied)
    test(`"${noProxy}" does not exempt ${url}`, () =>
      assert.equal(proxyFor(url, { HTTPS_PROXY, NO_PROXY: noProxy }), HTTPS_PROXY));

  test('is also read in lower case', () =>
    assert.equal(proxyFor('https://a.corp', { HTTPS_PROXY, no_proxy: 'corp' }), undefined));
});

test('a proxy is shown without its user and password', () =>
  assert.equal(redactedProxy('http://user:secret@proxy:3128/x'), 'http://proxy:3128'));
