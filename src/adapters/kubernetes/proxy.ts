/**
 * Which proxy leads to the API server. `@kubernetes/client-node` honours a kubeconfig's `proxy-url` only; kubectl also
 * reads the environment, and so do we: the rules are those of Go's `httpproxy`, which kubectl uses, except that a
 * loopback address is no exception by itself (a tunnel to an API server often ends on one).
 */
import { BlockList, isIP } from 'node:net';
import { UsageError } from '../../domain/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The schemes that client-node can speak to a proxy. */
const SCHEMES = new Set(['http:', 'https:', 'socks:', 'socks4:', 'socks4a:', 'socks5:', 'socks5h:']);
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' };

/**
 * The proxy for `server` according to `HTTPS_PROXY` (`HTTP_PROXY` for a plain server), `ALL_PROXY` and `NO_PROXY`, in
 * upper or lower case; `undefined` for a direct connection.
 *
 * @throws UsageError when the variable holds no proxy's address. The message does not repeat it: it may hold a password.
 */
export function proxyFromEnvironment(server: URL, environment: Environment): string | undefined {
  const variables = [server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY', 'ALL_PROXY'];
  for (const variable of variables) {
    const value = read(environment, variable);
    if (value === '') continue;
    return isExempt(server, read(environment, 'NO_PROXY')) ? undefined : parseProxy(value, variable);
  }
  return undefined;
}

/** A proxy's address without its user and password. */
export function redactedProxy(proxy: string): string {
  if (!URL.canParse(proxy)) return 'an invalid address';
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}

function read(environment: Environment, variable: string): string {
  return (environment[variable] || environment[variable.toLowerCase()] || '').trim();
}

function parseProxy(value: string, variable: string): string {
  const text = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(text) && SCHEMES.has(new URL(text).protocol)) return text;
  throw new UsageError(`The environment variable ${variable} does not hold the address of a proxy.`, {
    next: 'It should look like http://proxy.example.org:3128 (http, https or socks).',
  });
}

/** `true` when one of the entries of `NO_PROXY`, separated by commas or blanks, covers the server. */
function isExempt(server: URL, noProxy: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = server.port || DEFAULT_PORTS[server.protocol];
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => covers(entry, host, port));
}

/** An entry is `*`, a CIDR, an address or a name, the latter two with or without a port. */
function covers(entry: string, host: string, port: string | undefined): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inSubnet(entry, host);
  if (isIP(entry) === 6) return sameAddress(entry, host);
  const [, name = '', wantedPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const bare = name.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0) return sameAddress(bare, host);
  return coversName(bare, host);
}

/** `corp` covers itself and everything below it; `.corp` and `*.corp` cover what is below. */
function coversName(pattern: string, host: string): boolean {
  const suffix = pattern.replace(/^\*?\./, '.');
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function sameAddress(one: string, other: string): boolean {
  const list = new BlockList();
  list.addAddress(one, family(one));
  return isIP(other) !== 0 && list.check(other, family(other));
}

function inSubnet(cidr: string, host: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/');
  const widest = isIP(network) === 6 ? 128 : 32;
  if (isIP(network) === 0 || isIP(host) === 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > widest)
    return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family(network));
  return list.check(host, family(host));
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
