/** Reads registry credentials out of a `kubernetes.io/dockerconfigjson` Secret (Docker's `config.json`). */
import { isObject, parseObject } from '../../domain/json.ts';
import type { Credentials } from '../../ports.ts';

/** What was found for a registry; or why nothing was, without quoting any of the content. */
export type CredentialLookup =
  | { readonly found: true; readonly credentials: Credentials }
  | { readonly found: false; readonly why: string };

interface AuthEntry {
  readonly username?: unknown;
  readonly password?: unknown;
  /** Base64 of `user:password`. */
  readonly auth?: unknown;
}

/** @param registry the registry's `host[:port]`. */
export function findCredentials(dockerConfigJson: string, registry: string): CredentialLookup {
  const auths = parseAuths(dockerConfigJson);
  if (auths === undefined) return { found: false, why: 'its .dockerconfigjson has no "auths"' };
  const entry = pickEntry(auths, registry);
  if (entry === undefined) {
    const hosts = [...auths.keys()].join(', ') || 'none';
    return { found: false, why: `it has no entry for ${registry} (the hosts in it: ${hosts})` };
  }
  const credentials = readEntry(entry);
  return credentials === undefined
    ? { found: false, why: `its entry for ${registry} holds no user and password` }
    : { found: true, credentials };
}

function parseAuths(text: string): Map<string, AuthEntry> | undefined {
  const auths = parseObject(text)?.['auths'];
  if (!isObject(auths)) return undefined;
  return new Map(Object.entries(auths).filter((pair): pair is [string, AuthEntry] => isObject(pair[1])));
}

/** The host as it stands; else the same host written otherwise; else the same host on any port; else the only one. */
function pickEntry(auths: ReadonlyMap<string, AuthEntry>, registry: string): AuthEntry | undefined {
  const wanted = bareHost(registry);
  const entries = [...auths];
  const find = (matches: (host: string) => boolean) => entries.find(([host]) => matches(host))?.[1];
  return (
    auths.get(registry) ??
    find((host) => bareHost(host) === wanted) ??
    find((host) => withoutPort(bareHost(host)) === withoutPort(wanted)) ??
    (entries.length === 1 ? entries[0]?.[1] : undefined)
  );
}

/** `https://Host:5000/v1/` is `host:5000`, as Docker itself has written it over the years. */
function bareHost(key: string): string {
  return key
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '');
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '');
}

function readEntry({ username, password, auth }: AuthEntry): Credentials | undefined {
  if (isFilled(username) && isFilled(password)) return { username, password };
  if (!isFilled(auth)) return undefined;
  const decoded = Buffer.from(auth, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  const [user, secret] = [decoded.slice(0, Math.max(colon, 0)), decoded.slice(colon + 1)];
  return isFilled(user) && isFilled(secret) ? { username: user, password: secret } : undefined;
}

function isFilled(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
