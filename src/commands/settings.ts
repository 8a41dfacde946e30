/** What the steps of a command are told of its options, and of where it is. */
import type { Context } from '../steps/context.ts';
import { recoverCommand } from './advice.ts';
import { containerOf } from './preflight.ts';
import type { World } from './world.ts';

/** @param context the kubeconfig context's name */
export function settingsOf({ options, operator }: World, context: string): Context['settings'] {
  return {
    ...options,
    operator,
    context,
    recover: recoverCommand(options),
    container: containerOf(options),
  };
}
