import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Meaning, printable, readFailure } from '../../../src/adapters/skopeo/prose.ts';

const DIGEST = 'sha256:f20c43161d73848408ef247f0ec7111b19fe58ffebc0cbcaa0d2c8bda4967268';
const HOST = 'docker-registry:5000';
// A repository and a tag that look like answers.
const NAME = `${HOST}/domino-x/t-404`;
const PARSING = `Error parsing image name "docker://${NAME}:t-401": `;
const READING = `${PARSING}reading manifest t-401 in ${NAME}: `;
const PINGING = `pinging container registry ${HOST}: `;
const LISTING = 'Error listing repository tags: ';
const FAILED_GET = `Failed to delete ${NAME}@${DIGEST}: `;
const FAILED_DELETE = `Failed to delete /v2/domino-x/t-404/manifests/${DIGEST}: `;
const DELETING = `deleting ${NAME}@${DIGEST}: `;
const TAGS = 'fetching tags list: ';
const json = (code: string, message: string) => `{"errors":[{"code":"${code}","message":"${message}"}]}`;

/** Printed by Skopeo 1.9.3. */
const OBSERVED: readonly (readonly [Meaning, string])[] = [
  ['missing', `${READING}manifest unknown`],
  ['missing', `${READING}manifest unknown: manifest unknown`],
  ['missing', `${READING}name unknown`],
  ['missing', `${LISTING}${TAGS}invalid status code from registry 404 (Not Found)`],
  [
    'missing',
    `Unable to delete ${NAME}@${DIGEST}. Image may not exist or is not stored with a v2 Schema in a v2 registry`,
  ],
  ['missing', `${FAILED_DELETE}${json('MANIFEST_UNKNOWN', 'manifest unknown')} (404 Not Found)`],
  ['unauthorized', `${READING}unauthorized`],
  ['unauthorized', `${READING}unauthorized: authentication required`],
  ['unauthorized', `${LISTING}unable to retrieve auth token: invalid username/password: unauthorized`],
  ['unauthorized', `${FAILED_GET}${json('UNAUTHORIZED', 'authentication required')} (401 Unauthorized)`],
  ['unauthorized', `logging into "${HOST}": invalid username/password`],
  ['forbidden', `${READING}denied`],
  ['forbidden', `${LISTING}${TAGS}invalid status code from registry 403 (Forbidden)`],
  [
    'forbidden',
    `${FAILED_GET}${json('DENIED', 'requested access to the resource is denied')} (403 Forbidden)`,
  ],
  [
    'forbidden',
    `authenticating creds for "${HOST}": ${PINGING}invalid status code from registry 403 (Forbidden)`,
  ],
  ['unsupported', `${READING}unsupported`],
  [
    'unsupported',
    `${FAILED_DELETE}${json('UNSUPPORTED', 'The operation is unsupported.')} (405 Method Not Allowed)`,
  ],
  ['unsupported', `${FAILED_DELETE}<html>x</html> (405 Method Not Allowed)`],
  ['temporary', `${READING}received unexpected HTTP status: 500 Internal Server Error`],
  ['temporary', `${READING}received unexpected HTTP status: 503 Service Unavailable`],
  ['temporary', `${LISTING}${TAGS}invalid status code from registry 502 (Bad Gateway)`],
  ['temporary', `${FAILED_DELETE} (504 Gateway Timeout)`],
  ['temporary', `${PARSING}${PINGING}invalid status code from registry 503 (Service Unavailable)`],
  ['temporary', `${PARSING}${PINGING}context deadline exceeded`],
  ['temporary', 'context deadline exceeded'],
  [
    'temporary',
    `${PARSING}Get "http://${HOST}/v2/domino-x/t-404/manifests/t-401": context deadline exceeded`,
  ],
  [
    'temporary',
    `Get "http://${HOST}/v2/t-404/manifests/${DIGEST}": read tcp 10.0.0.1:60260->10.0.0.2:5000: read: connection reset by peer`,
  ],
  ['temporary', `${PARSING}unexpected EOF`],
  ['temporary', 'unexpected EOF'],
  [
    'temporary',
    `${LISTING}${PINGING}Get "http://${HOST}/v2/": dial tcp 10.0.0.2:5000: connect: connection refused`,
  ],
  [
    'temporary',
    `${PINGING}Get "http://${HOST}/v2/": dial tcp: lookup docker-registry on 10.0.0.53:53: no such host`,
  ],
  ['other', `${PARSING}${PINGING}Get "https://${HOST}/v2/": http: server gave HTTP response to HTTPS client`],
  ['other', `${READING}digest invalid`],
  ['other', `${FAILED_GET}${json('DIGEST_INVALID', 'provided digest did not match')} (400 Bad Request)`],
  ['other', `${READING}StatusCode: 404, <html>x</html>`],
  ['other', `${LISTING}invalid character 'o' in literal null (expecting 'u')`],
  // Not even the API is there: no repository is missing.
  ['other', `${LISTING}${PINGING}invalid status code from registry 404 (Not Found)`],
];

