/** In a file of its own: a process reads the authorities of its system once. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { rootCertificates } from 'node:tls';
import { systemAuthorities } from '../../../src/adapters/kubernetes/authorities.ts';
import { startApiStub } from './support/api-stub.ts';
import { startConnectProxy } from './support/connect-proxy.ts';
import { connect, timeLimit } from './support/connection.ts';

const onWindowsOrMac = process.platform === 'win32' || process.platform === 'darwin';

test('an authority of the system is trusted where the kubeconfig names none', {
  skip: onWindowsOrMac && 'the system cannot be told of another authority',
}, async () => {
  await using api = await startApiStub({ answer: () => ({ body: { metadata: { uid: 'cluster-1' } } }) });
  const [{ cluster }] = JSON.parse(await readFile(api.kubeconfig, 'utf8')).clusters;
  const file = `${api.kubeconfig}.crt`;
  await writeFile(file, atob(cluster['certificate-authority-data']));
  process.env['SSL_CERT_FILE'] = file;
  const path = await api.writeConfig('system', { cluster: { 'certificate-authority-data': undefined } });

  await using proxy = await startConnectProxy();
  for (const environment of [{}, { HTTPS_PROXY: proxy.url }]) {
    const connection = await connect(path, { environment });
    assert.equal((await connection.cluster.identity(timeLimit())).uid, 'cluster-1');
  }
  assert.equal(proxy.tunnels.length, 1);

  const trusted = systemAuthorities() ?? [];
  assert.ok(rootCertificates.every((root) => trusted.includes(root)));
  const other = await api.writeConfig('other', {
    cluster: { 'certificate-authority-data': btoa(rootCertificates[0] ?? '') },
  });
  const untrusting = await connect(other);
  await assert.rejects(untrusting.cluster.identity(timeLimit()), /not signed by an authority/);
});
