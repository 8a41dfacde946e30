/** The lists for review, as files in a run's folder. */
import { join } from 'node:path';
import { writeList } from '../../domain/lists.ts';
import { doomedTags, type RepositoryRef } from '../../domain/plan.ts';
import type { Lists } from '../../ports.ts';
import { ensureFolder, isFile, moveFile, readText, replaceText } from './files.ts';

/** `revisions_to_delete`, `tags/<repository>` and `tags/done/` in `folder`. */
export function openLists(folder: string): Lists {
  const tags = join(folder, 'tags');
  const done = join(tags, 'done');
  const name = (ref: RepositoryRef) => (ref.scheme === 'new' ? 'revisions_to_delete' : ref.repository);
  const open = (ref: RepositoryRef) => join(ref.scheme === 'new' ? folder : tags, name(ref));
  const finished = (ref: RepositoryRef) => join(done, name(ref));
  return {
    folder,

    async prepare() {
      for (const path of [folder, tags, done]) await ensureFolder(path);
    },

    async write(plan) {
      if (doomedTags(plan).length > 0) await replaceText(open(plan.ref), writeList(plan));
    },

    async read(ref) {
      return (await readText(open(ref))) ?? (await readText(finished(ref)));
    },

    async finish(ref) {
      if (await isFile(open(ref))) await moveFile(open(ref), finished(ref));
    },

    isFinished: (ref) => isFile(finished(ref)),

    place: open,
  };
}
