/** Those who are measured in more than one case. */
import type { SandboxOptions } from '../sandbox/index.ts';
import type { Entrant } from './case.ts';
import { deleteByProgram, type ProgramOptions, type ProgramRun } from './program.ts';
import type { Scene } from './scene.ts';

/** What is known of one: of others than the program only how long it took. */
export type Entry = { readonly ms: number } & Partial<ProgramRun>;

/** For those that need deletion enabled, and cannot do it by themselves. */
const DELETES: SandboxOptions = {
  registryEnv: [{ name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'true' }],
};

/** One that is not the program. */
export function other(sandbox: SandboxOptions, measure: (scene: Scene) => Promise<number>): Entrant<Entry> {
  return {
    sandbox: { ...sandbox, ...DELETES },
    measure: async (scene) => ({ ms: await measure(scene) }),
  };
}

/** The program, deleting; it finds deletion disabled, as it mostly is. */
export function program(sandbox: SandboxOptions, options: ProgramOptions): Entrant<ProgramRun> {
  return { sandbox, measure: (scene) => deleteByProgram(scene, options) };
}
