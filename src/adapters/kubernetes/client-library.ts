/**
 * The part of the Kubernetes client library that this program uses: what a kubeconfig says, and how it authenticates.
 *
 * Requests are sent by `api-client.ts`. The library's generated models and APIs, a thousand modules of which the kubeconfig
 * needs two functions, would take three quarters of the time that all of it takes to load, and 50 MiB of memory.
 */
import { createRequire, registerHooks } from 'node:module';

const CONFIG = '/@kubernetes/client-node/dist/config.js';
const GENERATED = './gen/index.js';
const PARTS = import.meta.resolve('./client-library-parts.ts');

/** The library, loaded when it is first asked for. */
export async function loadClientLibrary() {
  // For whoever it does not match, also another version of the library, everything is loaded as it stands there.
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === GENERATED && context.parentURL?.endsWith(CONFIG)
        ? next(PARTS, context)
        : next(specifier, context),
  });
  try {
    return await import('@kubernetes/client-node/dist/config.js');
  } finally {
    hooks.deregister();
  }
}

/**
 * Reads YAML with the parser that the library itself uses; the program has no other. An empty file gives `undefined`.
 */
export function parseYaml(text: string): unknown {
  const require = createRequire(import.meta.resolve('@kubernetes/client-node'));
  const { loadAll } = require('js-yaml') as { loadAll(text: string): unknown[] };
  return loadAll(text)[0];
}
