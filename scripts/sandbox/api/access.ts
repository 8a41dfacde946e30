import type { Subject } from './status.ts';
import { forbidden } from './status.ts';

/** Something that the sandbox's user may not do; what is left out stands for everything. */
export interface Denial {
  /** A verb of RBAC, or `*`. */
  readonly verb: string;
  /** A plural name, with its subresource if it is about one: `pods`, `pods/exec`. */
  readonly resource: string;
  readonly group?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** What somebody wants to do, as RBAC sees it. */
export interface Attempt {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

/** Who the sandbox's token belongs to. */
export const userName = 'sandbox-administrator';

/** The permissions of the sandbox's user: everything, but for a list of denials. */
export class Access {
  denials: readonly Denial[] = [];

  isAllowed(attempt: Attempt): boolean {
    return !this.denials.some((denial) => covers(denial, attempt));
  }

  /** @throws {ApiError} 403 in the words of RBAC */
  assertAllowed(attempt: Attempt): void {
    if (this.isAllowed(attempt)) return;
    const { verb, group, resource, namespace, name } = attempt;
    const plural = fullResource(attempt);
    const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
    const subject: Subject = { group, plural: resource, name };
    throw forbidden(
      subject,
      `User ${JSON.stringify(userName)} cannot ${verb} resource ${JSON.stringify(plural)} in API group ${JSON.stringify(group)} ${where}`,
    );
  }
}

function covers(denial: Denial, attempt: Attempt): boolean {
  const fits = (asked: string | undefined, found: string) => asked === undefined || asked === found;
  return (
    (denial.verb === '*' || denial.verb === attempt.verb) &&
    denial.resource === fullResource(attempt) &&
    fits(denial.group, attempt.group) &&
    fits(denial.namespace, attempt.namespace) &&
    fits(denial.name, attempt.name)
  );
}

function fullResource({ resource, subresource }: Attempt): string {
  return subresource === '' ? resource : `${resource}/${subresource}`;
}
