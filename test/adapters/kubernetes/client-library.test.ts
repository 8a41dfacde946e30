import assert from 'node:assert/strict';
import { registerHooks } from 'node:module';
import { it } from 'node:test';
import { loadClientLibrary } from '../../../src/adapters/kubernetes/client-library.ts';

it('the client library is loaded without its generated models, and makes clients all the same', async () => {
  const loaded: string[] = [];
  const hooks = registerHooks({
    load: (url, context, next) => {
      loaded.push(url);
      return next(url, context);
    },
  });
  const { KubeConfig } = await loadClientLibrary();
  hooks.deregister();
  assert.ok(loaded.some((url) => url.endsWith('/client-node/dist/config.js')));
  assert.deepEqual(
    loaded.filter((url) => url.includes('/gen/models/') || url.includes('/gen/apis/')),
    [],
  );
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: 'https://k8s.example:6443' }],
    users: [{ name: 'u', token: 'none' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const { baseServer } = config.makeApiClient(
    class {
      readonly baseServer: { readonly url: string };
      constructor(configuration: { baseServer: unknown }) {
        this.baseServer = configuration.baseServer as { url: string };
      }
    } as never,
  ) as { baseServer: { url: string } };
  assert.equal(baseServer.url, 'https://k8s.example:6443');
});