/** The wording of later versions, from the sources of containers/image 5.36. */
const LATER: readonly (readonly [Meaning, string])[] = [
  ['missing', `${LISTING}${TAGS}repository name not known to registry`],
  ['missing', `${LISTING}${TAGS}name unknown: repository name not known to registry`],
  ['missing', `${DELETING}manifest unknown`],
  ['unauthorized', `${DELETING}authentication required`],
  ['forbidden', `${DELETING}requested access to the resource is denied`],
  ['unsupported', `${DELETING}The operation is unsupported.`],
  ['unsupported', `${DELETING}unsupported: deletion is disabled`],
  ['unsupported', `${DELETING}StatusCode: 405, "<html>x</html>"`],
  ['temporary', `${LISTING}${TAGS}received unexpected HTTP status: 503 Service Unavailable`],
  ['temporary', `${READING}too many requests to registry`],
  ['temporary', `${DELETING}toomanyrequests: slow down`],
  [
    'other',
    `${PARSING}${PINGING}Get "https://${HOST}/v2/": tls: failed to verify certificate: x509: unknown authority`,
  ],
];

const logged = (message: string) =>
  `time="2026-11-23T16:09:08Z" level=fatal msg=${JSON.stringify(message)}\n`;

describe('what Skopeo means', () => {
  for (const [meaning, message] of [...OBSERVED, ...LATER]) {
    it(`${meaning}: ${message}`, () => {
      assert.equal(readFailure({ status: 1, stderr: logged(message) }).meaning, meaning);
    });
  }

  it('is not read out of names', () => {
    for (const name of ['401', '403', '404', '405', '503', 'unauthorized', 'denied', 'manifest-unknown']) {
      const message = `Error parsing image name "docker://r:5000/${name}:${name}": reading manifest ${name} in r:5000/${name}: tag invalid`;
      assert.equal(readFailure({ status: 1, stderr: logged(message) }).meaning, 'other', message);
    }
  });

  it('is the last fatal line, without the form of the log', () => {
    const stderr = `time="x" level=warning msg="a \\"b\\""\n${logged(`${READING}manifest unknown`)}`;
    assert.deepEqual(readFailure({ status: 1, stderr }), { meaning: 'missing', reason: 'manifest unknown' });
  });

  it('tells a missing or killed Skopeo by its exit status', () => {
    const notFound = readFailure({ status: 127, stderr: 'sh: 1: skopeo: not found\n' });
    assert.deepEqual(notFound, { meaning: 'other', reason: 'sh: 1: skopeo: not found' });
    assert.equal(readFailure({ status: 137, stderr: '' }).meaning, 'temporary');
    assert.match(readFailure({ status: 2, stderr: '' }).reason, /status 2/);
  });

  it('is shown on one short line, without control characters', () => {
    const { reason } = readFailure({
      status: 1,
      stderr: logged(`\u001b[31mred\n\u202eevil ${'x'.repeat(5_000)}`),
    });
    assert.match(reason, /^\[31mred evil x+…$/);
    assert.ok(reason.length < 310);
    assert.equal(printable('a\u0000\u0007b'), 'a b');
  });
});
