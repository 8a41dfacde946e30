/** Changes to one container's `env`, as the operations of a JSON patch: each fits what those before it have left. */
import { changedEntry, isAsRunsSetIt, type Previous, type SettingKey } from './setting-record.ts';
import type { EnvEntry, JsonPatchOperation } from './workload.ts';

export class EnvChange {
  readonly operations: JsonPatchOperation[] = [];
  readonly #path: string;
  #env: readonly EnvEntry[] | undefined;

  /** @param path of the `env`, whether it is there or not */
  constructor(path: string, env: readonly EnvEntry[] | undefined) {
    this.#path = path;
    this.#env = env;
  }

  /** Sets the variable to what a run sets it to. Returns what was there before. */
  set(key: SettingKey): Previous {
    const wanted = changedEntry(key);
    const env = this.#env;
    const index = env?.findIndex(({ name }) => name === wanted.name) ?? -1;
    const entry = env?.[index];
    if (env === undefined) {
      this.operations.push({ op: 'add', path: this.#path, value: [wanted] });
      this.#env = [wanted];
    } else if (entry === undefined) {
      this.operations.push({ op: 'add', path: `${this.#path}/-`, value: wanted });
      this.#env = [...env, wanted];
    } else this.#replace(index, wanted);
    return previousOf(env, entry);
  }

  /** Puts back what was there before. Does nothing where the variable is not what a run sets it to. */
  restore(key: SettingKey, previous: Previous): void {
    const { name } = changedEntry(key);
    const env = this.#env ?? [];
    const index = env.findIndex((entry) => entry.name === name && isAsRunsSetIt(key, entry));
    if (index < 0) return;
    switch (previous.form) {
      case 'absent':
        this.#remove(index, previous);
        break;
      case 'literal':
        this.#replace(index, {
          name,
          ...(previous.value === undefined ? {} : { value: previous.value }),
        });
        break;
      case 'reference':
        this.#replace(index, { name, valueFrom: previous.valueFrom });
    }
  }

  // The tests are for the command that is run by hand: by then the guard on the resource version is gone.

  #replace(index: number, entry: EnvEntry): void {
    const at = `${this.#path}/${index}`;
    this.operations.push(
      { op: 'test', path: at, value: this.#env?.[index] },
      { op: 'replace', path: at, value: entry },
    );
    this.#env = this.#env?.with(index, entry);
  }

  #remove(index: number, { hadEnv }: { readonly hadEnv: boolean }): void {
    const env = this.#env ?? [];
    const at = `${this.#path}/${index}`;
    if (hadEnv || env.length > 1) {
      this.operations.push({ op: 'test', path: at, value: env[index] }, { op: 'remove', path: at });
      this.#env = env.toSpliced(index, 1);
    } else {
      this.operations.push({ op: 'test', path: this.#path, value: env }, { op: 'remove', path: this.#path });
      this.#env = undefined;
    }
  }
}

function previousOf(env: readonly EnvEntry[] | undefined, entry: EnvEntry | undefined): Previous {
  if (entry === undefined) return { form: 'absent', hadEnv: env !== undefined };
  if (entry.valueFrom !== undefined) return { form: 'reference', valueFrom: entry.valueFrom };
  return entry.value === undefined ? { form: 'literal' } : { form: 'literal', value: entry.value };
}
