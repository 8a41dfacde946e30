import { openApi } from './openapi.ts';
import { apiVersion, type Resource, resources } from './resources.ts';

const version = { major: '1', minor: '36', gitVersion: 'v1.36.2', platform: 'linux/amd64' };

/** Subresources that are spoken with over WebSockets. */
const streams: Readonly<Record<string, string>> = {
  exec: 'PodExecOptions',
  portforward: 'PodPortForwardOptions',
};

/** What the server says about itself; undefined for a path that is not about the server. */
export function discover(path: string): object | undefined {
  if (path === '/version') return version;
  if (path === '/healthz' || path === '/readyz' || path === '/livez') return { status: 'ok' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups() };
  if (path.startsWith('/openapi/')) return openApi(path);
  const [, group = '', groupVersion = ''] = /^\/(?:api|apis\/([^/]+))\/(v[^/]+)$/.exec(path) ?? [];
  const found = resources.filter((one) => one.group === group && one.version === groupVersion);
  const [first] = found;
  if (first === undefined) return undefined;
  const list = { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion(first) };
  return { ...list, resources: found.flatMap(describe) };
}

function groups(): object[] {
  const named = resources.filter(({ group }) => group !== '');
  const byName = new Map(named.map((resource) => [resource.group, resource]));
  return [...byName.values()].map((resource) => {
    const preferred = { groupVersion: apiVersion(resource), version: resource.version };
    return { name: resource.group, versions: [preferred], preferredVersion: preferred };
  });
}

function describe({
  plural,
  singular,
  kind,
  shortNames,
  namespaced,
  verbs,
  subresources,
}: Resource): object[] {
  const own = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames && { shortNames }),
  };
  const below = (subresources ?? []).map((name) => ({
    ...{ name: `${plural}/${name}`, singularName: '', namespaced },
    ...(name in streams ? { kind: streams[name], verbs: ['create', 'get'] } : { kind, verbs: ['get'] }),
  }));
  return [own, ...below];
}
