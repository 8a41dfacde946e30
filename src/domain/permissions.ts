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
