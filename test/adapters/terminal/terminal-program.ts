/** Runs three steps in the list, as a program does that has a terminal. Ends with 3 when the step's own error comes out. */
import { createPerson } from '../../../src/adapters/terminal/person.ts';

const { stdin, stdout, stderr } = process;
const person = createPerson({
  output: 'text',
  stdin,
  stdout,
  stderr,
  endsAtMs: undefined,
  signal: new AbortController().signal,
  interrupt: () => {},
});
const failure = new Error('it failed');
async function deleteTags(): Promise<string> {
  person.say('please wait');
  return '3 tags';
}
const steps = [
  { key: 'list-new', title: 'list new-repo tags', skip: '--only legacy', run: async () => undefined },
  { key: 'delete', title: 'delete', skip: undefined, run: deleteTags },
  { key: 'teardown', title: 'teardown', skip: undefined, run: () => Promise.reject(failure) },
] as const;
const error = await person.steps(steps).catch((reason: unknown) => reason);
person.say('it is over');
process.exitCode = error === failure ? 3 : 1;
