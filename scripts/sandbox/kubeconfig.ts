import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { generate } from 'selfsigned';

/** Name of the context, the cluster and the user in the kubeconfig. */
export const contextName = 'docker-registry-cleaner-sandbox';

/** What only this sandbox and its kubeconfig know. */
export interface Identity {
  readonly token: string;
  readonly tls: { readonly key: string; readonly cert: string };
}

/** A random bearer token, and a certificate for 127.0.0.1 that is its own authority. */
export async function createIdentity(): Promise<Identity> {
  const tomorrow = new Date(Date.now() + 24 * 3600 * 1000);
  const { private: key, cert } = await generate(
    [{ name: 'commonName', value: 'docker-registry-cleaner sandbox' }],
    {
      keyType: 'ec',
      notAfterDate: tomorrow,
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames: [
            { type: 7, ip: '127.0.0.1' },
            { type: 2, value: 'localhost' },
          ],
        },
      ],
    },
  );
  return { token: randomBytes(24).toString('base64url'), tls: { key, cert } };
}

/** Writes a kubeconfig (as JSON, which is YAML too) that only its owner may read. */
export function writeKubeconfig(
  path: string,
  { port, identity }: { readonly port: number; readonly identity: Identity },
): void {
  const name = contextName;
  const authority = Buffer.from(identity.tls.cert).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': authority } },
    ],
    users: [{ name, user: { token: identity.token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'domino-platform' } }],
    'current-context': name,
  };
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}
