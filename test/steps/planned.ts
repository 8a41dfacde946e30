/** A run that has planned what to delete of one legacy repository. */
import { legacyRepository } from '../../src/domain/names.ts';
import { A, entry } from '../domain/builders.ts';
import { deletingScene, type Scene } from './scene.ts';

export const LEGACY = legacyRepository(A);

/** A legacy repository of environment A that retains revision 9: `1 one` puts tag 1 on the manifest "one". */
export async function planned(lines: readonly string[], scene = deletingScene()): Promise<Scene> {
  scene.registry.push(LEGACY, '9', 'kept');
  for (const line of lines) {
    const [name = '', nickname = ''] = line.split(' ');
    scene.registry.push(LEGACY, name, nickname);
  }
  await scene.begin({ environments: [entry(A, 9)] });
  await scene.list();
  scene.registry.calls.length = 0;
  return scene;
}

/** Doomed tags, each on a manifest of its own. */
export function manyTags(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${n + 100} m${n}`);
}

/** Another start of the program, some time later: what the first one has looked at may have changed. */
export function resume(scene: Scene): void {
  scene.context = { ...scene.context, plannedAtMs: undefined };
}
