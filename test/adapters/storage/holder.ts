/** A program that takes the lock of a state folder and holds it until it is ended. Says `locked` when it has it. */
import { lockFolder } from '../../../src/adapters/storage/lock.ts';

await lockFolder(process.argv[2] ?? '');
process.stdout.write('locked\n');
process.stdin.resume();
