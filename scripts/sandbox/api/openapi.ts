import { apiVersion, type Resource, resources } from './resources.ts';

/**
 * As much of the API's OpenAPI description as kubectl reads before it sends an object: that the server
 * checks fields itself. Undefined for a path that is not about OpenAPI.
 */
export function openApi(path: string): object | undefined {
  if (path === '/openapi/v3') {
    const paths = new Set(resources.map(groupPath));
    return {
      paths: Object.fromEntries(
        [...paths].map((group) => [group, { serverRelativeURL: `/openapi/v3/${group}` }]),
      ),
    };
  }
  const described = resources.filter((resource) => path === `/openapi/v3/${groupPath(resource)}`);
  if (described.length === 0) return undefined;
  const info = { title: 'docker-registry-cleaner sandbox', version: 'v1' };
  return { openapi: '3.0.0', info, paths: Object.fromEntries(described.map(describe)) };
}

function groupPath(resource: Resource): string {
  return `${resource.group === '' ? 'api' : 'apis'}/${apiVersion(resource)}`;
}

function describe(resource: Resource): [string, object] {
  const { group, version, kind, plural, namespaced } = resource;
  const place = `/${groupPath(resource)}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}/{name}`;
  const parameters = [
    { name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } },
  ];
  return [place, { patch: { parameters, 'x-kubernetes-group-version-kind': { group, version, kind } } }];
}
