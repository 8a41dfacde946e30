/**
 * One of several processes that want the lock of a folder at the same moment. Each line of standard input is a folder to
 * lock, or `release`; each is answered by a line: `locked`, `refused` or `released`.
 */
import { createInterface } from 'node:readline';
import { lockFolder } from '../../../src/adapters/storage/lock.ts';
import { RefusedError } from '../../../src/domain/errors.ts';

let release = async () => {};
for await (const line of createInterface({ input: process.stdin })) console.log(await answer(line));

async function answer(line: string): Promise<string> {
  if (line === 'release') {
    await release();
    release = async () => {};
    return 'released';
  }
  try {
    release = await lockFolder(line);
    return 'locked';
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return 'refused';
  }
}
