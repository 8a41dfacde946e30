/** The adapter as its tests want it. */
import { createDirectDialer } from '../../../../src/adapters/oci/direct-dialer.ts';
import { createOciRegistry, type OciRegistryOptions } from '../../../../src/adapters/oci/registry.ts';
import type { Repository, Tag } from '../../../../src/domain/names.ts';
import type { Dialer, Registry, RegistryContent } from '../../../../src/ports.ts';
import { errorAnswer, type ScriptLine } from '../../../support/script.ts';

export const PASSWORD = 'p4ss:w0rd with "quotes"';
export const REPOSITORY = 'some/repository' as Repository;
export const MANIFESTS = '/v2/some/repository/manifests';
export const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX = 'application/vnd.oci.image.index.v1+json';
export const tag = (text: string) => text as Tag;

interface OpenRegistry extends AsyncDisposable {
  readonly registry: Registry & RegistryContent;
  /** Aborts the run. */
  readonly control: AbortController;
}

/** Connections to `127.0.0.1:port`. */
export function dialerTo(host: string): Dialer {
  const { hostname, port } = new URL(`http://${host}`);
  return createDirectDialer({ host: hostname, port: Number(port), connectTimeoutMs: 10_000 });
}

/** Speaks to a server; its connections go when it is disposed of. */
export function open(host: string, changes: Partial<OciRegistryOptions> = {}): OpenRegistry {
  const control = new AbortController();
  const registry = createOciRegistry({
    registry: host,
    credentials: { username: 'ann', password: PASSWORD },
    tls: undefined,
    dialer: dialerTo(host),
    concurrency: 8,
    run: 'run-1',
    routeName: 'direct',
    signal: control.signal,
    ...changes,
  });
  return { registry, control, [Symbol.asyncDispose]: () => registry.close() };
}

/** An image under a tag, as a HEAD shows it. */
export function imageAt(reference: string, digest: string): ScriptLine {
  const headers = { 'content-type': IMAGE, 'docker-content-digest': digest };
  return { method: 'HEAD', path: `${MANIFESTS}/${reference}`, answer: { headers } };
}

/** What a registry answers where it has no such manifest, by HEAD and by GET. */
export function nothingAt(reference: string): ScriptLine[] {
  const path = `${MANIFESTS}/${reference}`;
  return ['HEAD', 'GET'].map((method) => ({ method, path, answer: errorAnswer(404, 'MANIFEST_UNKNOWN') }));
}

/** A time limit for what a failing test must not wait for for ever. */
export function timeLimit(): AbortSignal {
  return AbortSignal.timeout(120_000);
}
