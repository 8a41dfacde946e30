/** Certificates for servers of tests on 127.0.0.1, by a certificate authority that only this process knows. */
import { generate } from 'selfsigned';

/** What is right or wrong with a server's certificate. */
export type CertificateKind = 'valid' | 'wrong-name' | 'expired';

/** What a server on 127.0.0.1 needs to speak TLS; PEM. */
interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
  /** The authority that a client must trust. */
  readonly ca: string;
}

const DAY_MS = 86_400_000;

// Making a key takes a while: one of each for all tests of a process, and only once asked for.
let authority: ReturnType<typeof makeAuthority> | undefined;
const issued = new Map<CertificateKind, Promise<ServerCertificate>>();

/** A certificate of that kind; the same one for all servers of a process. */
export function certificateFor(kind: CertificateKind): Promise<ServerCertificate> {
  const known = issued.get(kind) ?? issue(kind);
  issued.set(kind, known);
  return known;
}

async function makeAuthority() {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'authority of this test' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return { key, cert };
}

async function issue(kind: CertificateKind): Promise<ServerCertificate> {
  authority ??= makeAuthority();
  const ca = await authority;
  const today = Date.now();
  const { private: key, cert } = await generate([{ name: 'commonName', value: `${kind} registry` }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca,
    notBeforeDate: new Date(today - 2 * DAY_MS),
    notAfterDate: new Date(kind === 'expired' ? today - DAY_MS : today + DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: kind === 'wrong-name' ? wrongNames : rightNames },
    ],
  });
  return { key, cert, ca: ca.cert };
}

const rightNames = [
  { type: 7 as const, ip: '127.0.0.1' },
  { type: 2 as const, value: 'localhost' },
];
const wrongNames = [{ type: 2 as const, value: 'another-registry.test' }];
