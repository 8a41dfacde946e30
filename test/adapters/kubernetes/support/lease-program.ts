/**
 * A program that takes the lease as run-1 and holds it. Says `held`; then, for each line of its input, whether it may
 * still act (`yes`, or why not). At the end of its input it lets go of the lease.
 *
 * Arguments: a kubeconfig, and the times as JSON.
 */
import { createInterface } from 'node:readline';
import { connect } from './connection.ts';

const [kubeconfig = '', times = '{}'] = process.argv.slice(2);
const { lease } = await connect(kubeconfig, { times: JSON.parse(times) });
const held = await lease.acquire({ status() {} }, new AbortController().signal);
process.stdout.write('held\n');
for await (const _ of createInterface(process.stdin)) process.stdout.write(`${mayAct()}\n`);
await held.release(new AbortController().signal);
process.stdout.write('released\n');

function mayAct(): string {
  try {
    held.requireHeld();
    return 'yes';
  } catch (error) {
    return String(error);
  }
}
