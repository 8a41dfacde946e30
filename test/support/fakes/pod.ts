/** The Skopeo pod, as a name and its owner. */
import { RefusedError } from '../../../src/domain/errors.ts';
import type { SkopeoPodInfo, SkopeoPodPort } from '../../../src/ports.ts';

/** The cluster's one place for a pod of the fixed name; several ports may look at it. */
export class FakePodPlace {
  /** The run whose pod is there. */
  owner: string | undefined;
  /** How many pods were ever created. */
  created = 0;
  /** Called before an operation; what it throws is its failure. */
  before: (call: 'find' | 'ensure' | 'remove') => void = () => {};

  port(run: string, scope: { anyRun: boolean } = { anyRun: false }): SkopeoPodPort {
    const refuseForeign = () => {
      if (this.owner !== undefined && this.owner !== run && !scope.anyRun)
        throw new RefusedError(`The pod belongs to run ${this.owner}.`);
    };
    return {
      find: async () => {
        this.before('find');
        return this.owner === undefined ? undefined : this.#info(this.owner);
      },
      ensure: async () => {
        this.before('ensure');
        refuseForeign();
        if (this.owner === undefined) this.created += 1;
        this.owner = run;
        return this.#info(run);
      },
      remove: async () => {
        this.before('remove');
        refuseForeign();
        const wasThere = this.owner !== undefined;
        this.owner = undefined;
        return wasThere;
      },
    };
  }

  #info(run: string): SkopeoPodInfo {
    return {
      name: 'docker-registry-cleaner',
      uid: `uid-${this.created}`,
      run,
      phase: 'Running',
      terminating: false,
      createdAt: '2026-11-23T10:00:00Z',
    };
  }
}
