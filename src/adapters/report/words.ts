/** What standings and groups of tags are called, and what they mean. */
import type { Group } from '../../domain/report-figures.ts';
import type { Standing } from '../../domain/report-tags.ts';

export const groupLabels: Readonly<Record<Group, string>> = {
  deleted: 'deleted',
  open: 'to delete',
  failed: 'failed or drifted',
  retained: 'retained',
  protected: 'protected',
  unrecognised: 'unrecognised',
  other: 'not in the file',
};

export const standingWords: Readonly<Record<Standing, { readonly label: string; readonly meaning: string }>> =
  {
    deleted: { label: 'deleted', meaning: 'by this run' },
    gone: { label: 'gone already', meaning: 'when their turn came' },
    open: { label: 'to delete', meaning: 'not deleted so far' },
    failed: { label: 'failed', meaning: '--resume tries again' },
    drifted: { label: 'drifted', meaning: 'changed or needed since the plan was made, and left alone' },
    retained: { label: 'retained', meaning: 'named in the environments file' },
    struck: { label: 'struck', meaning: 'taken from the lists in review' },
    protected: { label: 'protected', meaning: 'something that stays needs them' },
    unrecognised: { label: 'unrecognised', meaning: 'no tag of a revision; left alone' },
    other: { label: 'not in the file', meaning: 'of environments that the file does not name; left alone' },
  };
