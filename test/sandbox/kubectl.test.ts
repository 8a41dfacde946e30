import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discover } from '../../scripts/sandbox/api/discovery.ts';
import { readAccessReview } from '../../scripts/sandbox/api/protobuf.ts';
import { tableOf } from '../../scripts/sandbox/api/table.ts';

/** A field of a protobuf message: its number and its bytes. */
function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

describe('what kubectl needs beyond the calls of a program', () => {
  it('is a review in the binary encoding, as `kubectl auth can-i` sends it', () => {
    const asked = { namespace: 'domino-platform', verb: 'create', resource: 'pods', subresource: 'exec' };
    const numbers = { namespace: 1, verb: 2, resource: 5, subresource: 6 } as const;
    const attributes = Object.entries(numbers).map(([name, number]) =>
      field(number, asked[name as keyof typeof asked]),
    );
    const review = Buffer.concat([field(1, ''), field(2, field(1, Buffer.concat(attributes)))]);
    const body = Buffer.concat([Buffer.from('k8s\0'), field(1, 'type'), field(2, review)]);
    assert.deepEqual(readAccessReview(body), { spec: { resourceAttributes: asked } });
  });

  it('is nothing else in that encoding', () => {
    assert.throws(() => readAccessReview(Buffer.from('{"spec":{}}')), { code: 400 });
    assert.throws(() => readAccessReview(Buffer.from('k8s\0\x12\x7f')), { code: 400 });
  });

  it('is a list of what there is', () => {
    assert.deepEqual(discover('/api'), {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [],
    });
    assert.partialDeepStrictEqual(discover('/apis/apps/v1'), {
      groupVersion: 'apps/v1',
      resources: [{ name: 'statefulsets', kind: 'StatefulSet', shortNames: ['sts'] }],
    });
    assert.equal(discover('/apis/policy/v1'), undefined);
  });

  it('is a table of what to print', () => {
    const metadata = { name: 'docker-registry', creationTimestamp: new Date().toISOString() };
    const set = {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata,
      spec: { replicas: 2 },
      status: { readyReplicas: 1 },
    };
    assert.partialDeepStrictEqual(tableOf('statefulsets', [set], '7'), {
      kind: 'Table',
      metadata: { resourceVersion: '7' },
      columnDefinitions: [{ name: 'Name' }, { name: 'Ready' }, { name: 'Age' }],
      rows: [{ cells: ['docker-registry', '1/2', '0s'], object: { metadata: { name: 'docker-registry' } } }],
    });
  });

  it('is told that the server checks the fields of an object itself', () => {
    const path = '/openapi/v3/apis/apps/v1';
    assert.partialDeepStrictEqual(discover('/openapi/v3'), {
      paths: { 'apis/apps/v1': { serverRelativeURL: path } },
    });
    const patch = { parameters: [{ name: 'fieldValidation' }] };
    const place = '/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}';
    assert.partialDeepStrictEqual(discover(path), { paths: { [place]: { patch } } });
  });
});
