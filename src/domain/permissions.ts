/** One thing that the program must be allowed to do, as a rule of a Role names it. */
export interface Permission {
  readonly verb: string;
  /** API group; empty for the core group. */
  readonly group: string;
  /** Plural resource, with its subresource: `pods`, `pods/exec`. */
  readonly resource: string;
  /** Empty for cluster-scoped resources. */
  readonly namespace: string;
  /** Restricts the rule to one object; `undefined` where Kubernetes cannot (create, list). */
  readonly name?: string;
  /** What the program needs it for, in a few words. */
  readonly why: string;
}

/**
 * The rules that grant `permissions`, as YAML to copy: one list for each namespace, and one for a ClusterRole. Rules
 * that differ in their verbs only are written as one.
 */
export function roleRules(permissions: readonly Permission[]): string {
  const byNamespace = Map.groupBy(permissions, ({ namespace }) => namespace);
  return [...byNamespace]
    .map(([namespace, needed]) => {
      const kind = namespace === '' ? 'ClusterRole' : `Role in namespace ${namespace}`;
      return [`# ${kind}`, 'rules:', ...rules(needed)].join('\n');
    })
    .join('\n');
}

function rules(permissions: readonly Permission[]): string[] {
  const rows = Map.groupBy(permissions, ({ group, resource, name }) =>
    JSON.stringify([group, resource, name]),
  );
  return [...rows.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const verbs = [...new Set(same.map(({ verb }) => verb))];
    return [
      `  - apiGroups: ["${first.group}"]`,
      `    resources: ["${first.resource}"]`,
      ...(first.name === undefined ? [] : [`    resourceNames: ["${first.name}"]`]),
      `    verbs: [${verbs.map((verb) => `"${verb}"`).join(', ')}]`,
    ];
  });
}
