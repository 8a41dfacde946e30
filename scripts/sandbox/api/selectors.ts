import type { KubeObject } from '../cluster/objects.ts';
import { badRequest } from './status.ts';

/** Fields that a field selector may name, beside `metadata.name` and `metadata.namespace`. */
const selectableFields: Readonly<Record<string, readonly string[]>> = {
  pods: ['status.phase', 'spec.nodeName', 'spec.restartPolicy', 'status.podIP'],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'reason',
    'type',
  ],
  secrets: ['type'],
};

type Predicate = (object: KubeObject) => boolean;

/** What a list's or watch's `fieldSelector` and `labelSelector` let through. */
export function selectorOf(resource: string, query: URLSearchParams): Predicate {
  const fields = fieldSelector(resource, query.get('fieldSelector') ?? '');
  const labels = labelSelector(query.get('labelSelector') ?? '');
  return (object) => fields(object) && labels(object);
}

function fieldSelector(resource: string, text: string): Predicate {
  const terms = text.split(',').filter((term) => term !== '');
  const predicates = terms.map((term): Predicate => {
    const [, field = '', operator, wanted = ''] = /^([^!=]+)(==|!=|=)(.*)$/.exec(term) ?? [];
    const known = ['metadata.name', 'metadata.namespace', ...(selectableFields[resource] ?? [])];
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field || term}`);
    return (object) => (valueAt(object, field) === wanted) === (operator !== '!=');
  });
  return (object) => predicates.every((holds) => holds(object));
}

function valueAt(object: KubeObject, field: string): string {
  let value: unknown = object;
  for (const part of field.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
  return value === undefined ? '' : String(value);
}

/** Equality and set-based terms: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`. */
function labelSelector(text: string): Predicate {
  const terms = text.match(/[^,(]+(\([^)]*\))?/g) ?? [];
  const predicates = terms.map((term) => labelTerm(term.trim()));
  return ({ metadata }) => predicates.every((holds) => holds(metadata.labels ?? {}));
}

function labelTerm(term: string): (labels: Record<string, string>) => boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '') === (operator === 'in');
  }
  const equality = /^([^!=\s]+)\s*(==|!=|=)\s*(\S*)$/.exec(term);
  if (equality !== null) {
    const [, key = '', operator, value] = equality;
    return (labels) => (labels[key] === value) === (operator !== '!=');
  }
  const presence = /^(!?)([^!=\s]+)$/.exec(term);
  if (presence === null) throw badRequest(`unable to parse requirement: ${term}`);
  const [, not, key = ''] = presence;
  return (labels) => key in labels === (not === '');
}
